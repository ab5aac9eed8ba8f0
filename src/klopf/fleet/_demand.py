"""A demand as a file describes it, and as a folder that a stopped server goes on from."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from klopf import files, wire
from klopf.errors import FleetError, worded
from klopf.fleet._buffered import run_buffered
from klopf.fleet._choose import Oort
from klopf.fleet._contribution import Validation, shares
from klopf.fleet._device import Instructions
from klopf.fleet._masked import least
from klopf.fleet._members import Member
from klopf.fleet._parameters import MOST, Parameters, digest
from klopf.fleet._pay import by_member
from klopf.fleet._post import Card, Post
from klopf.fleet._records import class_names, read_records, usual_ranges
from klopf.fleet._rounds import Demand, Outcome, Ready, Round, Rounds, Test, at_once
from klopf.fleet._secure import MaskedMember, reach_masked, run_masked
from klopf.fleet._statement import statement_of
from klopf.fleet._there import wait_for
from klopf.fleet.models import FleetModel, made
from klopf.fleet.strategies import strategy
from klopf.tables import read

__all__ = ["EXAMPLE", "DemandFolder", "DemandSettings", "wants_escrow"]

_WANTED = "wanted-price"

EXAMPLE = """\
job = "net load"                # what devices are told it is called
test = "test.csv"               # the server's own records, which no device sees: CSV or Parquet
target = "load"                 # the column to predict: numbers, class numbers from 0, or classes by their names
columns = []                    # the inputs in their order, such as ["hour", "wind"]; empty: all but the target
scale = true                    # devices bring columns between -1 and 1, by what is usual in the test's records
ranges = {}                     # of a column, what becomes -1 and 1 in place of the usual, such as { hour = [0, 23] }
classes = []                    # names of the target's classes in their order; empty: as the test's records have them
validation = 0.5                # the part of them on which contributions are valued
goal = 0.8                      # accuracy, or explained variance, at which it ends
rounds = 30                     # at most
epochs = 2                      # passes over a device's own records in a round
share = 1.0                     # of the devices that take part in a round
choice = "useful"               # where that is under 1: by what they apply with and are worth, and speed; or even
enough = 0.8                    # of their answers with which a round goes on
deadline = 60.0                 # seconds
strategy = "robust"             # or average, diloco, or package.module:Class
sparse = false                  # few bytes: the largest 3 % of a change, two bits each
mode = "rounds"                 # or plain, buffered, masked: docs/fleet.md, "Modes"
buffer = 0.5                    # of the devices, with whose updates a buffered round ends
seed = 0

[model]
name = "mind"                   # or linear, ridge, layers, torch: docs/fleet.md, "Models"
settings = { sensors = 24, outputs = 1, hidden = [16], output = "linear", step_size = 0.01 }
"""


_FAR = 30
"""Mean and spread of a column together from which on it is said that a model of gradients learns badly from it."""
_OFTEN = 4
"""Times that a class number is there, in the mean, from which on it looks like one."""
_RISKS = {
    "plain": "plain rounds: who sees what another device sends can send it, too, and earns about a quarter of an "
    'honest device\'s pay by it; mode = "rounds" seals them against that',
    "buffered": "buffered rounds are not sealed: who sees what another device sends can earn by sending it, too",
    "masked": "masked rounds pay by presence: nobody sees what a device gave, so nobody sees whether it is work",
}
"""What a mode leaves open."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    settings: dict[str, Any] = {}


