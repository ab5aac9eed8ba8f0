"""What audits say about seats: who vouches for whom, how good each was found, and the terms of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import SeatTerms as Terms
from klopf.ledger._replay import Replay
from klopf.ledger.audit import _reference as ref
from klopf.ledger.core.clock import ClockReplay
from klopf.ledger.core.registry import RegistryReplay

__all__ = ["Proposed", "Seats", "SeatsReplay"]

_ASKED = 1000
"""Neurons that are asked about in one call."""


@dataclass(frozen=True)
class Proposed(Event):
    """The terms of seats from epoch ``since`` on."""

    since: int
    terms: tuple[int, ...]
    """As the contract has them; see ``klopf.ledger.SeatTerms``."""


class SeatsReplay(Replay):
    """Who vouches for whom, and how good each was found."""

    def begin(self) -> None:
        self.clock, self.registry = self.of(ClockReplay), self.of(RegistryReplay)
        self.registry.vouched, self.registry.outdoes = self.vouched, self.outdoes
        self._said: dict[int, Terms] = {}
        self.records: dict[int, ref.Record] = {}
        """By neuron."""

    def on_Proposed(self, e: Proposed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch + 1 if self._said else 0, e.since)
        self._said[e.since] = Terms(*e.terms)

    def counted_in(self, epoch: int) -> Terms:
        """The terms of an epoch."""
        return self._said[max(since for since in self._said if since <= epoch)]

    def judged(self, neuron: int, passed: bool, anew: bool, figure: int, by: Collection[int]) -> None:
        """The audits tell the outcome of one."""
        self.records[neuron] = ref.recorded(self.records.get(neuron, ref.Record()), passed, anew, figure, by)

    def vouched(self, neuron: int) -> bool:
        """Whether enough auditors found a neuron good for it to sit."""
        epoch, members = self.clock.epoch, self.registry.members
        opened = dict(self.registry.electorate(epoch))
        later = dict(self.registry.electorate(epoch + 1))
        by = self.records.get(neuron, ref.Record()).by
        return ref.vouched(
            {id: min(opened[id], later[id]) for id in by if id in members}, sum(opened.values()), self.now
        )

    def outdoes(self, neuron: int, incumbent: int, heard: int, rival: int) -> bool:
        """Whether a neuron takes a seat by its audits."""
        mine, other = (self.records.get(id, ref.Record()).grade for id in (neuron, incumbent))
        return ref.outdoes(mine, other, heard, rival, self.now)

    @property
    def now(self) -> Terms:
        """The terms of the running epoch."""
        return self.counted_in(self.clock.epoch)

    def compare(self) -> None:
        seats, ids = self.client(Seats), sorted(self.records)
        self.differ("the contract's terms of seats", self.now, seats.current())
        said = {id: self.records[id].grade for id in ids}
        self.differ("the contract's grades", said, dict(zip(ids, seats.grades(ids), strict=True)))
        for id in ids:
            self.differ(f"who vouches for {id} by the contract", list(self.records[id].by), seats.vouchers(id))


class Seats(Contract):
    """What audits say about seats."""

    name = "Seats"
    events = (Proposed,)
    replay = SeatsReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["seats"].as_tuple()

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

    def vouched(self, neuron: int) -> bool:
        """Whether enough auditors found a neuron good for it to sit."""
        return bool(self._read("vouched", neuron))

    def vouchers(self, neuron: int) -> list[int]:
        """Who found a neuron good since it last failed or changed its model."""
        return list(self._read("vouchers", neuron))

    def grades(self, neurons: Sequence[int]) -> list[int]:
        """How good audits found each of ``neurons``, in 1/10,000; 0 where there was none since it failed or changed its
        model."""
        pages = [list(neurons[at : at + _ASKED]) for at in range(0, len(neurons), _ASKED)]
        return [grade for page in pages for grade in self._read("grades", page)]
