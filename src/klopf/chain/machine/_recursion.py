"""Room for deep recursion, only while a machine runs: 1,024 nested messages are some ten Python frames each."""

from __future__ import annotations

import contextlib
import sys
import threading

__all__ = ["deep"]

FRAMES = 24 * 1024


class _Deep:
    """Raises Python's recursion limit inside ``with deep:``, from any number of threads, and only there.

    With the limit raised for good, as the machines' packages do it, a hostile ``[[[[…`` overflows the stack of any C
    parser in the process (json's, for one) instead of raising RecursionError.
    """

    def __init__(self) -> None:
        self._running = 0
        self._before = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._running == 0:
                self._before = sys.getrecursionlimit()
                sys.setrecursionlimit(max(FRAMES, self._before))
            self._running += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0:
                # a thread that is deeper than that just now (in a library of its own) keeps the room it has
                with contextlib.suppress(RecursionError):
                    sys.setrecursionlimit(self._before)


deep = _Deep()
