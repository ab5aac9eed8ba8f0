"""Looking for members before anybody trains: who answers, and waiting until enough do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from klopf.errors import FleetError
from klopf.fleet._gather import gathered
from klopf.fleet._links import named
from klopf.fleet._post import HERE, Card, Post

__all__ = ["wait_for"]

_LOOK, _OFTEN = 10.0, 30.0
"""Seconds for which an answer is waited for, and after which it is looked again, at most."""
_AGAIN = 60.0
"""Seconds after which it is said again who is missing."""
_GRACE = 0.25
"""Seconds for the others once enough have answered."""


async def wait_for(post: Post, cards: Sequence[Card], needed: int, longest: float, said: Callable[[str], None]) -> None:
    """Until ``needed`` of them answer; ``said`` is told a line about who is missing, and since when.

    Raises:
        FleetError: ``longest`` seconds have passed, and there are fewer.
    """
    dendrite, begun, told, pause = post.asking(cards), time.monotonic(), -_AGAIN, 1.0

    async def answers(card: Card) -> bool:
        peer = post.known(card)
        with named(card.name, peer):
            await dendrite.ask(peer, HERE, None, {}, timeout=_LOOK)
        return True

    while True:
        there, missing = await gathered({card.name: answers(card) for card in cards}, needed, _LOOK, _GRACE)
        if len(there) >= needed:
            return
        waited = time.monotonic() - begun
        name, why = next(iter(missing.items()))
        line = f"{len(there)} of {len(cards)} devices answer, and {needed} are needed; missing: "
        line += f"{_listed(list(missing))} ({name}: {why[:160]})"
        if waited + pause > longest:
            raise FleetError(f"{line}; nobody else came in {waited:.0f} s; are they served, and by these cards?")
        if waited - told >= _AGAIN:
            said(f"{line}; waiting, for {longest - waited:.0f} s more at most")
            told = waited
        await asyncio.sleep(pause)
        pause = min(_OFTEN, 1.5 * pause)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
