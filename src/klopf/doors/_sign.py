"""What the ledger says of an open door: where the network shows its participants as agents (ERC-8004), the file of
whoever is paid names the door, and that x402 is taken there, for as long as it is open.

Only a door that others reach is named. One that was killed is named until it is opened and closed again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from klopf import ledger
from klopf.errors import KlopfError
from klopf.ledger.agents import AgentIdentity

__all__ = ["sign"]


@contextlib.asynccontextmanager
async def sign(book: ledger.Ledger, id: int, url: str, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Name the door of participant ``id`` (0: nobody) at ``url`` on the ledger while the block runs."""

    async def name(place: str) -> None:
        try:
            await asyncio.to_thread(_named, book, id, place)
        except KlopfError as error:
            say(f"the ledger does not say where this door is: {error}")

    if not id or AgentIdentity.name not in book.deployment.addresses:
        yield
        return
    await name(url)
    try:
        yield
    finally:
        await name("")


def _named(book: ledger.Ledger, id: int, place: str) -> None:
    identity = book.client(AgentIdentity)
    if identity.door(id) != place:
        identity.sells_at(id, place)
        identity.announce([id])
