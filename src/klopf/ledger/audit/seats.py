"""What audits say about seats: who vouches for whom, how good each was found, and the terms of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from klopf.ledger._pack import Deploying
from klopf.ledger._parameters import SeatTerms as Terms
from klopf.ledger.audit import _reference as ref
from klopf.ledger.audit import _versions
from klopf.ledger.core.registry import RegistryReplay

__all__ = ["Proposed", "Seats", "SeatsReplay"]

_ASKED = 1000
"""Neurons that are asked about in one call."""


@dataclass(frozen=True)
class Proposed(_versions.Proposed):
    """The terms of seats from epoch ``since`` on."""


class SeatsReplay(_versions.VersionedReplay[Terms]):
    """Who vouches for whom, and how good each was found."""

    kind = Terms

    def begin(self) -> None:
        super().begin()
        self.registry = self.of(RegistryReplay)
        self.registry.vouched, self.registry.outdoes = self.vouched, self.outdoes
        self.records: dict[int, ref.Record] = {}
        """By neuron."""

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

    def compare(self) -> None:
        seats, ids = self.client(Seats), sorted(self.records)
        self.differ("the contract's terms of seats", self.now, seats.current())
        said = {id: self.records[id].grade for id in ids}
        self.differ("the contract's grades", said, dict(zip(ids, seats.grades(ids), strict=True)))
        for id in ids:
            self.differ(f"who vouches for {id} by the contract", list(self.records[id].by), seats.vouchers(id))


class Seats(_versions.Versioned[Terms]):
    """What audits say about seats."""

    name = "Seats"
    events = (Proposed,)
    replay = SeatsReplay
    kind = Terms

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["seats"].as_tuple()

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
