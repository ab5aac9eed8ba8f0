"""What is in the columns of a table: numbers, categories, dates, and what nothing can be learned from.

What is understood is shown before anything is made of it (`klopf run --check`), and every guess has a setting that says
otherwise (``data.kinds``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from klopf.errors import TableError
from klopf.tables import Table, number

__all__ = ["LEAST", "Column", "Kind", "common", "moments", "plain", "understand"]

Kind = Literal["number", "category", "date", "drop"]

LEAST = 5
"""Rows that a category is in at least, to be named: what fewer have would tell of single ones."""
MOST_VALUES = 30
"""Categories that are named, of one column; what is rarer is "other"."""
FEW = 20
"""Rows below which nothing is concluded from all being different, or from two columns being alike."""
_ID = re.compile(r"(?:^|[\W_])(?:id|ids|uuid|guid|key|index|idx|nr|no|row)\W*$|^unnamed: 0$", re.IGNORECASE)
_CAMEL_ID = re.compile(r"[a-z](?:Id|ID)$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?")
_EUROPEAN = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[T ](\d\d:\d\d(?::\d\d)?))?")


@dataclass(frozen=True)
class Column:
    """What one column is taken for."""

    name: str
    kind: Kind
    gaps: int = 0
    distinct: int = 0
    why: str = ""
    """Why it is left out (``drop``)."""


# ---- one form for all files


def plain(table: Table, kinds: Mapping[str, Kind] | None = None) -> Table:
    """``table`` with each column in one form, however its file is written: numbers with NaN for gaps, or text with
    None. Of which ``kinds`` says that they are no numbers stay text.

    Raises:
        TableError: a column of numbers or dates holds something else in some row; one line that names the first.
    """
    said = kinds or {}
    return replace(table, columns={name: _plain(table, name, said.get(name)) for name in table.names}, decimal=".")


def _plain(table: Table, name: str, said: Kind | None) -> NDArray[np.float64] | list[str | None]:
    cells = table.columns[name]
    if isinstance(cells, np.ndarray):
        return table.amounts(name)
    words = table.words(name)
    if said not in (None, "number"):
        return words
    there = [word for word in words if word is not None]
    numbers = sum(_is_number(word, table.decimal) for word in there)
    if numbers < len(there):
        if 2 * numbers > len(there) > 2:
            row = next(i for i, w in enumerate(words, 1) if w is not None and not _is_number(w, table.decimal))
            raise TableError(
                f"{table.name}: column {name!r} holds {str(words[row - 1])[:40]!r} in row {row} where a number is "
                f'needed, as in most: write one, leave the cell empty, or say data.kinds = {{ {name!r} = "category" }}'
            )
        return words
    return table.amounts(name)


def _is_number(word: str, decimal: str) -> bool:
    try:
        number(word, decimal)
    except ValueError:
        return False
    return True


# ---- dates


def moments(table: Table, name: str) -> NDArray[np.float64] | None:
    """A column of dates as days since 1970, NaN for gaps; None where it holds none.

    Dates are 2024-12-31, with a time after a space or T and a zone or not, or 31.12.2024, 31/12/2024, 12/31/2024 where
    some day tells which of the two comes first.

    Raises:
        TableError: most are dates, and one is none; or nothing tells whether day or month comes first.
    """
    cells = table.columns[name]
    if isinstance(cells, np.ndarray):
        return None
    there = [(i, str(cell)) for i, cell in enumerate(cells) if cell is not None and cell not in table.missing]
    iso = [bool(_ISO.fullmatch(cell)) for _, cell in there]
    other = [_EUROPEAN.fullmatch(cell) for _, cell in there]
    dates = sum(iso) + sum(found is not None for found in other)
    if not there or 2 * dates <= len(there):
        return None
    if dates < len(there):
        at = next(k for k in range(len(there)) if not iso[k] and other[k] is None)
        raise TableError(_no_date(table, name, *there[at]))
    day_first = _day_first(table, name, [found for found in other if found])
    days = np.full(len(cells), np.nan)
    for k, (i, cell) in enumerate(there):
        found = other[k]
        if found is not None:
            first, _, second, year, time = found.groups()
            day, month = (first, second) if day_first else (second, first)
            cell = f"{year}-{int(month):02}-{int(day):02}" + (f" {time}" if time else "")
        try:
            at_moment = datetime.fromisoformat(cell)
        except ValueError:
            raise TableError(_no_date(table, name, *there[k])) from None
        days[i] = (at_moment if at_moment.tzinfo else at_moment.replace(tzinfo=UTC)).timestamp() / 86_400
    return days


def _no_date(table: Table, name: str, at: int, cell: str) -> str:
    return (
        f"{table.name}: column {name!r} holds {cell[:40]!r} in row {at + 1}, which is no date as the others are: write "
        "it as 2024-12-31, or leave the cell empty"
    )


def _day_first(table: Table, name: str, found: Sequence[re.Match[str]]) -> bool:
    if not found or any(one[2] == "." for one in found) or any(int(one[1]) > 12 for one in found):
        return True
    if any(int(one[3]) > 12 for one in found):
        return False
    raise TableError(
        f"{table.name}: column {name!r} holds dates such as {found[0][0]!r}, of which nothing tells whether day or "
        "month comes first: write them as 2024-12-31"
    )


# ---- what a column is


def common(words: Sequence[str | None]) -> tuple[str, ...]:
    """The values that enough rows have, the most frequent ``MOST_VALUES`` of them, in their order as text."""
    counted = Counter(word for word in words if word is not None and word.isprintable() and len(word) <= 200)
    often = [value for value, times in sorted(counted.items(), key=lambda one: (-one[1], one[0])) if times >= LEAST]
    return tuple(sorted(often[:MOST_VALUES]))


def understand(
    table: Table, target: str, right: NDArray[np.int64] | NDArray[np.float64], kinds: Mapping[str, Kind]
) -> tuple[Column, ...]:
    """What each column but ``target`` of a :func:`plain` table is.

    Args:
        right: the target in each row, as numbers, or as places of classes.
        kinds: what is said of columns, and not found out.

    Raises:
        TableError: a kind is said of a column that is not there, or that it cannot be.
    """
    for name in kinds:
        table.require(name)
    return tuple(_understood(table, name, right, kinds.get(name)) for name in table.names if name != target)


def _understood(table: Table, name: str, right: NDArray[np.int64] | NDArray[np.float64], said: Kind | None) -> Column:
    cells, rows = table.columns[name], len(table)
    if said == "drop":
        return Column(name, "drop", why="data.kinds says so")
    if isinstance(cells, np.ndarray):
        there = ~np.isnan(cells)
        _, codes = np.unique(cells[there], return_inverse=True)
        kind: Kind = "number"
    else:
        there = np.array([cell is not None for cell in cells])
        _, codes = np.unique([str(cell) for cell in cells if cell is not None], return_inverse=True)
        kind = "category" if said in ("category", "number") or moments(table, name) is None else "date"
    distinct = int(codes.max()) + 1 if len(codes) else 0
    found = Column(name, kind, rows - int(there.sum()), distinct)
    if said is not None and said != kind:
        if said == "category":
            return replace(found, kind="category")
        table.amounts(name)  # names the row
        raise TableError(f"{table.name}: column {name!r} holds no {said}s: leave it out of data.kinds")
    why = "" if said else _why_not(table, name, found, codes, right[there])
    return replace(found, kind="drop", why=why) if why else found


def _why_not(
    table: Table, name: str, found: Column, codes: NDArray[np.int64], right: NDArray[np.int64] | NDArray[np.float64]
) -> str:  # fmt: skip
    """Why nothing can be learned from a column, or only what would not last; empty where it can be learned from."""
    rows, cells = len(table) - found.gaps, table.columns[name]
    if not rows:
        return "it is empty"
    if rows < FEW or found.kind == "date":
        return ""
    numbers = cells[~np.isnan(cells)] if isinstance(cells, np.ndarray) else None
    if _is_the_target(codes, numbers, right):
        return "it is the target once more"
    called = _ID.search(name) or _CAMEL_ID.search(name)
    if called and 2 * found.distinct > rows and (numbers is None or (numbers == np.rint(numbers)).all()):
        return f"an id: {found.distinct:,} different values in {rows:,} rows"
    if numbers is not None:
        counted = found.distinct == rows and np.ptp(numbers) == rows - 1 and (numbers == np.rint(numbers)).all()
        return "an id: it counts the rows" if counted else ""
    if found.distinct == rows:
        return "an id or free text: another text in every row"
    if found.distinct == 1 and not found.gaps:
        return "it is the same in every row"
    if not common(table.words(name)):
        return f"{found.distinct:,} different texts in {rows:,} rows: none is in {LEAST}"
    return ""


def _is_the_target(
    codes: NDArray[np.int64], numbers: NDArray[np.float64] | None, right: NDArray[np.int64] | NDArray[np.float64]
) -> bool:
    if right.dtype.kind == "i":  # classes: to each one value, and to each value one class
        pairs = len({*zip(codes.tolist(), right.tolist(), strict=True)})
        return pairs == int(codes.max()) + 1 == len(np.unique(right)) > 1
    return numbers is not None and right.dtype.kind == "f" and bool(np.ptp(right)) and np.array_equal(numbers, right)
