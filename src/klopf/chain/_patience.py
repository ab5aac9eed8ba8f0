"""How long a request may take where others wait for it: in a server's event loop, which answers one after another.

What takes longer raises :class:`TooLong` there and is begun again in a thread of its own. Elsewhere nothing is bounded.
"""

from __future__ import annotations

import math
import threading
import time

__all__ = ["TooLong", "at_most", "patience"]


class TooLong(Exception):
    """It takes longer than it may here; nothing has been done."""


class _Patience(threading.local):
    """How long this thread may still go on with what it is doing.

    What counts is the processor's time: on busy cores a thread may stand still for longer than it may work. But to ask
    for that takes a system call, so the clock is looked at first; only when that is up the processor's time begins to
    count, for as long again.
    """

    until = math.inf  # of the monotonic clock, in seconds: before that the time cannot be up
    cpu_until = math.inf  # of this thread's own
    seconds = math.inf

    def look(self) -> float:
        """Raise :class:`TooLong` where the time is up; returns until when, at least, it is not."""
        if self.until < math.inf and time.monotonic() > self.until:
            now = time.thread_time()
            self.cpu_until = min(self.cpu_until, now + self.seconds)
            left = self.cpu_until - now
            if left <= 0:
                raise TooLong
            self.until = time.monotonic() + left
        return self.until

    def refuse(self) -> None:
        """Raise :class:`TooLong` where time is bounded at all: what follows is known to be long."""
        if self.until < math.inf:
            raise TooLong


patience = _Patience()


class at_most:
    """``with at_most(seconds):`` inside, in this thread, what takes longer raises :class:`TooLong`."""

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        patience.seconds = self._seconds
        patience.until = time.monotonic() + self._seconds
        patience.cpu_until = math.inf

    def __exit__(self, *_: object) -> None:
        patience.until = patience.cpu_until = math.inf