class DemandSettings(BaseModel):
    """A demand's file; ``EXAMPLE`` says what each field means."""

    model_config = ConfigDict(extra="forbid")
    job: str = Field(min_length=1, max_length=100)
    test: Path
    target: str
    columns: list[str] = []
    scale: bool = False
    classes: list[str] = Field([], max_length=10_000)
    ranges: dict[str, tuple[float, float]] = {}
    validation: float = Field(0.5, gt=0, lt=1)
    goal: float = Field(1.0, ge=-1, le=1, allow_inf_nan=False)
    rounds: int = Field(30, ge=1)
    epochs: int = Field(1, ge=1)
    share: float = Field(1.0, gt=0, le=1)
    choice: Literal["useful", "even"] = "useful"
    enough: float = Field(1.0, gt=0, le=1)
    deadline: float = Field(60.0, gt=0, le=600)
    strategy: str = "robust"
    sparse: bool = False
    mode: Literal["rounds", "plain", "buffered", "masked"] = "rounds"
    buffer: float = Field(0.5, gt=0, le=1)
    seed: int = Field(0, ge=0)
    model: _Model

    @classmethod
    def read(cls, path: Path) -> DemandSettings:
        """From a TOML file; a file that it names is looked for beside it.

        Raises:
            FleetError: it cannot be read, or a field is not what it must be.
        """
        try:
            settings = cls.model_validate(tomllib.loads(path.read_text()))
        except OSError as error:
            raise FleetError(f"cannot read {path}: {error.strerror}; `klopf demand example` prints one") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FleetError(f"{path} is no TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise FleetError(
                f"{path}: {where}: {worded(first, cls)}; `klopf demand example` shows all fields"
            ) from None
        if settings.mode == "masked" and (settings.sparse or settings.share < 1):
            raise FleetError(f"{path}: masked rounds are of all devices (share = 1.0) and whole (sparse = false)")
        return settings.model_copy(update={"test": path.parent / settings.test})


