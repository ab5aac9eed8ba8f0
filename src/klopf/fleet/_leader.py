"""A node: devices behind one leader that alone talks to the demand server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from klopf.errors import FleetError
from klopf.fleet._check import judged
from klopf.fleet._device import Application, Instructions, Update
from klopf.fleet._divided import Divided
from klopf.fleet._gather import gathered
from klopf.fleet._members import Member, Step
from klopf.fleet._parameters import Parameters, digest, flat, shapes_of, split
from klopf.fleet._sealed import Keeps, Sealing, gathered_sealed
from klopf.fleet._sparse import pack, part_of, unpack
from klopf.fleet.strategies import Strategy

__all__ = ["Leader"]


class Leader:
    """Answers for its devices as if they were one: it passes on what is asked, and combines what they give back.

    Args:
        strategy: makes one for each job.
        enough: the part of the devices with whose answers it goes on. grace: seconds for the others then.
        spare: the part of a deadline that it keeps for itself.
        divided: how it divides what the node is paid, and tells its devices; they are told what it is told without.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Member],
        strategy: Callable[[], Strategy],
        *,
        enough: float = 1.0,
        grace: float = 0.25,
        spare: float = 0.1,
        divided: Divided | None = None,
    ) -> None:
        self.name, self.members = name, {member.name: member for member in members}
        if not members or len(self.members) != len(members):
            raise FleetError(f"node {name} needs at least one device, each with a name of its own")
        self._divided = divided
        self._make, self._enough, self._grace, self._spare = strategy, enough, grace, spare
        self.devices = frozenset(self.members)
        self._sealing = {m.name: m if isinstance(m, Sealing) else Keeps(m, m.name) for m in members}
        self._strategies: dict[str, Strategy] = {}
        self._kept = np.zeros(0, np.float32)  # of sparse changes, what was not sent yet

    async def apply(self, wanted: Instructions, timeout: float) -> Application:
        """All its devices' records, the slowest one's time, and the sample of the first."""
        asked = {name: member.apply(wanted, timeout) for name, member in self.members.items()}
        said, failed = await gathered(asked, len(asked), timeout * (1 - self._spare), 0)
        if not said:
            raise FleetError(f"no device of node {self.name} applies: {next(iter(failed.values()))[:100]}")
        records = sum(one.records for one in said.values())
        loss = sum(one.records * one.loss for one in said.values()) / records
        first = next(iter(said.values()))
        slowest = max(one.seconds * one.records for one in said.values())
        return Application(records, slowest / records, loss, first.inputs, first.targets)

    async def fit(
        self, parameters: Parameters, wanted: Instructions, timeout: float, step: Step | None = None
    ) -> Update:
        begun = time.perf_counter()
        enough, own = max(1, int(np.ceil(self._enough * len(self.members)))), timeout * (1 - self._spare)
        each = {name: self._divided.told(name, wanted) if self._divided else wanted for name in self.members}
        if wanted.sealed:  # between its devices, too: who overhears another one may be in the same node
            updates, _, _ = await gathered_sealed(
                self._sealing, parameters, each, enough=enough, deadline=own / 1.1, grace=self._grace, step=step
            )
        else:
            asked = {name: member.fit(parameters, each[name], timeout, step) for name, member in self.members.items()}
            updates, _ = await gathered(asked, enough, own, self._grace)
        good, _ = judged(updates, parameters)
        if not good:
            raise FleetError(f"no device of node {self.name} gave an update that can be used")
        if wanted.job not in self._strategies:
            self._kept = np.zeros(0, np.float32)
            self._strategies = {wanted.job: self._make()}  # a node works for one job at a time
        changes = {name: flat(good[name].change) for name in sorted(good)}
        combined = self._strategies[wanted.job].combine(changes, {n: float(u.records) for n, u in good.items()})
        if self._divided:
            self._divided.note(wanted, combined.used)
        records = sum(good[name].records for name in combined.used)
        loss = sum(weight * good[name].loss for name, weight in combined.used.items())
        whole, packed = combined.change, b""
        if wanted.sparse:
            self._kept = self._kept + whole if self._kept.shape == whole.shape else whole
            packed = pack(self._kept, part_of(self._kept.size, len(changes)))
            whole = unpack(packed, whole.size)
            self._kept = self._kept - whole
        change = split(whole, shapes_of(parameters))
        parts = good if wanted.parts else {}
        seconds = time.perf_counter() - begun
        return Update(change, digest(parameters), digest(change), records, loss, seconds, parts=parts, packed=packed)
