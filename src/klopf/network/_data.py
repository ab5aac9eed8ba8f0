"""Real data in: a CSV or Parquet file, checked at the border, held out and shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.errors import PeersError
from klopf.mind import problems
from klopf.network._scaling import Scaling
from klopf.network._settings import DataSettings, NetworkSettings
from klopf.peers import Classes, Numbers, Task, Text

__all__ = ["Samples", "Shares", "read_inputs", "read_samples", "share_out"]

MOST_CLASSES = 1000


@dataclass(frozen=True)
class Samples:
    """Samples with what is right for each, both as ``task`` has them."""

    inputs: NDArray[Any]
    targets: NDArray[Any]
    task: Task

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: NDArray[np.int64]) -> Samples:
        return Samples(self.inputs[index], self.targets[index], self.task)


def _digits() -> Samples:
    """The handwritten digits that come with scikit-learn, 8x8 pixels from 0 to 16, ten classes (UCI, CC BY 4.0)."""
    pixels, labels = problems.digits()
    columns = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    return Samples(pixels * np.float32(16), labels, Classes(columns, tuple("0123456789")))


def read_samples(path: Path, data: DataSettings) -> Samples:
    """The samples in a CSV (with a header) or Parquet file; ``data`` says which column is the target, what its values
    are, and how a CSV file is written.

    Raises:
        TableError: no such file or column, text or gaps where numbers are needed; one line.
        PeersError: a target that is no classes.
    """
    table = tables.read(path, tables.Format(data.delimiter, data.decimal, data.encoding))
    table.require(data.target)
    columns = tuple(name for name in table.names if name != data.target)
    if data.task == "text":
        return _texts(table, columns, data.target)
    inputs = table.inputs(data.target).astype(np.float32)
    if data.task == "numbers":
        numbers = table.numbers(data.target).astype(np.float32)[:, None]
        return Samples(inputs, numbers, Numbers(columns, (data.target,), (data.unit,) if data.unit else ()))
    labels, classes = table.classes(data.target)
    broken = table.is_numbers(data.target) and (table.numbers(data.target) % 1 != 0).any()
    if len(classes) > MOST_CLASSES or broken:
        raise PeersError(
            f"{path.name}: the target {data.target!r} holds {len(classes)} different values, not classes: say "
            'data.task = "numbers" if they are amounts, or choose another column'
        )
    return Samples(inputs, labels, Classes(columns, classes))


def read_inputs(table: tables.Table, features: Sequence[str], is_text: bool) -> NDArray[Any]:
    """The columns called ``features`` of a table, in that order and as they are: float32 ``(n, features)``, or texts.

    Raises:
        TableError: one is not there, or not all finite numbers; for text, one is empty.
    """
    for name in features:
        table.require(name)
    if not is_text:
        return np.stack([table.numbers(name) for name in features], axis=1).astype(np.float32)
    if row := table.gap(features[0]):
        raise PeersError(f"{table.name}: column {features[0]!r} is empty in row {row}: leave the row out")
    return np.array([str(cell) for cell in table.columns[features[0]]])


def _texts(table: tables.Table, columns: tuple[str, ...], target: str) -> Samples:
    if len(columns) != 1:
        raise PeersError(f"{table.name}: text needs one column beside the target {target!r}, not {len(columns)}")
    for column in (*columns, target):
        if row := table.gap(column):
            raise PeersError(f"{table.name}: column {column!r} is empty in row {row}: leave the row out")
    inputs, targets = (np.array([str(cell) for cell in table.columns[one]]) for one in (*columns, target))
    task = Text(columns, (target,))
    task.check_inputs(inputs)
    task.check_targets(targets, len(inputs))
    return Samples(inputs, targets, task)


@dataclass(frozen=True)
class Shares:
    """Who holds which samples. Scaled by mean and spread of the reference set, which the requester publishes."""

    neurons: tuple[Samples, ...]
    test: Samples
    audit: Samples
    reference: Samples
    scaling: Scaling | None
    """None where inputs are text."""


def share_out(settings: NetworkSettings) -> Shares:
    """Read the data that ``settings`` names, hold out three sets and give every neuron its private share.

    With one file, rows are shared at random, by class with Dirichlet(alpha) proportions. With a file a neuron, the
    held-out fractions are taken from each.

    Raises:
        PeersError: what :func:`read_samples` raises, or too few samples for so many participants.
    """
    rng = np.random.default_rng([settings.seed, 1])
    data = settings.data
    if data.file is not None:
        everything = _digits() if data.file == "digits" else read_samples(Path(data.file), data)
        order = rng.permutation(len(everything))
        test, audit, reference, rest = _cut(order, (data.test, data.audit, data.reference))
        parts = _shared(rng, settings, _groups(everything), rest)
    else:
        everything, owners = _own_files(settings)
        parts = []
        held: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
        for k in range(len(settings.neuron)):
            mine = rng.permutation(np.flatnonzero(owners == k))
            *cut, rest = _cut(mine, (data.test, data.audit, data.reference))
            parts.append(rest)
            for hold, piece in zip(held, cut, strict=True):
                hold.append(piece)
        test, audit, reference = (np.concatenate(hold) for hold in held)
    _differ(everything)
    for neuron, part in zip(settings.neuron, parts, strict=True):
        if len(part) == 0:
            raise PeersError(
                f"no samples are left for neuron {neuron.name!r}: more rows, fewer neurons, or a larger data.alpha"
            )
    for what, part in (("test", test), ("audit", audit), ("reference", reference)):
        if len(part) < 2:
            raise PeersError(
                f"{len(everything)} rows leave {len(part)} for data.{what}: more rows or a larger fraction"
            )
    scaling = None
    if not isinstance(everything.task, Text):
        scaling = Scaling.of(everything.inputs[reference])
        everything = Samples(scaling.scaled(everything.inputs), everything.targets, everything.task)
    shares, take = tuple(everything.take(part) for part in parts), everything.take
    return Shares(shares, take(test), take(audit), take(reference), scaling)


def _own_files(settings: NetworkSettings) -> tuple[Samples, NDArray[np.int64]]:
    """All neurons' files as one table, over the union of their classes, and whose each row is."""
    read = [read_samples(Path(n.file or ""), settings.data) for n in settings.neuron]
    first = read[0].task
    for neuron, samples in zip(settings.neuron, read, strict=True):
        if samples.task.features != first.features:
            odd = sorted(set(samples.task.features) ^ set(first.features)) or ["the order"]
            raise PeersError(f"the file of neuron {neuron.name!r} has other columns than the first ({', '.join(odd)})")
    task, targets = first, [samples.targets for samples in read]
    if isinstance(first, Classes):
        names = tuple(sorted({name for samples in read for name in samples.task.names}))
        place = {name: i for i, name in enumerate(names)}
        own = [np.array([place[name] for name in samples.task.names], dtype=np.int64) for samples in read]
        task, targets = Classes(first.features, names), [one[t] for one, t in zip(own, targets, strict=True)]
    owners = np.repeat(np.arange(len(read)), [len(samples) for samples in read])
    return Samples(np.concatenate([s.inputs for s in read]), np.concatenate(targets), task), owners


