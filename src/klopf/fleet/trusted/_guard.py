"""What the trusted part says to what it is asked: it signs after a challenge, not too often, and writes down what."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klopf.errors import FleetError, KlopfError
from klopf.fleet.trusted._session import WINDOW, Challenge, Session
from klopf.nested import from_json

__all__ = ["Book", "Guard"]

_PURPOSE = 64


class Book:
    """How often a key may sign, over all sessions, and who is told of each signature before it is given."""

    def __init__(
        self,
        sign: Callable[[bytes], bytes],
        per_minute: int,
        written: Callable[[bytes, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sign, self._per_minute, self._written, self._clock = sign, per_minute, written, clock
        self._times: deque[float] = deque()

    def sign(self, digest: bytes, purpose: str) -> bytes:
        """Raises:
        FleetError: it has signed as often as it may in a minute.
        """
        now = self._clock()
        while self._times and self._times[0] <= now - 60:
            self._times.popleft()
        if len(self._times) >= self._per_minute:
            wait = self._times[0] + 60 - now
            raise FleetError(f"the key signs {self._per_minute} times a minute at most: try again in {wait:.0f} s")
        self._times.append(now)
        self._written(digest, purpose)  # before it is given: a signature that the log does not know would be worse
        return self._sign(digest)


@dataclass(frozen=True)
class _Asked:
    digest: bytes
    purpose: str
    challenge: Challenge
    until: float


class Guard:
    """The trusted part's side of one session."""

    def __init__(self, session: Session, book: Book, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._book, self._clock = session, book, clock
        self._asked: _Asked | None = None

    def hear(self, message: bytes) -> bytes:
        """The message in answer to a message.

        Raises:
            FleetError: the message is not of this session, which is over by that.
        """
        body = self._session.open(message)
        try:
            said = self._said(from_json(body))
        except KlopfError as error:
            said = {"refused": str(error)}
        except (ValueError, TypeError, KeyError, RecursionError):
            said = {"refused": "this is no request that the trusted part knows"}
        return self._session.seal(json.dumps(said).encode())

    def _said(self, request: dict[str, Any]) -> dict[str, Any]:
        asked, self._asked = self._asked, None  # a challenge is for the very next message, and for that alone
        if "digest" in request:
            digest, purpose = bytes.fromhex(request["digest"]), request["purpose"]
            if (
                len(digest) != 32
                or not isinstance(purpose, str)
                or len(purpose) > _PURPOSE
                or not purpose.isprintable()
            ):
                raise FleetError(
                    f"a request to sign has a digest of 32 bytes and a purpose of at most {_PURPOSE} letters"
                )
            challenge = self._session.challenge()
            self._asked = _Asked(digest, purpose, challenge, self._clock() + WINDOW)
            return {"nonce": challenge.nonce.hex(), "places": challenge.places}
        if asked is None:
            raise FleetError("nothing was asked to be signed just before this answer")
        if self._clock() > asked.until:
            raise FleetError(f"the answer came more than {WINDOW:g} s after the challenge: ask again")
        if not self._session.answers(asked.challenge, asked.digest, bytes.fromhex(request["answer"])):
            raise FleetError("the answer is not that to the challenge for this digest")
        return {"signature": self._book.sign(asked.digest, asked.purpose).hex()}