class DemandFolder:
    """What a demand server needs: its identity, its own records, and how far it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            said = json.loads((path / "demand.json").read_text())
            self.settings = DemandSettings.model_validate(said["settings"])
            self.columns: list[str] = said["columns"]
            self.salt = bytes.fromhex(said["salt"])
            self.classes: list[str] = said.get("classes", [])
            self.ranges: dict[str, list[float]] = said.get("ranges", {})
        except (OSError, KeyError, ValueError):
            raise FleetError(f"{path} is no folder of a demand: `klopf demand post` makes one") from None

    @classmethod
    def create(cls, path: Path, settings: DemandSettings, price: int = 0) -> DemandFolder:
        """Check everything, then write the folder, whole or not at all. It is its owner's alone to read: who knows the
        records on which contributions are valued can please them. ``price``: of an escrow that is to follow.

        Raises:
            FleetError: the records, the model or the strategy do not fit, or the folder is there already.
        """
        if path.exists():
            raise FleetError(f"{path} exists: a demand is posted into a new folder; choose another name")
        classes = settings.classes or list(class_names(settings.test, settings.target))
        columns = settings.columns or [name for name in read(settings.test).names if name != settings.target]
        ranges = _ranges(settings, columns, bool(classes))
        inputs, targets, _ = read_records(settings.test, settings.target, columns, ranges, classes)
        if len(inputs) < 20:
            raise FleetError(f"{settings.test} has {len(inputs)} records: 20 are the fewest to test and value with")
        model = made(settings.model.name, settings.model.settings, settings.seed)
        if (numbers := sum(array.size for array in model.parameters())) > MOST:
            raise FleetError(f"the model has {numbers:,} numbers: {MOST:,} are the most that travel")
        try:
            model.loss(inputs, targets) if classes else model.loss(inputs[:1], targets[:1])
        except Exception as error:
            more = f"; it is to tell {len(classes)} classes" if classes else ""
            raise FleetError(
                f"the model does not fit the records of {settings.test}: {str(error)[:200]}{more}"
            ) from None
        strategy(settings.strategy)
        said = {"settings": settings.model_dump(mode="json"), "columns": columns, "salt": os.urandom(16).hex(),
                "classes": classes, "ranges": ranges}  # fmt: skip
        with files.replaced_folder(path) as draft:
            order = np.random.default_rng([settings.seed, 7]).permutation(len(inputs))
            content = BytesIO()
            np.savez(content, inputs=inputs[order], targets=targets[order])
            files.create(draft / "records.npz", content.getvalue(), private=True)
            files.create(draft / "demand.json", json.dumps(said, indent=1), private=True)
            if price:
                files.create(draft / _WANTED, str(price))
            files.create(draft / "server.key", os.urandom(32), private=True)
            wire.Certificate.new("demand server").save(draft)
        return cls(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """While it lasts, no other process may run this demand. Raises FleetError."""
        try:
            handle = files.lock(self.path / "lock")
        except BlockingIOError:
            raise FleetError(f"another process runs {self.path}: end that one first, or leave it to it") from None
        try:
            yield
        finally:
            os.close(handle)

    def wanted(self) -> int:
        """The price of an escrow that is still to follow; 0 where none is."""
        try:
            return int((self.path / _WANTED).read_text())
        except FileNotFoundError:
            return 0

    def secret(self) -> bytes:
        """The server's key, with which it also reports on the escrow."""
        return (self.path / "server.key").read_bytes()

    def post(self) -> Post:
        """The server's place on the wire."""
        return Post("server", secret=self.secret(), certificate=wire.Certificate.load(self.path))

    def note_job(self, id: int, price: int, rpc: str, deployment: Path) -> None:
        """Keep which escrow pays for it."""
        said = {"id": id, "price": price, "rpc": rpc, "deployment": str(deployment.resolve())}
        files.replace(self.path / "job.json", json.dumps(said) + "\n")
        (self.path / _WANTED).unlink(missing_ok=True)

    def job(self) -> dict[str, Any]:
        """The escrow that pays for it; ``{}`` where there is none."""
        try:
            return dict(json.loads((self.path / "job.json").read_text()))
        except FileNotFoundError:
            return {}

    def records(self) -> tuple[Validation, Test]:
        """On what is valued, and on what is tested."""
        arrays = files.arrays(self.path / "records.npz")
        cut = max(1, int(self.settings.validation * len(arrays["inputs"])))
        x, y = arrays["inputs"], arrays["targets"]
        return Validation(x[:cut], y[:cut], self.salt), Test(x[cut:], y[cut:])

    def demand(self) -> Demand:
        """As rounds take it."""
        s = self.settings
        wanted = Instructions(
            s.job, s.model.name, s.model.settings, epochs=s.epochs, seed=s.seed, sparse=s.sparse, ranges=self.ranges,
            target=s.target, columns=tuple(self.columns), classes=tuple(self.classes),
            escrow=self.job().get("id", 0),
        )  # fmt: skip
        return Demand(wanted, s.rounds, s.goal, s.share, s.enough, s.deadline, sealed=s.mode == "rounds")

    def terms(self) -> bytes:
        """32 bytes that name the whole demand and the commitment to its validation set, for an escrow."""
        said = {"settings": self.settings.model_dump(mode="json"), "validation": self.records()[0].commitment()}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()

    def state(self) -> dict[str, Any]:
        """How far it is: ``{}`` before the first round."""
        try:
            return dict(json.loads((self.path / "state.json").read_text()))
        except FileNotFoundError:
            return {}

    def remarks(self) -> list[str]:
        """What may not be meant as it is written, or is left open by its mode: a line each."""
        s, test = self.settings, self.records()[1]
        found = [_RISKS[s.mode]] if s.mode in _RISKS else []
        classes = _classes(test.targets)
        if classes and _predicts_numbers(made(s.model.name, s.model.settings, s.seed), test):
            found.append(
                f"{s.target} is whole numbers from 0 to {classes - 1}, and the model predicts a number: if they are "
                f'classes, say so in its settings (of a mind: outputs = {classes}, output = "softmax")'
            )
        wide = _far_out(test.inputs)
        if wide and s.model.name != "ridge":
            place, middle, spread = wide[0]
            more = f" ({len(wide)} columns are so)" if len(wide) > 1 else ""
            found.append(
                f"{self.columns[place]} lies around {middle:.4g}, give or take "
                f"{spread:.4g}{more}: devices learn from numbers as they stand, and from such ones badly: say "
                "scale = true, or its [ranges]"
            )
        return found

    def rounds(
        self, members: Sequence[Member], told: Callable[[Round], None] = lambda _: None, ready: Ready = at_once
    ) -> Rounds:
        """Ready to go on from where it is; :meth:`run` does. Before each round but the first, each member is told,
        signed, what its round before was worth. A lost round is told of, and not kept."""
        (validation, test), state, post = self.records(), self.state(), self.post()
        last = {"round": state["rounds"][-1], "values": state["values"], "model": state["model"]} if state else {}
        commitment, wanted = validation.commitment(), self.demand().wanted

        def note(done: Round) -> None:
            if done.lost:
                return told(done)
            self._save(rounds.now, done, dict(rounds.values), rounds.standing(), rounds.seen())
            last.update(round=asdict(done), values=dict(rounds.values), model=digest(rounds.now))
            return told(done)

        def says(name: str) -> dict[str, Any]:
            parts = by_member(shares(last["values"]))
            return statement_of(wanted, name, last["round"], parts, last["model"], commitment).signed(post.sign)

        rounds = Rounds(
            self.demand(), members, strategy(self.settings.strategy), test, validation=validation, told=note, says=says,
            ready=ready, choice=Oort() if self.settings.share < 1 and self.settings.choice == "useful" else None,
        )  # fmt: skip
        if state:
            rounds.values.update(state["values"])
            rounds.restore(state)
            rounds.restore_seen(self._arrays("seen"))
        return rounds

    async def run(
        self, cards: Sequence[Card], told: Callable[[Round], None] = lambda _: None, *,
        patience: float = 0.0, said: Callable[[str], None] = lambda _: None,
    ) -> Outcome:  # fmt: skip
        """Go on, with the devices or nodes of these cards, until the test is met or all rounds are done; a server that
        was killed loses the round it was in. The first round begins when as many of them answer as ``enough`` says
        (waiting for nobody, as a buffer takes; masked, as masks need); a later one after a start or a lost round when
        any does. patience: seconds for which they are waited for. said: told who is missing meanwhile.

        Raises:
            FleetError: too few of them answer, or as :meth:`Rounds.run`, :func:`run_buffered` or :func:`run_masked`.
        """
        state, server = self.state(), self.post()
        start, done = (self.parameters(), int(state["round"])) if state else (None, 0)
        if start is not None and (state["met"] or done >= self.settings.rounds):
            return Outcome(start, [], state["met"], shares(state["values"]))

        async def ready(*, first: bool) -> None:
            await wait_for(server, cards, self._needed(len(cards), first), patience, said)

        try:
            if self.settings.mode == "masked":
                await ready(first=done == 0)
                return await self._masked(reach_masked(server, cards), told, start, done)
            rounds = self.rounds(server.reach(cards), told, ready)
            if self.settings.mode == "buffered":
                many = max(1, round(self.settings.buffer * len(cards)))
                return await run_buffered(rounds, many, start=start, done=done)
            return await rounds.run(start, done)
        finally:
            await server.close()

    def _needed(self, count: int, first: bool) -> int:
        """How many of ``count`` devices must answer before a round begins."""
        s = self.settings
        if s.mode == "masked":
            return max(3, least(count))
        if not first:
            return 1
        if s.mode == "buffered":
            return max(1, round(s.buffer * count))
        return max(1, int(np.ceil(s.enough * count)))

    async def _masked(
        self, members: Sequence[MaskedMember], told: Callable[[Round], None], start: Parameters | None, done: int
    ) -> Outcome:
        """Masked rounds; who took part in them shares the pay, round by round."""
        present = dict(self.state().get("values", {}))

        def note(one: Round, now: Parameters) -> None:
            for name in one.used:
                present[name] = present.get(name, 0.0) + 1.0
            self._save(now, one, present, {}, [])
            told(one)

        outcome = await run_masked(self.demand(), members, self.records()[1], told=note, start=start, done=done)
        return replace(outcome, shares=shares(present))

    def parameters(self) -> Parameters:
        """The model as it is now.

        Raises:
            FleetError: there is none yet.
        """
        state = self.state()
        if not state:
            raise FleetError(f"{self.path} has no model yet: `klopf demand run` trains it")
        return self._arrays("p")

    def _arrays(self, kind: str) -> list[NDArray[np.float32]]:
        """Of the newest model's file: its parameters (p), or what it changed before (seen)."""
        arrays = files.arrays(self.path / f"model-{self.state()['round']}.npz")
        return [arrays[f"{kind}{i}"] for i in range(len(arrays)) if f"{kind}{i}" in arrays]

    def _save(
        self, now: Parameters, done: Round, values: Mapping[str, float], standing: Mapping[str, Any],
        seen: Sequence[NDArray[np.float32]],
    ) -> None:  # fmt: skip
        """The model first, then the state that names it: a crash between them leaves the round before."""
        content = BytesIO()
        arrays = {f"p{i}": array for i, array in enumerate(now)} | {f"seen{i}": array for i, array in enumerate(seen)}
        np.savez(content, **arrays)  # type: ignore[arg-type]
        files.replace(self.path / f"model-{done.number}.npz", content.getvalue())
        past = self.state().get("rounds", [])
        state = {
            "round": done.number, "score": done.score, "met": done.score >= self.settings.goal,
            "model": digest(now), "values": dict(values), **standing,
            "rounds": [*past, asdict(done)],
        }  # fmt: skip
        files.replace(self.path / "state.json", json.dumps(state) + "\n")
        for old in self.path.glob("model-*.npz"):
            if old.name not in (f"model-{done.number}.npz", f"model-{done.number - 1}.npz"):
                old.unlink(missing_ok=True)


