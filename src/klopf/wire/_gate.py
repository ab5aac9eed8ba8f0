"""How much each sender may ask, and who is served first when there is more work than hands."""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from klopf.wire._codes import Code, Refusal

__all__ = ["Gate", "Rates"]


class Rates:
    """A token bucket for each sender: ``rate`` requests a second, at most ``burst`` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens: dict[bytes, tuple[float, float]] = {}

    def take(self, sender: bytes, now: float) -> None:
        """Raises Refusal(BUSY), with the time after which to come again, once the sender's bucket is empty."""
        if len(self._tokens) > 4096:
            full = self._burst / self._rate
            self._tokens = {s: (t, at) for s, (t, at) in self._tokens.items() if now - at < full}
        tokens, at = self._tokens.get(sender, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        if tokens < 1:
            self._tokens[sender] = (tokens, now)
            raise Refusal(Code.BUSY, "too many requests", (1 - tokens) / self._rate)
        self._tokens[sender] = (tokens - 1, now)


class Gate:
    """At most ``width`` requests at work; ``queue`` more wait, the highest priority first, then the oldest.

    When the queue is full, the last in it gives way to a request of higher priority. A sender has at most ``share``
    requests inside at a time, waiting or at work.
    """

    def __init__(self, width: int, queue: int, share: int) -> None:
        self._width = width
        self._queue = queue
        self._share = share
        self._running = 0
        self._inside: Counter[bytes] = Counter()
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    @property
    def load(self) -> tuple[int, int]:
        """(at work, waiting)"""
        return self._running, len(self._waiting)

    @contextmanager
    def inside(self, sender: bytes) -> Iterator[None]:
        """Count one of the sender's requests as inside while the block runs. Raises Refusal(BUSY)."""
        if self._inside[sender] >= self._share:
            raise Refusal(Code.BUSY, "too many requests of yours are inside already", 0.1)
        self._inside[sender] += 1
        try:
            yield
        finally:
            self._inside[sender] -= 1
            if not self._inside[sender]:
                del self._inside[sender]

    @asynccontextmanager
    async def work(self, priority: float) -> AsyncIterator[None]:
        """Hold a place at work while the block runs, once it is our turn. Raises Refusal(BUSY)."""
        await self._enter(priority)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, priority: float) -> None:
        if self._running < self._width:
            self._running += 1
            return
        if len(self._waiting) >= self._queue:
            if not self._waiting or priority <= -self._waiting[-1][0]:
                raise Refusal(Code.BUSY, "too much to do", 0.25)
            last = self._waiting.pop()[2]
            if not last.done():
                last.set_exception(Refusal(Code.BUSY, "others were served first", 0.25))
        place = (-priority, next(self._order), asyncio.get_running_loop().create_future())
        bisect.insort(self._waiting, place)
        try:
            await place[2]
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place[2].done() and not place[2].cancelled() and place[2].exception() is None:
                self._leave()  # the place was handed over in the same moment
            raise

    def _leave(self) -> None:
        while self._waiting:
            following = self._waiting.pop(0)[2]
            if not following.done():  # done: given up in this very moment
                following.set_result(None)  # the place passes on; the number at work stays
                return
        self._running -= 1
