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
        self._before, self._last, self._since = Terms({}), Terms({}), -1

    def on_Proposed(self, e: Proposed) -> None:
        first = self._since < 0
        if self.clock.epoch >= self._since:
            self._before = self._last
        self._last, self._since = Terms(e.marks), 0 if first else self.clock.epoch + 1
        self.differ(f"epoch of {self.where(e)}", self._since, e.since)

    @property
    def now(self) -> Terms:
        """The marks of the running epoch."""
        return self._last if self.clock.epoch >= self._since else self._before

    def compare(self) -> None:
        self.differ("the contract's marks", self.now, self.client(Marks).current())


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

    def propose(self, marks: Terms) -> Sent:
        """Change them from the next epoch on; the owner of the rules only."""
        return self._write("propose", marks.as_tuple())
