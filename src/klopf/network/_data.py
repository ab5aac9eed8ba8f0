"""Real data in: CSV or Parquet files, understood, checked at the border, held out, prepared and shared out."""

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
from klopf.network._columns import Column, plain, understand
from klopf.network._features import Feature, fitted, is_label
from klopf.network._own_files import Together, together
from klopf.network._samples import Samples
from klopf.network._schema import Schema, frequencies_of
from klopf.network._settings import DataSettings, NetworkSettings
from klopf.network._target import Target, read_target
from klopf.peers import Domain

__all__ = ["Shares", "share_out"]


@dataclass(frozen=True)
class Shares:
    """Who holds which samples, prepared as ``schema`` says: by the reference set, which the requester publishes."""

    neurons: tuple[Samples, ...]
    test: Samples
    audit: Samples
    reference: Samples
    schema: Schema
    sees: tuple[tuple[int, ...], ...]
    """Of each neuron the places of the inputs that its model sees; empty: all."""
    columns: tuple[Column, ...]
    """What was understood of each column but the target."""
    rows: int


def share_out(settings: NetworkSettings) -> Shares:
    """Read the data that ``settings`` names, hold out three sets and give every neuron its private share.

    With one file, rows are shared at random, by class with Dirichlet(alpha) proportions. With a file a neuron, the
    held-out fractions are taken from each, or, where a key says which rows are one sample, from those that all have.

    Raises:
        TableError, PeersError: what cannot be read or learned from, or too few samples for so many participants.
    """
    rng = np.random.default_rng([settings.seed, 1])
    data = settings.data
    whole = _whole(settings)
    table, target = whole.table, read_target(whole.table, data.target, data.task, data.spellings)
    _differ(target, data)
    unequal = bool(frequencies_of(target.values, len(target.names), data.measure))
    fractions = (data.test, data.audit, data.reference)
    by_class = target.values if unequal else None
    if whole.owned is None:
        order = rng.permutation(len(table))
        test, audit, reference, rest = _held(order, fractions, by_class)
        parts = _shared(rng, settings, _groups(target, data), rest)
    elif whole.common is not None:
        test, audit, reference, _ = _held(rng.permutation(whole.common), fractions, by_class)
        out = np.concatenate([test, audit, reference])
        parts = [rng.permutation(np.setdiff1d(mine, out)) for mine in whole.owned]
    else:
        cuts = [_held(rng.permutation(mine), fractions, by_class) for mine in whole.owned]
        parts = [rest for *_, rest in cuts]
        test, audit, reference = (np.concatenate(held) for held in list(zip(*cuts, strict=True))[:3])
    for neuron, part in zip(settings.neuron, parts, strict=True):
        if len(part) == 0:
            raise PeersError(
                f"no samples are left for neuron {neuron.name!r}: more rows, fewer neurons, or a larger data.alpha"
            )
    for what, part in (("test", test), ("audit", audit), ("reference", reference)):
        if len(part) < 2:
            raise PeersError(f"{len(table)} rows leave {len(part)} for data.{what}: more rows or a larger fraction")
    columns, schema = _planned(whole, target, data, reference, unequal)
    targets = target.values.astype(np.float32)[:, None] if data.task == "numbers" else target.values
    everything = Samples(schema.inputs(table), targets, schema.made_task)
    schema.made_task.check_inputs(everything.inputs)
    shares, take = tuple(everything.take(part) for part in parts), everything.take
    sees = tuple(_sees(schema, whole, settings, k) for k in range(len(settings.neuron)))
    return Shares(shares, take(test), take(audit), take(reference), schema, sees, columns, len(table))


def _whole(settings: NetworkSettings) -> Together:
    data = settings.data
    if data.file == "digits":
        return Together(_digits(data.target), source="digits")
    if data.file is not None:
        return Together(_only(plain(tables.read(Path(data.file), data.form), data.kinds), data), source=data.file)
    knows = {n.name: Domain.of({k: v for k, v in n.knows.items() if k == "classes"}).classes for n in settings.neuron}
    return together([(n.name, Path(n.file or "")) for n in settings.neuron], data, knows)


def _only(table: tables.Table, data: DataSettings) -> tables.Table:
    """The columns that ``data`` wants, with the target."""
    if not data.columns:
        return table
    for name in (*data.columns, data.target):
        table.require(name)
    return tables.Table(table.name, {k: c for k, c in table.columns.items() if k in (*data.columns, data.target)})


