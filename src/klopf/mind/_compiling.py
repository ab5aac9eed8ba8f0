"""Compiling takes seconds, once for each kind of learner: who waits for it is told why, and how not to.

While Numba compiles, Python's search for cycles is off: it would visit the compiler's many objects again and again, and
finds nothing; a sixth of the time goes into it.
"""

from __future__ import annotations

import gc
import sys
import threading
from typing import Any

from numba.core import event

__all__ = ["listen"]

SOON = 1.0
"""Seconds of compiling of which nothing is said."""
LINE = (
    "klopf: compiling this kind of learner, once; the next start loads it from the cache (`klopf warm` compiles the "
    "common ones ahead)"
)


class _Listener(event.Listener):  # type: ignore[misc, unused-ignore]
    """Hears when Klopf's kernels begin and end to compile. Numba compiles one at a time, with what it is made of."""

    def __init__(self) -> None:
        self.depth = 0
        self.said = False
        self.collects = False
        self.timer: threading.Timer | None = None

    def on_start(self, happened: Any) -> None:
        """The outermost kernel of ours starts the clock."""
        function = getattr(happened.data.get("dispatcher"), "py_func", None)
        if self.depth or str(getattr(function, "__module__", "")).startswith("klopf."):
            self.depth += 1
        if self.depth != 1:
            return
        self.collects = gc.isenabled()
        gc.disable()
        if not self.said:
            self.timer = threading.Timer(SOON, self.say)
            self.timer.daemon = True
            self.timer.start()

    def on_end(self, happened: Any) -> None:
        """And stops it."""
        if self.depth == 1:
            if self.collects:
                gc.enable()
            if self.timer is not None:
                self.timer.cancel()
        self.depth = max(0, self.depth - 1)

    def say(self) -> None:
        """Once a process."""
        self.said = True
        print(LINE, file=sys.stderr, flush=True)


def listen() -> None:
    """Say so in one line on stderr, once a process, when a kernel of Klopf's takes more than a second to compile."""
    event.register("numba:compile", _Listener())  # type: ignore[no-untyped-call, unused-ignore]
