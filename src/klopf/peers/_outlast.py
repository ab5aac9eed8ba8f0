"""Acts that outlive the ledger's node being away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from klopf.errors import Unanswered
from klopf.peers._shown import log

__all__ = ["outlast"]

LONGEST_WAIT = 15.0
"""Seconds between two tries while the ledger's node is away, at most."""

T = TypeVar("T")


async def outlast(act: Callable[[], Awaitable[T]]) -> T:
    """Do ``act``; where the ledger is away meanwhile, once more from the start, until it is back."""
    wait = 0.5
    while True:
        try:
            return await act()
        except Unanswered as error:
            log(f"waiting for the ledger: {error}")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
