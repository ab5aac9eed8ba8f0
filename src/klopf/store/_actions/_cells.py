"""Cells as text and as numbers, where a table has the one or the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.errors import StoreError

__all__ = ["numbers", "shown", "texts"]


def shown(value: Any) -> str:
    """A cell as it is written.

    >>> shown(7.0), shown(0.25), shown(None)
    ('7', '0.25', '')
    """
    if value is None:
        return ""
    if isinstance(value, float):  # numpy.float64 too
        if not math.isfinite(value):
            return "" if math.isnan(value) else str(value)
        return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
    return str(value)


def texts(column: Any) -> list[str]:
    return [shown(value) for value in column]


def numbers(column: Any) -> NDArray[np.float64]:
    """The column as numbers, NaN where there is a gap.

    Raises:
        StoreError: one cell is no number.
    """
    if isinstance(column, np.ndarray):
        return column
    out = np.empty(len(column))
    for row, cell in enumerate(column):
        try:
            out[row] = math.nan if cell is None else tables.number(cell) if isinstance(cell, str) else float(cell)
        except ValueError:
            raise StoreError(f"row {row + 1} is {str(cell)[:40]!r}, which is no number") from None
    return out
