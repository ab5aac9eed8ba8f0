"""Stay awake for a moment after an answer where the next request comes at once.

A process that sleeps is woken some 30 µs after a request has come, which is as long as most answers take. Where clients
ask again within less than that moment, the loop goes on looking for it, and lets others have the processor in between.
A client that takes longer costs nothing.
"""

from __future__ import annotations

import asyncio
import os
import time

__all__ = ["Wakeful"]

QUICK_SECONDS = 300e-6  # from an answer to the next request, with the time that it takes to wake up
AWAKE_SECONDS = 250e-6
yield_processor = getattr(os, "sched_yield", lambda: time.sleep(0))


class Wakeful:
    """Of one event loop."""

    def __init__(self) -> None:
        self._answered = 0.0  # when the last answer was given
        self._is_quick = False  # whether the last request came soon after an answer
        self._looking = False

    def asked(self) -> None:
        """A request has come."""
        self._is_quick = time.monotonic() - self._answered < QUICK_SECONDS

    def answered(self) -> None:
        """An answer is on its way; in the loop."""
        self._answered = time.monotonic()
        if self._is_quick and not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Have the loop look again, at once."""
        if self._is_quick and time.monotonic() - self._answered < AWAKE_SECONDS:
            yield_processor()
            asyncio.get_running_loop().call_soon(self._look)
        else:
            self._looking = False
