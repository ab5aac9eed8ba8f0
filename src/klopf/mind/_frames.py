"""Frames of pandas and polars, in and out, without needing either."""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._named import number
from klopf.mind.kernels.state import MOST

__all__ = ["columns", "frame", "series", "values", "weights_of"]


def columns(X: Any, gaps: bool = True) -> tuple[list[Hashable], NDArray[np.float64]]:
    """Names and numbers ``(n, columns)`` of a frame; with ``gaps`` NaN is what is missing.

    Raises:
        MindError: it is no frame, or a column has what is no number, named by its column.
    """
    if not hasattr(X, "columns") or not hasattr(X, "to_numpy"):
        raise MindError(f"X is {type(X).__name__}; give a frame of pandas or polars, whose columns have names")
    names = list(X.columns)
    try:
        table = np.asarray(X.to_numpy(), np.float64)
    except (TypeError, ValueError):
        table = np.array([[number(name, value, gaps) for value in X[name]] for name in names], np.float64).T
    for k, column in enumerate(table.T):
        for row in np.flatnonzero(~(np.abs(column) <= MOST)):
            number(names[k], float(column[row]), gaps)
    return names, table.reshape(len(X), len(names))


def values(y: Any, rows: int) -> list[Any]:
    """What ``y`` holds, one of each row.

    Raises:
        MindError: there are not as many as rows.
    """
    found = list(y.to_list() if hasattr(y, "to_list") else y)
    if len(found) != rows:
        raise MindError(f"{rows} samples need {rows} targets, not {len(found)}")
    return found


def weights_of(w: Any, rows: int) -> NDArray[np.float64]:
    """One weight for each row, from one number or as many as there are rows."""
    given = np.asarray(w, np.float64)
    return np.full(rows, float(given)) if given.ndim == 0 else given


def frame(like: Any, table: dict[Any, Sequence[Any]]) -> Any:
    """A frame of the library of ``like``, with its index where it has one."""
    library = _library(like)
    if hasattr(like, "index"):
        return library.DataFrame(table, index=like.index)
    return library.DataFrame({str(name): column for name, column in table.items()})


def series(like: Any, found: Sequence[Any]) -> Any:
    """The same of one column."""
    library = _library(like)
    return library.Series(found, index=like.index) if hasattr(like, "index") else library.Series(found)


def _library(like: Any) -> Any:
    return importlib.import_module(type(like).__module__.split(".")[0])
