"""The column that is right: as classes, numbers or text, or why it cannot be learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.network._features import is_label
from klopf.tables import Table

__all__ = ["Target", "read_target"]

MOST_CLASSES = 1000
FEW = 20
"""So many classes, and so many rows, are nothing to wonder at."""
IN_EACH = 10
"""Rows for each of many numbers below which they are taken for amounts, not classes."""


@dataclass(frozen=True)
class Target:
    """What is right in each row: for classes their places in ``names``, numbers, or texts; ``(n,)``."""

    values: NDArray[Any]
    names: tuple[str, ...] = ()


def read_target(table: Table, name: str, task: str, spellings: Mapping[str, str]) -> Target:
    """The target of a plain table, of the kind ``task``.

    Raises:
        TableError: no such column, or no number where there must be one.
        PeersError: a gap, or what is no target of this kind; one line that says how to mend it.
    """
    words = table.words(name)
    if None in words:
        raise PeersError(
            f"{table.name}: the target {name!r} is empty in row {words.index(None) + 1}: leave the row out"
        )
    if task == "numbers":
        return Target(_numbers(table, name))
    if task == "text":
        return Target(np.array([str(word) for word in words]))
    spelt = [spellings.get(str(word), str(word)) for word in words]
    numbers = isinstance(table.columns[name], np.ndarray) and not spellings
    if numbers:
        _are_classes(table, name)
    found, codes = np.unique(np.array(spelt), return_inverse=True)
    names = tuple(str(one) for one in found)
    if numbers:
        values = sorted((float(one), k) for k, one in enumerate(names))
        rank = np.empty(len(names), np.int64)
        rank[[k for _, k in values]] = np.arange(len(names))
        codes, names = rank[codes], tuple(names[k] for _, k in values)
    for one in names:
        if not is_label(one):
            raise PeersError(
                f"{table.name}: the target {name!r} holds {one[:40]!a} in row {spelt.index(one) + 1}, which names no "
                "class: write one line of at most 200 characters without control characters, or leave it out"
            )
    rows = len(words)
    if len(names) == rows >= FEW:
        raise PeersError(
            f"{table.name}: the target {name!r} holds another value in every row, not classes: an id cannot be "
            'learned; choose another column, or say data.task = "numbers" (--task numbers) if they are amounts'
        )
    if len(names) > MOST_CLASSES or (not numbers and len(names) > FEW and rows < 2 * len(names)):
        raise PeersError(
            f"{table.name}: the target {name!r} holds {len(names)} different texts in {rows:,} rows, not classes: "
            'choose another column, or say data.task = "text" (--task text) if they are to be said'
        )
    return Target(codes.astype(np.int64), names)


def _are_classes(table: Table, name: str) -> None:
    values = table.amounts(name)
    different = len(np.unique(values))
    if np.abs(values).max(initial=0.0) > 2**53:
        raise PeersError(
            f"{table.name}: the target {name!r} has numbers beyond 2^53, which are not told apart: write its classes "
            "as text or as small numbers"
        )
    many = different > FEW and len(values) < IN_EACH * different
    if many or different > MOST_CLASSES or (values % 1 != 0).any():
        raise PeersError(
            f"{table.name}: the target {name!r} holds {different} different values in {len(values):,} rows, not "
            'classes: say data.task = "numbers" (--task numbers) if they are amounts, or choose another column'
        )


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    values = table.amounts(name)
    whole = (values == np.rint(values)).all()
    if whole and len(np.unique(values)) == len(values) >= FEW and np.ptp(values) == len(values) - 1:
        raise PeersError(
            f"{table.name}: the target {name!r} counts the rows: an id cannot be learned; choose another column"
        )
    return values
