"""From records to what may be given away: screened, made alike, paid for, noised, and written as text.

The order is the argument: which records stay is decided before any noise and without the fields that get it, and the
noise is paid for (on the disk) before it is drawn.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from klopf.store._actions._base import Helps
from klopf.store._actions._cells import shown
from klopf.store._actions._coarsen import moments
from klopf.store._anonymity import grouped, protect
from klopf.store._budget import Cost, cost
from klopf.store._policy import Policy
from klopf.store._screen import rows, screen
from klopf.tables import Table

__all__ = ["Prepared", "Said", "no_noise", "prepare", "written"]

_ROWS = 10_000


@dataclass(frozen=True)
class Said:
    """What a policy does to records, and what it leaves, in numbers."""

    records: int
    twice: int
    """Left out as equal to another."""
    near: int
    """Left out as near to the last."""
    suppressed: int
    """Left out because too few looked like them."""
    kept: int
    levels: dict[str, int]
    """The step at which each generalised field is given."""
    k: int
    """Of the smallest group, as declared; 0 where the policy asks for none."""
    l: int
    k_before: int
    unique_before: float
    """The share of the records that were alone in the declared fields as they were recorded."""
    unique: float
    """The share that is alone in them as given."""
    unique_in_all: float
    """The share that is alone in everything that is given without noise: for somebody who knows all of that."""
    sizes: list[int]
    sizes_before: list[int]
    """Records in groups of 1, 2, 3-4, 5-9, 10-99, 100 and more."""
    noise: dict[str, dict[str, float]]
    """Of each field with noise: epsilon of a value, and the mean absolute error that it makes."""
    spent: Cost
    """Millionths of epsilon by period."""

    @property
    def epsilon(self) -> float:
        """Spent in the period that pays most."""
        return max(self.spent.values(), default=0) / 1_000_000

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Prepared:
    columns: dict[str, Any]
    said: Said


def no_noise(values: Any, scale: float) -> Any:
    """In the place of noise, where what comes of it is thrown away."""
    return values


def prepare(
    table: Table, policy: Policy, key: bytes, noise: Callable[..., Any], pay: Callable[[Cost], None]
) -> Prepared:
    """
    Raises:
        StoreError: the records do not fit the policy, k cannot be reached, or ``pay`` refuses.
        MissingExtra: an action needs what is not installed.
    """
    policy.check(table)
    stay, twice, near = screen(table, policy)
    new = rows(table, stay)
    first = protect(new, policy, Helps(new, key, noise))
    given = rows(new, first.stay)
    helps = Helps(given, key, noise)
    before = grouped([given.columns[name] for name in policy.identifying], policy, given)

    columns: dict[str, Any] = {}
    for name, action in policy.fields.items():
        if name in first.columns:
            columns[name] = first.columns[name]
        elif name not in policy.noised:
            made = action.apply(given.columns[name], 0, helps)
            if made is not None:
                columns[name] = made
    everything = grouped(list(columns.values()), policy, given)

    times: list[Any] = [None] * len(given)
    if policy.budget and policy.budget.time:
        times = moments(given.columns[policy.budget.time])
    asked = cost(policy, times)
    pay(asked)
    for name, noisy in policy.noised.items():
        columns[name] = noisy.apply(given.columns[name], 0, helps)

    asks = policy.anonymity is not None
    said = Said(
        records=len(table),
        twice=twice,
        near=near,
        suppressed=len(new) - len(given),
        kept=len(given),
        levels={name: level for name, level in first.levels.items() if policy.fields[name].levels() > 1},
        k=first.groups.k if asks else 0,
        l=first.groups.different if asks and policy.sensitive else 0,
        k_before=before.k if asks else 0,
        unique_before=round(before.unique, 6) if policy.identifying else 0.0,
        unique=round(first.groups.unique, 6) if policy.identifying else 0.0,
        unique_in_all=round(everything.unique, 6),
        sizes=_sizes(first.groups.sizes),
        sizes_before=_sizes(before.sizes),
        noise={name: {"epsilon": one.epsilon, "error": one.error} for name, one in policy.noised.items()},
        spent=asked,
    )
    columns = {name: columns[name] for name in policy.fields if name in columns}
    return Prepared(_in_their_own_order(columns) if policy.changes else columns, said)


def _in_their_own_order(columns: dict[str, Any]) -> dict[str, Any]:
    """The records sorted by what is given of them: the order in which they were recorded would tell the hour of a
    record that says its day, and beside the original whose it is."""
    text = [[shown(value) for value in column] for column in columns.values()]
    order = sorted(range(len(text[0])), key=lambda row: [column[row] for column in text])
    return {
        name: column[order] if isinstance(column, np.ndarray) else [column[row] for row in order]
        for name, column in columns.items()
    }


def written(columns: dict[str, Any]) -> Iterator[bytes]:
    """The records as CSV in UTF-8, a header and a row each: the same records give the same bytes."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(columns)
    count = len(next(iter(columns.values())))
    for start in range(0, count, _ROWS):
        part = [[shown(value) for value in column[start : start + _ROWS]] for column in columns.values()]
        write.writerows(zip(*part, strict=True))
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    if out.getvalue():
        yield out.getvalue().encode()


def _sizes(sizes: Any) -> list[int]:
    """Records by the size of their group."""
    edges = [1, 2, 3, 5, 10, 100, 1 << 62]
    return [int(sizes[(sizes >= low) & (sizes < high)].sum()) for low, high in pairwise(edges)]
