"""A pipeline that a file declares: its stages, its neurons, and the questions that it learns from."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.errors import DaoError
from klopf.extras import require

require("network", "pipelines of neurons")

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from klopf.dao.pipeline import Forecaster, Learned, Neuron, Pipeline
from klopf.peers import Classes, Model, Numbers, Task, create_model
from klopf.peers.models import awaited

__all__ = ["Declared", "Questions", "read_ids", "read_neuron"]

_NAME = r"^[^\s\[\]=|,]{1,64}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Neuron(_Strict):
    name: str = Field(pattern=_NAME)
    model: str = Field("", max_length=300)
    id: int = Field(0, ge=0, lt=2**63)
    settings: dict[str, Any] = {}
    takes: int = Field(0, ge=0, le=100_000)
    gives: int = Field(0, ge=0, le=100_000)
    learns: str = ""
    answer: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.model) == bool(self.id):
            raise ValueError("either a model, or the id under which somebody serves it is registered (klopf dao serve)")
        if self.id and not (self.takes and self.gives and not self.settings and not self.learns):
            raise ValueError("of a neuron with an id say what it takes and gives, and nothing of how it is made")
        if bool(self.learns) != bool(self.answer) or bool(self.learns) == bool(self.takes and self.gives):
            raise ValueError("either learns and answer (a file, and its column), or takes and gives (how many numbers)")
        return self


class _Forecaster(_Strict):
    name: str = Field(pattern=_NAME)
    model: str = Field(max_length=300)
    settings: dict[str, Any] = {}


class _Questions(_Strict):
    learn: str
    held_out: str
    answer: str
    kind: str = ""
    epoch: int = Field(200, ge=8, le=100_000)


class _File(_Strict):
    stages: list[str] = Field(min_length=1, max_length=16)
    seed: int = Field(0, ge=0, lt=2**63)
    questions: _Questions
    neurons: list[_Neuron] = Field(min_length=1, max_length=256)
    forecasters: list[_Forecaster] = Field([], max_length=32)


@dataclass(frozen=True)
class Questions:
    """Questions with their right answers."""

    inputs: NDArray[np.float32]
    targets: NDArray[Any]
    kinds: list[str]


@dataclass(frozen=True)
class Declared:
    """A pipeline that knows nothing yet, and what it learns from."""

    pipeline: Pipeline
    learn: Questions
    held_out: Questions
    epoch: int
    ids: dict[str, int]
    """Of the neurons that are asked over the wire: their numbers in the ledger's registry."""

    @classmethod
    def read(cls, file: str | Path, asked_as: Callable[[str, int, int, int], Neuron] | None = None) -> Self:
        """From a TOML file; what it names is beside it. ``model`` imports what it names, as in a network file: read
        nobody else's. ``asked_as`` makes a neuron of name, id, takes and gives: of those that somebody serves.

        Raises:
            DaoError: it is no such file, or what it says does not fit; one line that says where.
        """
        file, said = Path(file), _read(Path(file))
        folder, asked = file.parent, said.questions
        learn, held_out = (tables.read(folder / name) for name in (asked.learn, asked.held_out))
        task, codes = _task(learn, asked.answer, {asked.kind} - {""})
        to_learn, to_hold = (_questions(one, task, codes, asked) for one in (learn, held_out))
        ids = {one.name: one.id for one in said.neurons if one.id}
        if ids and asked_as is None:
            raise DaoError(
                f"{file}: {next(iter(ids))} is served by others: say who asks, with --key and the ledger's place"
            )
        neurons = [
            asked_as(one.name, one.id, one.takes, one.gives)
            if asked_as and one.id
            else _neuron(one, folder, said.seed + i)
            for i, one in enumerate(said.neurons)
        ]
        forecasters = [Forecaster(one.name, _maker(one)) for one in said.forecasters]
        pipeline = Pipeline(task, said.stages, neurons, forecasters, seed=said.seed)
        return cls(pipeline, to_learn, to_hold, asked.epoch, ids)

    def epochs(self) -> Iterator[tuple[Learned, float]]:
        """Learn all questions once, an epoch at a time: what came of each, and the score on those held out."""
        for start in range(0, len(self.learn.targets), self.epoch):
            part = slice(start, start + self.epoch)
            kinds = self.learn.kinds[part]
            learned = self.pipeline.learn(self.learn.inputs[part], self.learn.targets[part], kinds)
            yield learned, self.score()

    def score(self) -> float:
        """On the questions held out."""
        task, asked = self.pipeline.task, self.held_out
        return task.score(task.decide(self.pipeline.answer(asked.inputs, asked.kinds)), asked.targets)


