"""Real data in: a CSV or Parquet file, checked at the border, held out and shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.network._settings import ADVERSARIES, NetworkSettings

__all__ = ["Samples", "Shares", "digits", "read_samples", "share_out"]


@dataclass(frozen=True)
class Samples:
    """Labelled samples: ``inputs`` float32 ``(n, features)``, ``labels`` int64 ``(n,)`` into ``classes``."""

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    columns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Samples:
        return Samples(self.inputs[index], self.labels[index], self.classes, self.columns)


def digits() -> Samples:
    """scikit-learn's handwritten digits: 1,797 scans of 8x8 pixels, ten classes (UCI, CC BY 4.0)."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    columns = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    return Samples(pixels.astype(np.float32), labels.astype(np.int64), tuple("0123456789"), columns)


def read_samples(path: Path, target: str) -> Samples:
    """The samples in a CSV (with a header) or Parquet file; ``target`` is the column with the classes.

    Raises:
        PeersError: no such file or column, text or gaps where numbers are needed, one class only; one line.
    """
    if not path.is_file():
        raise PeersError(f"no file {path}: check data.file")
    table = _read_table(path)
    names = [str(name) for name in table.column_names]
    if target not in names:
        raise PeersError(f"{path.name} has no column {target!r}: it has {', '.join(names[:20])}; set data.target")
    if len(names) < 2:
        raise PeersError(f"{path.name} has no column beside the target {target!r}: there is nothing to learn from")
    if table.num_rows == 0:
        raise PeersError(f"{path.name} holds a header and no rows")
    columns = tuple(name for name in names if name != target)
    inputs = np.stack([_numbers(path, name, table[name]) for name in columns], axis=1)
    labels, classes = _classes(path, target, table[target])
    return Samples(inputs, labels, classes, columns)


def _read_table(path: Path) -> Any:
    import arro3.io

    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return arro3.io.read_parquet(path).read_all()
        schema = arro3.io.infer_csv_schema(path, has_header=True)
        return arro3.io.read_csv(path, schema, has_header=True).read_all()
    except Exception as error:  # the reader's own exceptions are many; all mean the same to the user
        first = (str(error).splitlines() or ["?"])[0]
        raise PeersError(
            f"cannot read {path.name} as {'Parquet' if 'parq' in path.suffix else 'CSV'}: {first}"
        ) from None


def _numbers(path: Path, name: str, column: Any) -> NDArray[np.float32]:
    values = column.to_pylist()
    for row, value in enumerate(values, start=1):
        if value is None:
            raise PeersError(f"{path.name}: column {name!r} is empty in row {row}: fill it in or leave the row out")
        if not isinstance(value, int | float):
            raise PeersError(
                f"{path.name}: column {name!r} holds {value!r} in row {row} where a number is needed: "
                "encode it as numbers or leave the column out"
            )
    numbers = np.array(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0]) + 1
        raise PeersError(f"{path.name}: column {name!r} is not finite in row {row}: mend it or leave the row out")
    return numbers.astype(np.float32)


def _classes(path: Path, target: str, column: Any) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    values = column.to_pylist()
    if any(value is None for value in values):
        row = next(i for i, value in enumerate(values, start=1) if value is None)
        raise PeersError(f"{path.name}: the target {target!r} is empty in row {row}: leave the row out")
    distinct = sorted(set(values))
    if len(distinct) < 2:
        raise PeersError(
            f"{path.name}: the target {target!r} holds one class only ({distinct[0]}): there is nothing to tell apart"
        )
    if len(distinct) > 1000 or any(isinstance(value, float) and value != int(value) for value in distinct):
        raise PeersError(
            f"{path.name}: the target {target!r} holds {len(distinct)} different numbers, not classes: "
            "choose a column of classes, or group its values into some"
        )
    place = {value: i for i, value in enumerate(distinct)}
    names = tuple(str(int(value)) if isinstance(value, float) else str(value) for value in distinct)
    return np.array([place[value] for value in values], dtype=np.int64), names


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
        everything = digits() if data.file == "digits" else read_samples(Path(data.file), data.target)
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
    tables = [read_samples_any_class(Path(n.file or ""), settings.data.target) for n in settings.neuron]
    columns = tables[0].columns
    for neuron, table in zip(settings.neuron, tables, strict=True):
        if table.columns != columns:
            odd = sorted(set(table.columns) ^ set(columns)) or ["the order"]
            raise PeersError(f"the file of neuron {neuron.name!r} has other columns than the first ({', '.join(odd)})")
    classes = tuple(sorted({name for table in tables for name in table.classes}))
    if len(classes) < 2:
        raise PeersError(f"the files hold one class only ({classes[0]}): there is nothing to tell apart")
    labels = [np.array([classes.index(t.classes[label]) for label in t.labels], dtype=np.int64) for t in tables]
    owners = np.repeat(np.arange(len(tables)), [len(t) for t in tables])
    return Samples(np.concatenate([t.inputs for t in tables]), np.concatenate(labels), classes, columns), owners


def read_samples_any_class(path: Path, target: str) -> Samples:
    """As :func:`read_samples`, but one class is enough: one neuron's private share may well hold a single one."""
    table = _read_table(path) if path.is_file() else None
    if table is not None and target in table.column_names and len(set(table[target].to_pylist())) == 1:
        name = table[target].to_pylist()[0]
        columns = tuple(str(c) for c in table.column_names if c != target)
        inputs = np.stack([_numbers(path, c, table[c]) for c in columns], axis=1)
        return Samples(inputs, np.zeros(len(inputs), dtype=np.int64), (str(name),), columns)
    return read_samples(path, target)


def _cut(order: NDArray[np.int64], fractions: Sequence[float]) -> list[NDArray[np.int64]]:
    ends = np.cumsum([round(f * len(order)) for f in fractions])
    return [np.asarray(piece) for piece in np.split(order, ends)]


def _shared(
    rng: np.random.Generator, settings: NetworkSettings, labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The rows of each neuron. Adversaries get a few per cent: enough to know what to lie about."""
    villains = [n.model in ADVERSARIES for n in settings.neuron]
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
