"""Where on a chain something stands: found by a few questions about a few blocks, however long the history is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from klopf import ledger
from klopf.ledger import events
from klopf.ledger.packs import Contract

__all__ = ["Blocks"]

STEP = 5_000
"""Blocks that one question is about: public nodes allow no more."""
WHOLE = 1_000_000
"""And a chain in a file of this machine, which has an index of what its contracts said."""
E = TypeVar("E", bound=events.Event)


class Blocks:
    """The blocks of a deployment, up to the latest one when this was made."""

    def __init__(self, book: ledger.Ledger) -> None:
        self.book = book
        self.first, self.last = book.deployment.block, book.rpc.height()
        self._step = STEP if book.rpc.chain is None else WHOLE

    def said(self, of: Contract, kind: type[E], since: int, until: int, *topics: int | None) -> Iterator[E]:
        """What a contract said from block ``since`` to block ``until``, in order; ``topics`` are whole numbers, or None
        for any."""
        padded = (None if topic is None else "0x" + topic.to_bytes(32).hex() for topic in topics)
        return of._said((kind,), max(since, self.first), min(until, self.last), *padded, step=self._step)

    def latest(self, of: Contract, kind: type[E], until: tuple[int, int], *topics: int | None) -> E | None:
        """The last thing of its kind up to a place (block, and number in it), asked for backwards from there."""
        last = min(until[0], self.last)
        while last >= self.first:
            since = max(self.first, last - self._step + 1)
            found = [e for e in self.said(of, kind, since, last, *topics) if (e.block, e.log_index) <= until]
            if found:
                return found[-1]
            last = since - 1
        return None

    def opened(self, epoch: int) -> events.clock.Opened | None:
        """When an epoch began; None where it has not. By halving: each question is about few blocks."""
        low, high, clock = self.first, self.last, self.book.clock
        while high - low > self._step:
            middle = (low + high) // 2
            seen = next(self.said(clock, events.clock.Opened, middle, high), None)
            if seen is not None and (seen.epoch, seen.phase) == (epoch, 0):
                return seen
            if seen is not None and seen.epoch < epoch:
                low = seen.block
            else:  # none from the middle on, or a later one first
                high = middle - 1
        return next(self.said(clock, events.clock.Opened, low, high, epoch), None)
