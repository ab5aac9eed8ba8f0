"""Answers that are committed to before they are opened, so that nobody can pass on what he has just been told.

Who is asked gives a seal at once, the hash of its answers with a salt, and opens it when nobody takes seals any more:
``seconds`` later, or sooner if everybody who asks in this epoch has said that he asks no more. Who asks takes no seal
that comes later than ``seconds`` after the question first went out. A question is known to others only from then on, so
whoever puts it to somebody else is answered when its own seal is due no longer. Both ends count the same seconds from
events of their own: no clocks are compared.

A seal names who gives it, to whom and for which epoch: one that was given to a copier is nobody else's.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import wire

__all__ = ["CROWD", "Bond", "Seals", "seal"]

CROWD = 32
"""Where more participants than so many live, none tells the others when it has asked: seals wait their time."""
MOST = 64
"""Answers to one asker that wait to be opened."""
MOST_BYTES, ALL_BYTES = 2**25, 2**28
"""Of these answers to one asker, and to all together."""
KEPT = 60.0
"""Seconds for which a seal can be opened, once it can be."""

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Bond:
    """Between whom, and for which epoch, a seal is."""

    epoch: int
    speaker: int
    listener: int


def seal(bond: Bond, salt: bytes, tensors: Tensors) -> bytes:
    """The hash, 32 bytes, that commits to ``tensors``: sha256 over the bond, the salt and each array by name with its
    type, shape and bytes."""
    digest = hashlib.sha256(b"klopf seal")
    for number in (bond.epoch, bond.speaker, bond.listener):
        digest.update(number.to_bytes(8, "big"))
    digest.update(len(salt).to_bytes(8, "big") + salt)
    for name, array in sorted(tensors.items()):
        plain = np.ascontiguousarray(array)
        head = f"{name} {plain.dtype.str} {plain.shape}".encode()
        digest.update(len(head).to_bytes(8, "big") + head)
        digest.update(plain.tobytes())
    return digest.digest()


@dataclass
class _Sealed:
    bond: Bond
    answer: wire.Answer
    conversation: str
    samples: int
    opens: float
    size: int
    opened: bool = False


@dataclass
class Seals:
    """The answers of one speaker that wait to be opened. What a crash loses is never opened, and earns nothing."""

    seconds: float
    """Between a seal and its opening."""
    clock: Callable[[], float] = time.monotonic
    _asked: dict[int, set[int]] = field(default_factory=dict)
    """By epoch, who has said that it asks no more."""
    _expected: set[int] = field(default_factory=set)
    _epoch: int = 0
    """The last epoch in which anybody was waited for, and who was alive then."""
    _absent: set[int] = field(default_factory=set)
    """Who did not say so in the epoch before: not waited for again until it does."""
    _waiting: defaultdict[int, dict[bytes, _Sealed]] = field(default_factory=lambda: defaultdict(dict))
    """By asker and seal."""
    _order: deque[tuple[int, bytes]] = field(default_factory=deque)
    """The same from the oldest on."""
    _total: int = 0
    """Bytes of all answers that wait."""

    def asks_no_more(self, epoch: int, who: int) -> None:
        """``who`` has all the seals that it waits for in ``epoch``, which runs."""
        self._asked.setdefault(epoch, set()).add(who)
        self._asked = {e: told for e, told in self._asked.items() if e >= epoch - 1}

    def released(self, epoch: int, everybody: Collection[int]) -> bool:
        """Whether all of ``everybody`` ask no more in ``epoch``, which runs, without those who kept silent about the
        one before, if in that one anybody was to say so, and somebody did."""
        if epoch > self._epoch:
            told = self._asked.get(self._epoch, set())
            self._absent = self._expected - told if told and len(self._expected) <= CROWD else set()
            self._epoch = epoch
        self._expected = set(everybody)
        return len(everybody) <= CROWD and self._expected - self._absent <= self._asked.get(epoch, set())

    def close(self, bond: Bond, conversation: str, samples: int, answer: wire.Answer) -> wire.Answer:
        """Keep ``answer`` and return the seal that is sent in its place.

        Raises:
            wire.Decline: too many wait for this asker, or too much for all.
        """
        now, size = self.clock(), sum(array.nbytes for array in answer.tensors.values())
        self.admit(bond.listener, size)
        waiting = self._waiting[bond.listener]
        if self._total + size > ALL_BYTES:
            raise wire.Decline("too much waits to be opened: ask again later")
        salt = secrets.token_bytes(32)
        key = seal(bond, salt, answer.tensors)
        payload = dict(answer.payload or {}) | {"salt": salt.hex()}
        sealed = wire.Answer(answer.tensors, payload)
        waiting[key] = _Sealed(bond, sealed, conversation, samples, now + self.seconds, size)
        self._order.append((bond.listener, key))
        self._total += size
        return wire.Answer({}, {"seal": key.hex()})

    def admit(self, listener: int, size: int = 0) -> None:
        """Whether one more answer to ``listener`` could wait: to be asked before anybody thinks about it.

        Raises:
            wire.Decline: too many wait.
        """
        self._forget(self.clock())
        waiting = self._waiting.get(listener, {})
        if len(waiting) >= MOST or sum(one.size for one in waiting.values()) + size > MOST_BYTES:
            raise wire.Decline(f"{len(waiting)} answers wait to be opened: open them first")

    def _forget(self, now: float) -> None:
        """Drop what could be opened for long enough, whoever it was for."""
        while self._order:
            listener, key = self._order[0]
            if now <= self._waiting[listener][key].opens + KEPT:
                return
            self._order.popleft()
            self._total -= self._waiting[listener].pop(key).size
            if not self._waiting[listener]:
                del self._waiting[listener]

    def due(self, listener: int, key: bytes) -> tuple[int, float]:
        """For which epoch a seal was given, and in how many seconds it is opened at the latest.

        Raises:
            wire.Decline: there is no such seal.
        """
        found = self._waiting.get(listener, {}).get(key)
        if found is None:
            raise wire.Decline("no such seal was given, or it was lost: ask again")
        return found.bond.epoch, found.opens - self.clock()

    def opened(self, listener: int, key: bytes) -> wire.Answer:
        """What was sealed, which is due. May be asked for again: the answer may have been lost on its way."""
        return self._waiting[listener][key].answer

    def first_opened(self, listener: int, key: bytes) -> tuple[Bond, str, int] | None:
        """Between whom, in which conversation and how many samples were answered; None from the second time on."""
        found = self._waiting.get(listener, {}).get(key)
        if found is None or found.opened:
            return None
        found.opened = True
        return found.bond, found.conversation, found.samples
