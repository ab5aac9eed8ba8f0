"""Real data in: a CSV or Parquet file, checked at the border, held out and shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.errors import PeersError
from klopf.mind import problems
from klopf.network._settings import NetworkSettings
from klopf.peers import Classes, Task

__all__ = ["Samples", "Shares", "read_samples", "share_out"]

MOST_CLASSES = 1000


@dataclass(frozen=True)
class Samples:
    """Labelled samples: ``inputs`` float32 ``(n, features)``, ``labels`` int64 ``(n,)`` into ``classes``."""

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    columns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def task(self) -> Task:
        """What is to be learned from them."""
        return Classes(self.columns, self.classes)

    def take(self, index: NDArray[np.int64]) -> Samples:
        return Samples(self.inputs[index], self.labels[index], self.classes, self.columns)


def _digits() -> Samples:
    """The handwritten digits that come with scikit-learn, 8x8 pixels from 0 to 16, ten classes (UCI, CC BY 4.0)."""
    pixels, labels = problems.digits()
    columns = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    return Samples(pixels * np.float32(16), labels, tuple("0123456789"), columns)


def read_samples(path: Path, target: str, form: tables.Format | None = None) -> Samples:
    """The samples in a CSV (with a header) or Parquet file; ``target`` is the column with the classes.

    Raises:
        TableError: no such file or column, text or gaps where numbers are needed; one line.
        PeersError: a target that is no classes.
    """
    table = tables.read(path, form)
    labels, classes = table.classes(target)
    inputs = table.inputs(target).astype(np.float32)
    broken = table.is_numbers(target) and (table.numbers(target) % 1 != 0).any()
    if len(classes) > MOST_CLASSES or broken:
        raise PeersError(
            f"{path.name}: the target {target!r} holds {len(classes)} different numbers, not classes: "
            "choose a column of classes, or group its values into some"
        )
    return Samples(inputs, labels, classes, tuple(name for name in table.names if name != target))


@dataclass(frozen=True)
class Shares:
    """Who holds which samples. Scaled by mean and spread of the reference set, which the requester publishes."""

    neurons: tuple[Samples, ...]
    test: Samples
    audit: Samples
    reference: Samples


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
        everything = _digits() if data.file == "digits" else read_samples(Path(data.file), data.target)
        if len(everything.classes) < 2:
            raise PeersError(
                f"{data.file}: the target {data.target!r} holds one class only ({everything.classes[0]}): there is "
                "nothing to tell apart"
            )
        order = rng.permutation(len(everything))
        test, audit, reference, rest = _cut(order, (data.test, data.audit, data.reference))
        parts = _shared(rng, settings, everything.labels, rest)
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
    scaled = _scaled(everything, reference)
    return Shares(tuple(scaled.take(part) for part in parts), *(scaled.take(p) for p in (test, audit, reference)))


def _own_files(settings: NetworkSettings) -> tuple[Samples, NDArray[np.int64]]:
    """All neurons' files as one table over the union of their classes, and whose each row is."""
    read = [read_samples(Path(n.file or ""), settings.data.target) for n in settings.neuron]
    columns = read[0].columns
    for neuron, table in zip(settings.neuron, read, strict=True):
        if table.columns != columns:
            odd = sorted(set(table.columns) ^ set(columns)) or ["the order"]
            raise PeersError(f"the file of neuron {neuron.name!r} has other columns than the first ({', '.join(odd)})")
    classes = tuple(sorted({name for table in read for name in table.classes}))
    if len(classes) < 2:
        raise PeersError(f"the files hold one class only ({classes[0]}): there is nothing to tell apart")
    labels = [np.array([classes.index(t.classes[label]) for label in t.labels], dtype=np.int64) for t in read]
    owners = np.repeat(np.arange(len(read)), [len(t) for t in read])
    return Samples(np.concatenate([t.inputs for t in read]), np.concatenate(labels), classes, columns), owners


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


def _scaled(samples: Samples, reference: NDArray[np.int64]) -> Samples:
    known = samples.inputs[reference]
    spread = known.std(axis=0)
    inputs = (samples.inputs - known.mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)
    return Samples(np.clip(inputs, -8.0, 8.0).astype(np.float32), samples.labels, samples.classes, samples.columns)
