"""Which records say nothing new: those that came twice, and those that hardly moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.store._actions._cells import numbers, texts
from klopf.store._policy import Policy
from klopf.tables import Table

__all__ = ["rows", "screen"]


def screen(table: Table, policy: Policy) -> tuple[NDArray[np.int64], int, int]:
    """The records that stay, in order, and how many were left out as equal to another and as near to the last.

    No field with noise is looked at (the policy refuses to name one), so that what stays tells nothing of it. A record
    that is left out as near differs from the last one that stayed by at most the tolerance in every field named.
    """
    first = list(range(len(table)))
    if policy.screen.duplicates is not False:
        columns = [texts(table.columns[name]) for name in policy.screen.duplicates or table.names]
        by_cells: dict[tuple[str, ...], int] = {}
        for row, cells in enumerate(zip(*columns, strict=True)):
            by_cells.setdefault(cells, row)
        first = list(by_cells.values())
    twice = len(table) - len(first)
    if not policy.screen.near:
        return np.array(first, dtype=np.int64), twice, 0
    by = texts(table.columns[policy.screen.by]) if policy.screen.by else None
    values = np.column_stack([numbers(table.columns[name]) for name in policy.screen.near])
    tolerances = np.array(list(policy.screen.near.values()))
    last: dict[str, NDArray[Any]] = {}
    stay = []
    for row in first:
        whose = by[row] if by else ""
        if whose not in last or not (np.abs(values[row] - last[whose]) <= tolerances).all():  # a gap is never near
            last[whose] = values[row]
            stay.append(row)
    return np.array(stay, dtype=np.int64), twice, len(first) - len(stay)


def rows(table: Table, stay: NDArray[np.int64]) -> Table:
    """The table of these records alone."""
    columns = {
        name: column[stay] if isinstance(column, np.ndarray) else [column[row] for row in stay]
        for name, column in table.columns.items()
    }
    return Table(table.name, columns, table.decimal)