def _differ(samples: Samples) -> None:
    """Refuse targets that are all the same."""
    if isinstance(samples.task, Classes) and len(samples.task.names) < 2:
        raise PeersError(f"the target holds one class only ({samples.task.names[0]}): there is nothing to tell apart")
    if isinstance(samples.task, Numbers) and (samples.targets == samples.targets[0]).all():
        raise PeersError(f"the target is {samples.targets[0, 0]:g} in every row: there is nothing to learn")
    if isinstance(samples.task, Text) and (samples.targets == samples.targets[0]).all():
        raise PeersError("the target is the same text in every row: there is nothing to learn")


def _groups(samples: Samples) -> NDArray[np.int64]:
    """What rows are shared out by: their classes, or the tenth of all numbers that theirs falls into; for text, the
    text that is right."""
    if isinstance(samples.task, Classes):
        return samples.targets
    if isinstance(samples.task, Text):
        return np.unique(samples.targets, return_inverse=True)[1].astype(np.int64)
    numbers = samples.targets[:, 0]
    return np.searchsorted(np.quantile(numbers, np.linspace(0, 1, 11)[1:-1]), numbers).astype(np.int64)


def _cut(order: NDArray[np.int64], fractions: Sequence[float]) -> list[NDArray[np.int64]]:
    ends = np.cumsum([round(f * len(order)) for f in fractions])
    return [np.asarray(piece) for piece in np.split(order, ends)]


def _shared(
    rng: np.random.Generator, settings: NetworkSettings, labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The rows of each neuron. Adversaries get a few per cent: enough to know what to lie about."""
    villains = [n.conduct is not None for n in settings.neuron]
    few = max(1, len(rows) // 40)
    begrudged = iter(np.split(rows[: few * sum(villains)], max(1, sum(villains))))
    rest, honest = rows[few * sum(villains) :], len(villains) - sum(villains)
    if honest == 0:
        raise PeersError("every neuron is an adversary: nobody would have anything to say")
    if settings.data.share == "dirichlet":
        granted = iter(_dirichlet(rng, labels, rest, honest, settings.data.alpha))
    else:
        granted = iter([np.asarray(part) for part in np.array_split(rest, honest)])
    return [next(begrudged) if villain else next(granted) for villain in villains]


def _dirichlet(
    rng: np.random.Generator, labels: NDArray[np.int64], rows: NDArray[np.int64], count: int, alpha: float
) -> list[NDArray[np.int64]]:
    """Every class divided over ``count`` neurons in proportions drawn from Dirichlet(alpha)."""
    parts: list[list[NDArray[np.int64]]] = [[] for _ in range(count)]
    for label in np.unique(labels[rows]):
        mine = rows[labels[rows] == label]
        ends = np.round(np.cumsum(rng.dirichlet(np.full(count, alpha))) * len(mine)).astype(int)[:-1]
        for part, piece in zip(parts, np.split(mine, ends), strict=True):
            part.append(piece)
    return [rng.permutation(np.concatenate(part)) for part in parts]