def read_neuron(file: Path, name: str) -> Neuron:
    """One of the neurons that a pipeline's file makes, to be served.

    Raises:
        DaoError: it is no such file, or makes no such neuron.
    """
    said = _read(file)
    for i, one in enumerate(said.neurons):
        if one.name == name and one.model:
            return _neuron(one, file.parent, said.seed + i)
    made = ", ".join(one.name for one in said.neurons if one.model)
    raise DaoError(f"{file} makes no neuron {name[:40]!r}: there are {made or 'none'}")


def read_ids(file: Path) -> dict[str, int]:
    """Of a pipeline's neurons that somebody serves: their numbers in the ledger's registry.

    Raises:
        DaoError: it is no such file.
    """
    return {one.name: one.id for one in _read(file).neurons if one.id}


def _read(file: Path) -> _File:
    try:
        return _File(**tomllib.loads(file.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DaoError(f"{file} cannot be read: {str(error)[:200]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        raise DaoError(f"{file}: {where}: {what}; `klopf dao pipeline --example FOLDER` writes one") from None


def _task(table: tables.Table, answer: str, without: set[str]) -> tuple[Task, dict[str, int]]:
    """The task of a table, and each class's number; {} where the answer is a number that is not whole."""
    for name in (answer, *without):
        table.require(name)
    features = tuple(name for name in table.names if name != answer and name not in without)
    if table.is_numbers(answer) and (table.numbers(answer) % 1).any():
        return Numbers(features, (answer,)), {}
    _, names = table.classes(answer)
    return Classes(features, names), {name: i for i, name in enumerate(names)}


def _questions(table: tables.Table, task: Task, codes: dict[str, int], asked: _Questions) -> Questions:
    inputs = np.stack([table.numbers(name) for name in task.features], axis=1).astype(np.float32)
    targets = _targets(table, asked.answer, codes)
    if not asked.kind:
        return Questions(inputs, targets, [""] * len(inputs))
    kinds = table.words(asked.kind)
    if None in kinds:
        raise DaoError(f"{table.name}: {asked.kind!r} is empty in row {kinds.index(None) + 1}: fill it in")
    return Questions(inputs, targets, [str(one) for one in kinds])


def _targets(table: tables.Table, answer: str, codes: dict[str, int]) -> NDArray[Any]:
    if not codes:
        return table.numbers(answer)[:, None].astype(np.float32)
    found, names = table.classes(answer)
    if unknown := [name for name in names if name not in codes]:
        raise DaoError(f"{table.name}: {unknown[0][:40]!r} is no answer that there is to learn: leave its rows out")
    return np.array([codes[name] for name in names], np.int64)[found]


def _neuron(said: _Neuron, folder: Path, seed: int) -> Neuron:
    if not said.learns:
        task: Task = Numbers(*(tuple(f"{i}" for i in range(n)) for n in (said.takes, said.gives)))
        return Neuron(said.name, said.takes, said.gives, _answers(create_model(said.model, task, seed, said.settings)))
    table = tables.read(folder / said.learns)
    task, codes = _task(table, said.answer, set())
    model = create_model(said.model, task, seed, said.settings)
    inputs = np.stack([table.numbers(name) for name in task.features], axis=1).astype(np.float32)
    asyncio.run(_taught(model, inputs, _targets(table, said.answer, codes)))
    return Neuron(said.name, len(task.features), len(task.names), _answers(model))


async def _taught(model: Model, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
    await awaited(model.learn(inputs, targets) or None)


def _answers(model: Model) -> Callable[[NDArray[Any]], NDArray[Any]]:
    async def answered(inputs: NDArray[Any]) -> NDArray[Any]:
        return await awaited(model.answer(inputs))

    return lambda inputs: asyncio.run(answered(inputs))


def _maker(said: _Forecaster) -> Callable[[Numbers, int], Model]:
    return lambda task, seed: create_model(said.model, task, seed, said.settings)
