"""What a training device is, within one process: it is asked what it offers, and it trains."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._parameters import Parameters, digest, flat, shapes_of, split
from klopf.fleet._private import Accountant, Privacy, noised
from klopf.fleet._sparse import pack, part_of, unpack
from klopf.fleet.models import FleetModel, made

__all__ = ["Application", "Device", "Instructions", "TrainingDevice", "Update"]


@dataclass(frozen=True)
class Instructions:
    """What a demand server tells a device to do with parameters.

    job: the demand's name. model, settings: which model they belong to, and how it is made. round: from 1. epochs:
    passes over the device's own records. draws: where above 0, train on so many records instead, as drawn. seed: of
    all that is random; a device adds its own name. parts: a leader also gives back what its devices gave. sparse: send
    the largest 3 % of the change (at least 256 numbers), and keep the rest for the next round. target, columns: which
    columns of a device's records are learned, for devices that hold tables; ranges: of a column, what becomes -1 and 1;
    classes: names of the target's classes, where it has names. escrow: the ledger's job that holds the pay, or 0.
    said: what the server says, signed, of the round before (a :class:`Statement`); empty where it says
    nothing. sealed: give what was committed to in this round."""

    job: str
    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    round: int = 1
    epochs: int = 1
    draws: int = 0
    seed: int = 0
    parts: bool = False
    sparse: bool = False
    target: str = ""
    columns: Sequence[str] = ()
    ranges: Mapping[str, Sequence[float]] = field(default_factory=dict)
    classes: Sequence[str] = ()
    escrow: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)
    sealed: bool = False


@dataclass(frozen=True)
class Application:
    """What a device says of itself to a demand: how many records it has of the wanted kind, how long a pass over one
    took it just now (seconds), its model's loss on them, and a few of them as a sample (``(n, features)`` and
    ``(n,)``)."""

    records: int
    seconds: float
    loss: float
    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class Update:
    """What a device gives back: trained minus given parameters.

    base: digest of the parameters that it began from. digest: of ``change``. records: how many it trained on, as it
    says. loss: its mean loss on them before it trained. seconds: of work. sent,
    received: bytes that travelled for it, counted by who asked; 0 where nothing did. parts: of a node, the updates of
    its devices in which nothing was wrong, by name; empty where they were not asked for. packed: the change as it
    travels, where it is sparse."""

    change: Parameters
    base: str
    digest: str
    records: int
    loss: float
    seconds: float
    sent: int = 0
    received: int = 0
    parts: Mapping[str, Update] = field(default_factory=dict)
    packed: bytes = b""


@runtime_checkable
class Device(Protocol):
    """Something that trains on records which stay with it."""

    @property
    def name(self) -> str: ...

    def apply(self, wanted: Instructions) -> Application:
        """What it offers to a demand.

        Raises:
            FleetError: it declines, in one line.
        """

    def fit(self, parameters: Parameters, wanted: Instructions) -> Update:
        """Train from ``parameters`` on its own records.

        Raises:
            FleetError: it declines, in one line.
        """


class TrainingDevice:
    """A device that holds its records in memory.

    Args:
        name: unique among the devices of a demand.
        inputs, targets: ``(records, features)``, and class numbers or numbers ``(records,)``.
        sample: how many records it shows when it applies; 0 shows none.
        privacy, accountant: noise on all that it gives, and what keeps the budget; by default none. With them it shows
            no sample, and neither tells its loss nor, where they are in groups, how many records it has."""

    def __init__(
        self,
        name: str,
        inputs: NDArray[Any],
        targets: NDArray[Any],
        *,
        sample: int = 0,
        privacy: Privacy | None = None,
        accountant: Accountant | None = None,
    ) -> None:
        self.name = name
        self.inputs = np.ascontiguousarray(inputs, np.float32)
        self.targets = np.ascontiguousarray(targets, np.float32)
        if self.inputs.ndim != 2 or self.targets.shape != (len(self.inputs),) or not len(self.inputs):
            raise FleetError(
                f"device {name}: inputs {self.inputs.shape} and targets {self.targets.shape} are no records"
            )
        if not (np.isfinite(self.inputs).all() and np.isfinite(self.targets).all()):
            raise FleetError(f"device {name}: a record is not finite; mend it, or let klopf store leave it out")
        if privacy is not None and len(self.inputs) < privacy.groups:
            raise FleetError(f"{len(self.inputs)} records do not fill {privacy.groups} groups: ask for fewer groups")
        if privacy is not None and accountant is None:
            accountant = Accountant(None, privacy.epsilon, privacy.delta)
        self.sample, self._privacy, self._accountant = sample if privacy is None else 0, privacy, accountant
        self._kept: dict[str, NDArray[np.float32]] = {}
        self._last: tuple[tuple[str, int, str], Update] | None = None
        self._noise = np.random.default_rng()  # from the system: who could draw it again could take it away

    def apply(self, wanted: Instructions) -> Application:
        """The time is measured, by one pass over at most 256 records; under privacy over as many made-up ones, for what
        it costs, or fails with, may depend on records."""
        model = self._made(wanted)
        x, y = self.inputs[:256], self.targets[:256]
        if self._privacy is not None:
            x = np.random.default_rng(0).random((256, self.inputs.shape[1])).astype(np.float32)
            y = np.zeros(256, np.float32)
        loss = model.loss(x, y) if self._privacy is None else 0.0
        begun = time.perf_counter()
        model.train(x, y, 1, np.random.default_rng(0))
        seconds = (time.perf_counter() - begun) / len(x)
        shown = slice(0, min(self.sample, 256))
        records = 1 if self._privacy is not None and self._privacy.groups else len(self.inputs)
        return Application(records, seconds, loss, self.inputs[shown], self.targets[shown])

    def fit(self, parameters: Parameters, wanted: Instructions) -> Update:
        """Deterministic: the same parameters, instructions and name give the same update, to the bit; asked the same
        twice, it gives what it gave."""
        begun = time.perf_counter()
        base = digest(parameters)
        which = wanted.job, wanted.round, base
        if self._last is not None and self._last[0] == which:
            return self._last[1]
        model = self._made(wanted)
        records, loss = len(self.inputs), 0.0
        if self._privacy is not None and self._accountant is not None:
            records = 1 if self._privacy.groups else records  # else as for everybody: how many it has is not told
            change = self._noised(model, parameters, wanted, self._privacy, self._accountant)
        else:
            model.load(parameters)
            loss = self._train(model, wanted)
            change = [after - before for after, before in zip(model.parameters(), parameters, strict=True)]
        packed = b""
        if wanted.sparse:
            packed, change = self._packed(change, wanted.job)
        seconds = time.perf_counter() - begun if self._privacy is None else 0.0  # told to nobody
        update = Update(change, base, digest(change), records, loss, seconds, packed=packed)
        self._last = which, update
        return update

    def _made(self, wanted: Instructions) -> FleetModel:
        return made(wanted.model, wanted.settings, wanted.seed)

    def _noised(
        self, model: FleetModel, parameters: Parameters, wanted: Instructions, privacy: Privacy, accountant: Accountant
    ) -> Parameters:
        """The noised change; its price is paid before it is made. Nothing that depends on records leaves but through
        the noise: a group with which training fails, or ends where numbers end, changes nothing."""
        start = flat(parameters)
        model.load(parameters)  # what is wrong with the parameters is said before records are touched
        own: FleetModel | None = model  # one for all groups: to make one takes longer than to train it on a few records

        def train(places: NDArray[np.int64]) -> NDArray[np.float32]:
            nonlocal own
            try:
                kept, own = own or self._made(wanted), None
                kept.load(parameters)
                rng = np.random.default_rng([wanted.seed, wanted.round, int(places[0])])
                with np.errstate(all="ignore"):
                    kept.train(self.inputs[places], self.targets[places], wanted.epochs if privacy.groups else 1, rng)
                    change = flat(kept.parameters()) - start
            except Exception:  # whatever it was: that it was, tells of a record
                return np.zeros_like(start)
            if not np.isfinite(change).all():
                return np.zeros_like(start)
            own = kept  # one that failed or diverged is not used again: what is left in it could tell of its records
            return change

        def at_once(clip: float) -> NDArray[np.float64] | None:
            with np.errstate(all="ignore"):
                return model.cut_steps(self.inputs, self.targets, clip)

        accountant.spend(privacy.rho, f"{wanted.job}, round {wanted.round}")
        deal = np.random.default_rng([wanted.seed, *self.name.encode()])
        try:
            noisy = noised(train, len(self.inputs), privacy, deal, self._noise, at_once)
            return split(noisy, shapes_of(parameters))
        except Exception:
            raise FleetError("the private update could not be made; the round is spent") from None

    def _packed(self, change: Parameters, job: str) -> tuple[bytes, Parameters]:
        """What is sent of a change, with what was kept of earlier ones; the rest is kept."""
        whole = flat(change)
        if job in self._kept and self._kept[job].shape == whole.shape:
            whole += self._kept[job]
        packed = pack(whole, part_of(whole.size))
        sent = unpack(packed, whole.size)
        self._kept = {job: whole - sent}  # a device works for one job at a time
        return packed, split(sent, shapes_of(change))

    def _train(self, model: FleetModel, wanted: Instructions) -> float:
        loss = model.loss(self.inputs, self.targets)
        seed = [wanted.seed, wanted.round, *self.name.encode()]
        rng = np.random.default_rng(seed)
        if wanted.draws:
            drawn = rng.choice(len(self.inputs), wanted.draws, replace=wanted.draws > len(self.inputs))
            model.train(self.inputs[drawn], self.targets[drawn], 1, rng)
        else:
            model.train(self.inputs, self.targets, wanted.epochs, rng)
        return loss