def _digits(target: str) -> tables.Table:
    """The handwritten digits that come with scikit-learn, 8x8 pixels from 0 to 16, ten classes (UCI, CC BY 4.0)."""
    pixels, labels = problems.digits()
    columns = {f"pixel_{k // 8}_{k % 8}": pixels[:, k].astype(np.float64) * 16 for k in range(64)}
    return tables.Table("digits", {**columns, target: labels.astype(np.float64)})


def _planned(
    whole: Together, target: Target, data: DataSettings, reference: NDArray[np.int64], unequal: bool
) -> tuple[tuple[Column, ...], Schema]:
    """What is in the columns, and the plan by which they are prepared, learned from the reference set."""
    table, names = whole.table, [name for name in whole.table.names if name != data.target]
    if not names:
        raise PeersError(
            f"{table.name} has no column beside the target {data.target!r}: there is nothing to learn from"
        )
    for name in table.names:
        if not is_label(name):
            raise PeersError(
                f"{table.name}: a column is called {name[:40]!a}, {len(name)} characters: rename it, to one line of at "
                "most 200 characters without control characters"
            )
    if data.task == "text":
        if len(names) != 1:
            raise PeersError(f"{table.name}: text needs one column beside the target {data.target!r}, not {len(names)}")
        columns: tuple[Column, ...] = (Column(names[0], "category"),)
        features: tuple[Feature, ...] = (Feature.model_construct(name=names[0]),)
    else:
        columns = understand(table, data.target, target.values, data.kinds)
        features = fitted(table, columns, reference)
    if not features:
        first = columns[0]
        raise PeersError(
            f"{table.name}: no column is left to learn from ({first.name!r}: {first.why}): say what it is in data.kinds"
        )
    counted = target.values[reference] if data.task == "classes" else target.values
    frequencies = frequencies_of(counted, len(target.names), "balanced accuracy") if unequal else ()
    return columns, Schema.made(whole.source, data, features, target.names, frequencies)


def _sees(schema: Schema, whole: Together, settings: NetworkSettings, k: int) -> tuple[int, ...]:
    """The places of the inputs that neuron ``k`` sees, empty for all."""
    own = settings.neuron[k].columns or (whole.has[k] if whole.has else ())
    if not own:
        return ()
    known, at = {one.name for one in schema.features}, 0
    places: list[int] = []
    for name in settings.neuron[k].columns:
        if name not in known:
            raise PeersError(
                f"neuron {settings.neuron[k].name!r} is to see the column {name!r}, which is not among those that go "
                f"in: {', '.join(sorted(known)[:20])}"
            )
    for one in schema.features:
        places += range(at, at + len(one.inputs)) if one.name in own else []
        at += len(one.inputs)
    if not places:
        raise PeersError(f"neuron {settings.neuron[k].name!r} has no column from which something can be learned")
    return tuple(places) if len(places) < at else ()


def _differ(target: Target, data: DataSettings) -> None:
    """Refuse targets that are all the same."""
    if data.task == "classes" and len(target.names) < 2:
        raise PeersError(f"the target holds one class only ({target.names[0]}): there is nothing to tell apart")
    if data.task != "classes" and (target.values == target.values[0]).all():
        said = f"{target.values[0]:g}" if data.task == "numbers" else "the same text"
        raise PeersError(f"the target is {said} in every row: there is nothing to learn")


def _groups(target: Target, data: DataSettings) -> NDArray[np.int64]:
    """What rows are shared out by: their classes, or the tenth of all numbers that theirs falls into; for text, the
    text that is right."""
    if data.task == "classes":
        return np.asarray(target.values, np.int64)
    if data.task == "text":
        return np.unique(target.values, return_inverse=True)[1].astype(np.int64)
    numbers = target.values.astype(np.float32)
    return np.searchsorted(np.quantile(numbers, np.linspace(0, 1, 11)[1:-1]), numbers).astype(np.int64)


def _held(
    order: NDArray[np.int64], fractions: Sequence[float], by_class: NDArray[Any] | None
) -> list[NDArray[np.int64]]:
    """``order`` cut into the fractions and the rest; where classes are unequal, so that each has its part of each."""
    if by_class is None:
        return _cut(order, fractions)
    cuts = [_cut(order[by_class[order] == k], fractions) for k in np.unique(by_class[order])]
    return [np.concatenate(pieces) for pieces in zip(*cuts, strict=True)]


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
