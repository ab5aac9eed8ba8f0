"""The one thread that may touch the ledger, and what it does while the node is away.

A call that finds the node away takes seconds, since it tries again. Whoever comes to the thread behind it would wait as
long once more: a neuron answered no question any more within half a minute, though it needs the ledger for none it was
paid for before. So the node is looked for once in ``LOOK_AGAIN`` seconds, and all else is told at once what was found.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from klopf.errors import Unanswered

__all__ = ["LedgerThread"]

LOOK_AGAIN = 5.0
"""Seconds from one look for a node that is away to the next."""
LONG = 1.0
"""Seconds that a call takes at least that found the node away; who is sooner was told no by a node that is there."""

T = TypeVar("T")


class LedgerThread(ThreadPoolExecutor):
    """One thread, in which calls are made in their order."""

    def __init__(self) -> None:
        super().__init__(1, "ledger")
        self._away_until, self._found = 0.0, ""

    async def do(self, call: Callable[..., T], *arguments: Any) -> T:
        """``call`` in the thread. Unanswered where the ledger is away."""
        run = partial(contextvars.copy_context().run, self._unless_away, call, *arguments)  # logs as its caller does
        return await asyncio.get_running_loop().run_in_executor(self, run)

    def _unless_away(self, call: Callable[..., T], *arguments: Any) -> T:
        begun = time.monotonic()
        if begun < self._away_until:
            raise Unanswered(self._found)
        try:
            return call(*arguments)
        except Unanswered as error:
            now = time.monotonic()
            if now > begun + LONG:
                self._away_until, self._found = now + LOOK_AGAIN, str(error)
            raise
