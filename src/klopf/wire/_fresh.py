"""Has this request been answered before? Remembered as long as it could be sent again, and no longer."""

from __future__ import annotations

import heapq

from klopf.wire._codes import Code, Refusal

__all__ = ["Nonces"]


class Nonces:
    """Seen nonces of each sender, until they expire; bounded, and never forgotten early.

    A sender who fills its own ``capacity`` is told to wait; nobody else notices. The clock is the caller's.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._seen: dict[bytes, tuple[set[bytes], list[tuple[float, bytes]]]] = {}
        self._swept = 0.0
        self._forgotten = 0.0  # the latest expiry among the nonces that were dropped

    def __len__(self) -> int:
        return sum(len(seen) for seen, _ in self._seen.values())

    def add(self, sender: bytes, nonce: bytes, until: float, now: float) -> None:
        """Remember a nonce until the time ``until``. Raises Refusal(REPLAYED, EXPIRED or BUSY)."""
        if now - self._swept > 60:
            self._sweep(now)
        seen, order = self._seen.setdefault(sender, (set(), []))
        self._drop(seen, order, now)
        if until <= self._forgotten:  # only if the clock was set back: it may have been seen and dropped
            raise Refusal(Code.EXPIRED, "expired by this axon's clock before that was set back")
        if nonce in seen:
            raise Refusal(Code.REPLAYED, "this request was received before")
        if len(seen) >= self._capacity:
            raise Refusal(Code.BUSY, "too many requests of yours have yet to expire", max(order[0][0] - now, 0.0))
        seen.add(nonce)
        heapq.heappush(order, (until, nonce))

    def _drop(self, seen: set[bytes], order: list[tuple[float, bytes]], now: float) -> None:
        while order and order[0][0] < now:
            self._forgotten, nonce = max(self._forgotten, order[0][0]), heapq.heappop(order)[1]
            seen.discard(nonce)

    def _sweep(self, now: float) -> None:
        self._swept = now
        for sender, (seen, order) in list(self._seen.items()):
            self._drop(seen, order, now)
            if not seen:
                del self._seen[sender]
