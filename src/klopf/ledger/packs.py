"""What a package outside needs to add a pack of contracts: see :class:`Pack` for the recipe."""

from __future__ import annotations

from klopf.ledger._client import Connection, Sent
from klopf.ledger._deployment import USUAL
from klopf.ledger._event import Event
from klopf.ledger._pack import PACKS, Contract, Deploying, Pack, pack_called
from klopf.ledger._replay import Replay

__all__ = ["PACKS", "USUAL", "Connection", "Contract", "Deploying", "Event", "Pack", "Replay", "Sent", "pack_called"]
