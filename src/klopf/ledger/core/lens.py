"""One call for many: pages of participants. The code is behind a proxy that only the timelock may point elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._proxy import ProxyReplay

__all__ = [
    "Lens",
    "LensReplay",
    "Upgraded",
]


@dataclass(frozen=True)
class Upgraded(Event):
    """The code behind the proxy."""

    implementation: str


class LensReplay(ProxyReplay):
    """The code that was put there last."""

    def on_Upgraded(self, e: Upgraded) -> None:
        self.implementation = e.implementation


class Lens(Contract):
    """One call for many."""

    name = "Lens"
    behind_proxy = True
    events = (Upgraded,)
    replay = LensReplay

    def page(self, first: int, length: int) -> list[tuple[Any, ...]]:
        """Up to ``length`` participants from id ``first`` on: id, record, age, heard, staked."""
        return list(self._read("participants", first, length))
