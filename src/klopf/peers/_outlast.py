"""The ledger's node is away: acts that outlive it, and what whoever asks meanwhile is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from klopf import wire
from klopf.errors import Unanswered
from klopf.peers._shown import log

__all__ = ["outlast", "told_where_away"]

LONGEST_WAIT = 15.0
"""Seconds between two tries while the ledger's node is away, at most."""

T = TypeVar("T")
P = ParamSpec("P")


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


def told_where_away(handler: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """``handler`` of a neuron or auditor, but where it needs the ledger and that is away its asker is told so."""

    @wraps(handler)
    async def told(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return await handler(*arguments, **named)
        except Unanswered as error:
            raise wire.Decline(f"the ledger is away ({error}): ask again later") from None

    return told
