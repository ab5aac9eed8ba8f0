"""The terms of audits, and their change by the owner of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import AuditTerms as Terms
from klopf.ledger._replay import Replay
from klopf.ledger.core.clock import ClockReplay

__all__ = ["AuditTerms", "AuditTermsReplay", "Proposed"]


@dataclass(frozen=True)
class Proposed(Event):
    """The terms of audits from epoch ``since`` on."""

    since: int
    terms: tuple[int, ...]
    """As the contract has them; see ``klopf.ledger.AuditTerms``."""


class AuditTermsReplay(Replay):
    """The terms of the running epoch, and those that wait."""

    def begin(self) -> None:
        self.clock = self.of(ClockReplay)
        self._said: dict[int, Terms] = {}

    def on_Proposed(self, e: Proposed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch + 1 if self._said else 0, e.since)
        self._said[e.since] = Terms(*e.terms)

    def counted_in(self, epoch: int) -> Terms:
        """The terms of an epoch: its audits are judged by them."""
        return self._said[max(since for since in self._said if since <= epoch)]

    def compare(self) -> None:
        now = self.counted_in(self.clock.epoch)
        self.differ("the contract's terms of audits", now, self.client(AuditTerms).current())


class AuditTerms(Contract):
    """How many questions an audit has, and what it costs to doubt one."""

    name = "AuditTerms"
    events = (Proposed,)
    replay = AuditTermsReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["audit"].as_tuple()

    def current(self) -> Terms:
        """The terms of the running epoch."""
        return Terms(*self._read("current"))

    def owners_terms(self) -> Terms:
        return self.current()

    def counted_in(self, epoch: int) -> Terms:
        """The terms of an epoch."""
        return Terms(*self._read("countedIn", epoch))

    def propose(self, terms: Terms) -> Sent:
        """Change them from the next epoch on; the owner of the rules only."""
        return self._write("propose", terms.as_tuple())
