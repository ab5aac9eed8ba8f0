"""What a neuron's audits must reach, and its change by the owner of the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import Marks as Terms
from klopf.ledger._replay import Replay
from klopf.ledger.core.clock import ClockReplay

__all__ = [
    "Marks",
    "MarksReplay",
    "Proposed",
]


@dataclass(frozen=True)
class Proposed(Event):
    """What audits must reach from epoch ``since`` on, by task."""

    since: int
    marks: dict[str, int]

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        since, rows = values
        return cls(*place, since, dict(Terms.from_tuple(rows).least))


class MarksReplay(Replay):
    """The marks of the running epoch, and those that wait."""

    def begin(self) -> None:
        self.clock = self.of(ClockReplay)
        self._said: dict[int, Terms] = {}

    def on_Proposed(self, e: Proposed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch + 1 if self._said else 0, e.since)
        self._said[e.since] = Terms(e.marks)

    def counted_in(self, epoch: int) -> Terms:
        """The marks of an epoch: its audits are judged by them."""
        return self._said[max(since for since in self._said if since <= epoch)]

    def compare(self) -> None:
        now = self.counted_in(self.clock.epoch)
        self.differ("the contract's marks", now, self.client(Marks).current())


class Marks(Contract):
    """What a neuron's audits must reach, and its change by the owner of the rules."""

    name = "Marks"
    events = (Proposed,)
    replay = MarksReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["marks"].as_tuple()

    def current(self) -> Terms:
        """The marks of the running epoch."""
        return Terms.from_tuple(self._read("current"))

    def owners_terms(self) -> Terms:
        return self.current()

    def propose(self, marks: Terms) -> Sent:
        """Change them from the next epoch on; the owner of the rules only."""
        return self._write("propose", marks.as_tuple())
