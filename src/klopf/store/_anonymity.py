"""How many look alike: groups of records with the same fields, k, l and how many are alone.

Generalising is the same for all records (full-domain, LeFevre, DeWitt, Ramakrishnan, 2005): of all combinations of
steps the one that is finest, of those at which every group has k records (or people) after at most the allowed share
of the records has been left out. k-anonymity stops finding a record by the fields that were declared; it does not stop
learning what all of a group share (therefore l), nor fields that somebody knows and that were not declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import StoreError
from klopf.store._actions._base import Helps
from klopf.store._actions._cells import texts
from klopf.store._policy import Policy
from klopf.tables import Table

__all__ = ["Groups", "Protected", "grouped", "protect"]

_MOST_COMBINATIONS = 4_096


@dataclass(frozen=True)
class Groups:
    """Records by what they look like."""

    of: NDArray[np.int64]
    """The group of each record."""
    sizes: NDArray[np.int64]
    """Records in each group."""
    people: NDArray[np.int64]
    """Different subjects in each; records, where none is named."""
    kinds: NDArray[np.int64]
    """The fewest different values of a sensitive field in each; records, where none is sensitive."""

    @property
    def k(self) -> int:
        return int(self.people.min()) if len(self.people) else 0

    @property
    def different(self) -> int:
        return int(self.kinds.min()) if len(self.kinds) else 0

    @property
    def unique(self) -> float:
        """The share of the records that are alone."""
        return float((self.sizes == 1).sum() / max(1, len(self.of)))


@dataclass(frozen=True)
class Protected:
    """What came of k-anonymity."""

    columns: dict[str, Any]
    """The identifying fields as they are given away."""
    stay: NDArray[np.int64]
    """The records that stay."""
    levels: dict[str, int]
    """The step of each generalised field: 0 is the finest."""
    groups: Groups


def grouped(columns: Sequence[Any], policy: Policy, table: Table) -> Groups:
    """The records of ``table``, put together where ``columns`` are alike."""
    of = np.zeros(len(table), dtype=np.int64)
    for column in columns:
        of = np.unique(of * (len(table) + 1) + _codes(column), return_inverse=True)[1].astype(np.int64)
    count = int(of.max(initial=-1)) + 1
    sizes = np.bincount(of, minlength=count)
    subject = policy.anonymity.subject if policy.anonymity else ""
    people = _different(of, count, table.columns[subject]) if subject else sizes
    kinds = sizes
    for name in policy.sensitive:
        kinds = np.minimum(kinds, _different(of, count, table.columns[name]))
    return Groups(of, sizes, people, kinds)


def protect(table: Table, policy: Policy, helps: Helps) -> Protected:
    """
    Raises:
        StoreError: even at the coarsest step too many records are alone.
    """
    named = list(policy.identifying)
    ladders = [policy.fields[name].levels() for name in named]
    if int(np.prod(ladders)) > _MOST_COMBINATIONS:
        raise StoreError(
            f"the generalised fields have {int(np.prod(ladders)):,} combinations of steps: give fewer steps"
        )
    made: dict[tuple[str, int], Any] = {}

    def column(name: str, level: int) -> Any:
        if (name, level) not in made:
            made[name, level] = policy.fields[name].apply(table.columns[name], level, helps)
        return made[name, level]

    rule = policy.anonymity
    best = np.empty(0)
    by_loss = sorted(
        product(*(range(n) for n in ladders)),
        key=lambda levels: (sum(level / max(1, n - 1) for level, n in zip(levels, ladders, strict=True)), levels),
    )
    for levels in by_loss:
        columns = [column(name, level) for name, level in zip(named, levels, strict=True)]
        groups = grouped(columns, policy, table)
        alike = np.ones(len(table), dtype=bool)
        if rule:
            kept = (groups.people >= rule.k) & (groups.kinds >= (rule.l if policy.sensitive else 1))
            alike = kept[groups.of]
        best = alike if alike.sum() > best.sum() or not len(best) else best
        if rule is None or (alike.any() and len(table) - alike.sum() <= rule.suppress * len(table)):
            stay = np.flatnonzero(alike)
            here = {name: _take(one, stay) for name, one in zip(named, columns, strict=True)}
            left = Table(table.name, {name: _take(one, stay) for name, one in table.columns.items()}, table.decimal)
            return Protected(
                here, stay, dict(zip(named, levels, strict=True)), grouped(list(here.values()), policy, left)
            )
    assert rule is not None
    raise StoreError(
        f"{table.name}: {1 - best.sum() / len(table):.1%} of the records stay in groups under k = {rule.k}"
        + (f" or l = {rule.l}" if rule.l > 1 else "")
        + f" at any step, and {rule.suppress:.1%} may be left out: give coarser steps, or allow more"
    )


def _codes(column: Any) -> NDArray[np.int64]:
    cells = column if isinstance(column, np.ndarray) else np.array(texts(column), dtype=object).astype(str)
    return np.unique(cells, return_inverse=True, equal_nan=True)[1].reshape(-1).astype(np.int64)


def _different(of: NDArray[np.int64], count: int, column: Any) -> NDArray[np.int64]:
    """How many different values ``column`` has in each group."""
    pairs = np.unique(np.column_stack((of, _codes(column))), axis=0)
    return np.bincount(pairs[:, 0], minlength=count)


def _take(column: Any, stay: NDArray[np.int64]) -> Any:
    return column[stay] if isinstance(column, np.ndarray) else [column[row] for row in stay]