def wants_escrow(path: Path) -> bool:
    """Whether a demand was posted with a price and stopped before that was locked.

    >>> wants_escrow(Path("nowhere"))
    False
    """
    return (path / _WANTED).exists()


def _ranges(settings: DemandSettings, columns: Sequence[str], classes: bool) -> dict[str, tuple[float, float]]:
    """Of each column that devices are to scale, and of the target where that is numbers and is named, or learned as
    such; what is declared comes before what is usual. Raises FleetError, TableError."""
    for name, (low, high) in settings.ranges.items():
        if name not in columns and (name != settings.target or classes):
            raise FleetError(
                f"ranges: {name!r} is no column of numbers that is learned from: {', '.join(columns)[:200]}"
            )
        if not -1e30 < low < high < 1e30:
            raise FleetError(f"ranges: {name} = [{low:g}, {high:g}]: the lowest, then the highest")
    wanted = [name for name in columns if settings.scale and name not in settings.ranges]
    return usual_ranges(settings.test, wanted) | settings.ranges


def _far_out(inputs: NDArray[np.float32]) -> list[tuple[int, float, float]]:
    """Which columns lie so far out that gradients are of another size there: place, mean and spread."""
    if inputs.ndim != 2 or not len(inputs):
        return []
    wide = inputs.astype(np.float64)
    middles, spreads = wide.mean(axis=0), wide.std(axis=0)
    return [(int(i), float(middles[i]), float(spreads[i])) for i in np.flatnonzero(np.abs(middles) + spreads > _FAR)]


def _classes(targets: NDArray[np.float32]) -> int:
    """How many classes these may number; 0 where they are no class numbers: 0, 1, 2 and so on, each several times.

    >>> _classes(np.array([0, 1, 2] * 4, np.float32)), _classes(np.array([0, 0.5] * 4, np.float32))
    (3, 0)
    """
    found, counts = np.unique(targets, return_counts=True)
    each = np.array_equal(found, np.arange(len(found))) and counts.mean() >= _OFTEN
    return len(found) if each and len(found) > 1 else 0


def _predicts_numbers(model: FleetModel, test: Test) -> bool:
    """Whether a quarter more of a target is something else to it: a class is the same."""
    x, y = test.inputs[:1], test.targets[:1]
    try:
        return bool(model.loss(x, y) != model.loss(x, y + np.float32(0.25)))
    except Exception:  # whatever it is, it takes no numbers
        return False
