"""Terms that belong to the owner of the rules: a change counts from the next epoch on, and reaches back to none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import AuditTerms, CaseTerms, SeatTerms
from klopf.ledger._replay import Replay
from klopf.ledger.core.clock import ClockReplay

__all__ = ["Proposed", "Versioned", "VersionedReplay"]

Terms = TypeVar("Terms", AuditTerms, SeatTerms, CaseTerms)


@dataclass(frozen=True)
class Proposed(Event):
    """The terms from epoch ``since`` on."""

    since: int
    terms: tuple[int, ...]
    """As the contract has them; see ``klopf.ledger.AuditTerms``, ``SeatTerms`` and ``CaseTerms`` there."""


class VersionedReplay(Replay, Generic[Terms]):
    """The terms of each epoch, those that wait among them."""

    kind: type[Terms]

    def begin(self) -> None:
        self.clock = self.of(ClockReplay)
        self._said: dict[int, Terms] = {}

    def on_Proposed(self, e: Proposed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch + 1 if self._said else 0, e.since)
        self._said[e.since] = self.kind(*e.terms)

    def counted_in(self, epoch: int) -> Terms:
        """The terms of an epoch."""
        return self._said[max(since for since in self._said if since <= epoch)]

    @property
    def now(self) -> Terms:
        """The terms of the running epoch."""
        return self.counted_in(self.clock.epoch)


class Versioned(Contract, Generic[Terms]):
    """A contract of terms."""

    kind: type[Terms]

    def current(self) -> Terms:
        """The terms of the running epoch."""
        return self.kind(*self._read("current"))

    def owners_terms(self) -> Terms:
        return self.current()

    def counted_in(self, epoch: int) -> Terms:
        """The terms of an epoch."""
        return self.kind(*self._read("countedIn", epoch))

    def propose(self, terms: Terms) -> Sent:
        """Change them from the next epoch on; the owner of the rules only."""
        return self._write("propose", terms.as_tuple())
