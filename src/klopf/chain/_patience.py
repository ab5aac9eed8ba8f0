"""How long a request may take where others wait for it: in a server's event loop, which answers one after another.

What takes longer raises :class:`TooLong` there and is begun again in a thread of its own. Elsewhere nothing is bounded.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator

__all__ = ["TooLong", "at_most", "patience"]


class TooLong(Exception):
    """It takes longer than it may here; nothing has been done."""


class _Patience(threading.local):
    """Until when this thread may go on with what it is doing, in seconds of the monotonic clock."""

    until = math.inf

    def look(self) -> None:
        """Raise :class:`TooLong` where the time is up."""
        if self.until < math.inf and time.monotonic() > self.until:
            raise TooLong

    def refuse(self) -> None:
        """Raise :class:`TooLong` where time is bounded at all: what follows is known to be long."""
        if self.until < math.inf:
            raise TooLong


patience = _Patience()


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Inside, in this thread, what takes longer raises :class:`TooLong`."""
    patience.until = time.monotonic() + seconds
    try:
        yield
    finally:
        patience.until = math.inf
