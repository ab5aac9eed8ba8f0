"""Frames of pandas and polars and tables of Arrow, in and out, without needing any of them."""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._checked import plain, read, shown
from klopf.mind._named import number
from klopf.mind.kernels.state import MOST

__all__ = ["check_kinds", "columns", "frame", "is_frame", "series", "values", "weights_of"]

_NO_NUMBERS = ("date", "time", "duration", "period", "interval", "month", "complex", "struct", "list")
"""How the types of columns begin that hold no numbers, as pandas, polars and Arrow call them in lower case."""


def is_frame(X: Any) -> bool:
    """Whether ``X`` has columns with names."""
    if hasattr(X, "collect"):  # of polars, not computed yet: to ask it for its columns is dear
        return False
    return hasattr(X, "column_names") or (hasattr(X, "columns") and hasattr(X, "to_numpy"))


def check_kinds(X: Any) -> list[Hashable]:
    """Names of a frame's columns.

    Raises:
        MindError: a column holds dates, durations or the like, which are silently some number or other; or two columns
            have one name.
    """
    names = list(X.column_names if hasattr(X, "column_names") else X.columns)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise MindError(f"two columns are called {shown(twice)}; give each a name of its own")
    for name, kind in zip(names, X.schema.types if hasattr(X, "column_names") else X.dtypes, strict=True):
        if str(kind).lower().startswith(_NO_NUMBERS):
            raise MindError(f"column {shown(name)} is of type {str(kind)[:60]}; make numbers of it first")
    return names


def columns(X: Any, gaps: bool = True) -> tuple[list[Hashable], NDArray[np.float64]]:
    """Names and numbers ``(n, columns)`` of a frame; with ``gaps`` NaN is what is missing.

    Raises:
        MindError: it is no frame, or a column has what is no number, named by its column.
    """
    if not is_frame(X):
        late = "; collect() it first" if hasattr(X, "collect") else ""
        raise MindError(
            f"X is {type(X).__name__}; give a frame of pandas or polars or a table of Arrow, whose columns have "
            f"names{late}"
        )
    names = check_kinds(X)
    table = np.empty((len(X), len(names)))
    for k, name in enumerate(names):
        table[:, k] = column = _numbers(name, X[name], gaps)
        for row in np.flatnonzero(~(np.abs(column) <= MOST)):
            number(name, float(column[row]), gaps)
    return names, table


def _numbers(name: Hashable, column: Any, gaps: bool) -> NDArray[np.float64]:
    try:
        return np.asarray(read(np.asarray(column), "input"), np.float64)
    except (TypeError, ValueError, MindError):
        return np.array([number(name, value, gaps) for value in _listed(column)], np.float64)


def _listed(found: Any) -> list[Any]:
    for how in ("to_pylist", "to_list"):
        if hasattr(found, how):
            return list(getattr(found, how)())
    return list(found)


def values(y: Any, rows: int) -> list[Any]:
    """What ``y`` holds, one of each row.

    Raises:
        MindError: it is no series or list, or there are not as many as rows.
    """
    if y is None or isinstance(y, str | bytes | Mapping | Set) or is_frame(y) or np.ndim(y) == 0:
        raise MindError(f"targets are {type(y).__name__}; give a series or a list, one for each row")
    found = _listed(y)
    if len(found) != rows:
        raise MindError(f"{rows} samples need {rows} targets, not {len(found)}")
    return found


def weights_of(w: Any, rows: int) -> NDArray[np.float64]:
    """One weight for each row, from one number or as many as there are rows; 1 for None."""
    given = plain(1.0 if w is None else w, np.float64, "sample's weight")
    return np.full(rows, float(given)) if given.ndim == 0 else given


def frame(like: Any, table: dict[Any, Any]) -> Any:
    """A frame of the library of ``like``, with its index where it has one."""
    library = _library(like)
    if hasattr(like, "index"):
        return library.DataFrame(table, index=like.index)
    made = library.table if hasattr(like, "column_names") else library.DataFrame
    return made({str(name): column for name, column in table.items()})


def series(like: Any, found: Sequence[Any]) -> Any:
    """The same of one column."""
    library = _library(like)
    if hasattr(like, "index"):
        return library.Series(found, index=like.index)
    return (library.array if hasattr(like, "column_names") else library.Series)(found)


def _library(like: Any) -> Any:
    return importlib.import_module(type(like).__module__.split(".")[0])
