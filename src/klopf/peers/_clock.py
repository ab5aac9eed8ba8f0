"""The ledger's clock, read once for all who live in one process: each of them looks several times a second."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Protocol

from klopf import ledger

__all__ = ["SharedClock", "shared_clock"]


class _Clock(Protocol):
    def now(self) -> ledger.Now: ...


@dataclass
class SharedClock:
    """What was last read, and when. One thread reads at a time, and the others wait for it."""

    now: ledger.Now | None = None
    read: float = float("-inf")
    lock: Lock = field(default_factory=Lock)

    def within(self, seconds: float) -> ledger.Now | None:
        """What was read in the last ``seconds``, if anything was."""
        return self.now if time.monotonic() <= self.read + seconds else None

    def look(self, clock: _Clock, seconds: float) -> ledger.Now:
        """The same, read anew where nothing was. Unanswered where the ledger is away."""
        with self.lock:
            if (seen := self.within(seconds)) is None:
                begun = time.monotonic()
                seen = clock.now()
                self.now, self.read = seen, begun
            return seen


@cache
def shared_clock(where: str, directory: str) -> SharedClock:
    """That of the network of ``directory`` on the chain at ``where``."""
    return SharedClock()
