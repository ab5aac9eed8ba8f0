"""The terms of emission and effort, and their change by the owner of the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import Economy as Terms
from klopf.ledger._replay import Replay

__all__ = [
    "Adopted",
    "Economy",
    "EconomyReplay",
    "Proposed",
]


@dataclass(frozen=True)
class Proposed(Event):
    """``terms`` as the contract has them; see ``klopf.ledger.Economy.from_tuple``."""

    terms: tuple[Any, ...]


@dataclass(frozen=True)
class Adopted(Event):
    """Played from ``cycle`` on."""

    cycle: int
    terms: tuple[Any, ...]


class EconomyReplay(Replay):
    """The terms of the running cycle, and those that wait."""

    def begin(self) -> None:
        self.now = Terms()
        self.waiting: Terms | None = None
        self._first = False
        self.cycle_of: Callable[[int], int] = lambda block: 0
        """The cycle that a block falls into; set by whoever counts them."""

    def on_Proposed(self, e: Proposed) -> None:
        self.waiting = Terms.from_tuple(e.terms)

    def on_Adopted(self, e: Adopted) -> None:
        terms = Terms.from_tuple(e.terms)
        if e.cycle:
            self.differ(f"cycle of {self.where(e)}", self.cycle_of(e.block), e.cycle)
            self.differ(f"economy of cycle {e.cycle}", self.waiting, terms)
            self.waiting = None
        self._first = self._first or not e.cycle
        self.now = terms

    def compare(self) -> None:
        self.differ("the first economy told", True, self._first)
        self.differ("the contract's economy", self.now, self.client(Economy).current())


class Economy(Contract):
    """The terms of emission and effort, and their change by the owner of the rules."""

    name = "Economy"
    events = (Proposed, Adopted)
    replay = EconomyReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["economy"].as_tuple()

    def current(self) -> Terms:
        """The terms of the last cycle that was opened."""
        return Terms.from_tuple(self._read("current"))

    def owners_terms(self) -> Terms:
        return self.current()

    def propose(self, economy: Terms) -> Sent:
        """Change the terms from the next cycle on that opens; the owner of the rules only."""
        return self._write("propose", economy.as_tuple())
