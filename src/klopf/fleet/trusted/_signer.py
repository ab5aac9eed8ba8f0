"""A device's key as the untrusted part has it: an address, and signatures for the asking."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import threading
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from klopf.errors import FleetError
from klopf.fleet.trusted._harden import Condition
from klopf.fleet.trusted._session import HEAD, HELLO, LONGEST, UNTRUSTED, Challenge, Hello, Session, length_of

__all__ = ["Signer", "answers"]

_PATIENCE = 60.0
_PAUSES = tuple(0.02 * 2**i for i in range(7))
"""Seconds, 2.5 in all."""


class _Closed(ConnectionError):
    """The trusted part is there and closed the connection."""


def answers(device: Path) -> bool:
    """Whether the trusted part of ``device`` is there, and the one that it was paired with."""
    try:
        Signer(device).close()
    except FleetError:
        return False
    return True


class Signer:
    """A connection to the trusted part in ``device/trusted``. It signs as :class:`klopf.ledger.keys.Key` does.

    Raises:
        FleetError: the trusted part does not answer, or is not the one that this device was paired with.
    """

    def __init__(self, device: Path, purpose: str = "") -> None:
        self._device, self._purpose = device, purpose
        self._one = threading.Lock()
        try:
            self._pairing = bytes.fromhex((device / "pairing").read_text())
        except FileNotFoundError:
            raise FleetError(f"{device} is no device's folder: `klopf device new` makes one") from None
        except OSError as error:
            raise FleetError(f"{device}/pairing: {error.strerror}; run this as the device's own user") from None
        except ValueError:
            raise FleetError(f"{device}/pairing is damaged: put its backup back") from None
        self._socket, self._session, self.condition = self._connected()
        self.address: str = self.condition["address"]

    def sign(self, digest: bytes) -> bytes:
        """Signature of a 32-byte ``digest``: r, s, v, as contracts and wallets expect.

        Raises:
            FleetError: the trusted part refused, or is gone.
        """
        with self._one:
            if self._session.full:
                self._renew()
            try:
                return self._signature(digest)
            except OSError:
                self._renew()  # it was started again in between; what was asked was not signed, or is signed twice
                try:
                    return self._signature(digest)
                except OSError as error:
                    raise FleetError(f"the trusted part of {self._device} is gone ({error}): start it again") from None

    @property
    def lacks(self) -> list[str]:
        """What is not as it should be with the trusted part, a line each."""
        said: dict[str, Any] = {field.name: self.condition.get(field.name) for field in fields(Condition)}
        return Condition(**said).lacks()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def _renew(self) -> None:
        self.close()
        self._socket, self._session, now = self._connected()
        if now["address"] != self.address:
            raise FleetError(f"the trusted part of {self._device} has another key now: {now['address']}")

    def _signature(self, digest: bytes) -> bytes:
        asked = self._ask({"digest": digest.hex(), "purpose": self._purpose})
        try:
            challenge = Challenge(bytes.fromhex(asked["nonce"]), tuple(int(place) for place in asked["places"]))
            said = self._ask({"answer": self._session.answer(challenge, digest).hex()})
            return bytes.fromhex(said["signature"])
        except (KeyError, TypeError, ValueError):
            raise FleetError("the trusted part answered with what is no answer; it may be of another version") from None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._socket.sendall(self._session.seal(json.dumps(request).encode()))
        said = _heard(self._socket, self._session)
        if "refused" in said:
            raise FleetError(str(said["refused"]))
        return said

    def _connected(self) -> tuple[socket.socket, Session, dict[str, Any]]:
        """A new session; tried again with growing pauses where the trusted part is there and has no place free."""
        for pause in _PAUSES:
            try:
                return self._once()
            except (BlockingIOError, ConnectionResetError, BrokenPipeError, _Closed):
                time.sleep(pause * random.uniform(0.5, 1.5))  # not all at once again
            except OSError as error:
                raise self._away(error) from None
        try:
            return self._once()
        except OSError as error:
            raise self._away(error) from None

    def _away(self, error: OSError) -> FleetError:
        return FleetError(
            f"no trusted part answers in {self._device}/trusted ({error.strerror or error}): start it with"
            f" `klopf device signer {self._device}`"
        )

    def _once(self) -> tuple[socket.socket, Session, dict[str, Any]]:
        there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        there.settimeout(_PATIENCE)
        try:
            folder = os.open(self._device / "trusted", os.O_PATH | os.O_DIRECTORY)
            try:
                there.connect(f"/proc/self/fd/{folder}/socket")  # the path of a Unix socket has at most 107 bytes
            finally:
                os.close(folder)
            hello = Hello()
            there.sendall(hello.sent)
            session = hello.session(UNTRUSTED, _exactly(there, HELLO), self._pairing)
            try:
                return there, session, _heard(there, session)
            except FleetError:
                raise FleetError(
                    f"what answers in {self._device}/trusted is not the trusted part that this device was paired with"
                ) from None
        except BaseException:
            there.close()
            raise


def _heard(there: socket.socket, session: Session) -> dict[str, Any]:
    head = _exactly(there, HEAD)
    said = json.loads(session.open(head + _exactly(there, length_of(head))))
    if not isinstance(said, dict):
        raise FleetError("the trusted part answered with what is no answer; it may be of another version")
    return said


def _exactly(there: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = there.recv(min(size - len(found), LONGEST))
        if not piece:
            raise _Closed("it closed the connection")
        found += piece
    return found
