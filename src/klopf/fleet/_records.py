"""Records of a file as inputs and targets, as a demand wants them: scaled, and classes by their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.tables import Table, read

__all__ = ["class_names", "read_records", "usual_ranges"]

_FARTHEST = 3.0
"""An input beyond so many half ranges from the middle counts as there: one wrong record moves no model far."""


def read_records(
    path: Path,
    target: str,
    columns: Sequence[str] = (),
    ranges: Mapping[str, Sequence[float]] | None = None,
    classes: Sequence[str] = (),
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[str, ...]]:
    """Inputs ``(records, columns)``, targets ``(records,)`` and the inputs' names, of a CSV or Parquet file.

    columns: the inputs, in their order; empty for all but the target. ranges: of a column, its usual lowest and
    highest, which become -1 and 1; inputs are cut at -3 and 3. classes: names of the target's
    classes, each given as its place.

    Raises:
        TableError, FleetError: a column is missing, or has something else than numbers; a class is none of those; or
            there is no record.
    """
    table = read(path)
    table.require(target)
    names = tuple(columns) or tuple(name for name in table.names if name != target)
    if not len(table) or not names or target in names:
        raise FleetError(f"{path} has no records with inputs beside {target!r}: name a file that has")
    ranges = ranges or {}
    inputs = np.stack([np.clip(_scaled(table, name, ranges), *_bounds(name, ranges)) for name in names], 1)
    targets = _placed(table, target, classes) if classes else _scaled(table, target, ranges)
    return inputs.astype(np.float32), targets.astype(np.float32), names


def class_names(path: Path, target: str) -> tuple[str, ...]:
    """The classes of a target that is text, in the order of their letters; none of one that is numbers.

    Raises:
        TableError: there is no such column, or a gap in it.
    """
    table = read(path)
    table.require(target)
    return () if table.is_numbers(target) else table.classes(target)[1]


def usual_ranges(path: Path, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Between what nine of ten records of each column lie, to two digits, so that they tell little of any one.

    Raises:
        TableError: there is no such column, or it has something else than numbers.
    """
    table = read(path)
    found: dict[str, tuple[float, float]] = {}
    for name in names:
        low, high = (float(f"{end:.2g}") for end in np.quantile(table.numbers(name), (0.05, 0.95)))
        found[name] = (low, high) if low < high else (low - 1.0, low + 1.0)
    return found


def _bounds(name: str, ranges: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    return (-_FARTHEST, _FARTHEST) if name in ranges else (-np.inf, np.inf)


def _scaled(table: Table, name: str, ranges: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    if name not in ranges:
        return table.numbers(name)
    low, high = ranges[name]
    return 2 * (table.numbers(name) - low) / (high - low) - 1


def _placed(table: Table, target: str, classes: Sequence[str]) -> NDArray[np.float64]:
    place = {name: i for i, name in enumerate(classes)}
    codes = [place.get(cell or "", -1) for cell in table.words(target)]
    if -1 in codes:  # what stands there is not said: this may be told to a server
        raise FleetError(f"{table.name}: {target!r} in row {codes.index(-1) + 1} is none of the demand's classes")
    return np.array(codes, np.float64)
