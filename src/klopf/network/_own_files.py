"""A file a neuron, as one table: with the same columns, or with different ones where it is said what is shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import tables
from klopf.errors import PeersError
from klopf.network._columns import plain
from klopf.network._settings import DataSettings
from klopf.tables import Table

__all__ = ["Together", "together"]

Cells = NDArray[np.float64] | list[Any]


@dataclass(frozen=True)
class Together:
    """All that is known in a network, as one plain table."""

    table: Table
    owned: tuple[NDArray[np.int64], ...] | None = None
    """The rows of each neuron; None where one file is shared out."""
    common: NDArray[np.int64] | None = None
    """The rows that all neurons have, where a key says which are the same."""
    has: tuple[tuple[str, ...], ...] = ()
    """The columns of each neuron, where they differ."""
    source: str = "the neurons' files"


def together(
    files: Sequence[tuple[str, Path]], data: DataSettings, knows: Mapping[str, Collection[str]] = MappingProxyType({})
) -> Together:
    """The files of all neurons, which have a name each; ``knows`` are the classes that a neuron declared to know.

    Raises:
        TableError, PeersError: a file cannot be read, or they do not fit together; one line that says how they would.
    """
    read = [_narrowed(plain(tables.read(file, data.form), data.kinds), data) for _, file in files]
    _spell_alike(files, read, data, knows)
    if data.key:
        return _joined(read, data)
    first = read[0]
    for (name, _), table in zip(files, read, strict=True):
        if odd := sorted(set(table.names) ^ set(first.names)):
            raise PeersError(
                f"the file of neuron {name!r} has other columns than the first ({', '.join(map(repr, odd[:8]))}): say "
                "what is shared: data.columns for those that all have, or data.key for the column by which rows of "
                "several files are one sample"
            )
    columns = {name: _stacked([table.columns[name] for table in read]) for name in first.names}
    ends = np.cumsum([0, *(len(table) for table in read)])
    owned = tuple(np.arange(a, b) for a, b in pairwise(ends))
    return Together(Table("the neurons' files", columns), owned)


def _narrowed(table: Table, data: DataSettings) -> Table:
    if not data.columns:
        return table
    wanted = (*data.columns, data.target, *filter(None, (data.key,)))
    for name in wanted if not data.key else ():
        table.require(name)
    return Table(table.name, {name: cells for name, cells in table.columns.items() if name in wanted})


def _spell_alike(
    files: Sequence[tuple[str, Path]], read: Sequence[Table], data: DataSettings, knows: Mapping[str, Collection[str]]
) -> None:
    """PeersError where two owners call what must be the same classes by different names. Who declared all of its
    classes means them."""
    if data.task != "classes":
        return
    found = []
    for (name, _), table in zip(files, read, strict=True):
        if data.target in table.columns:
            words = {data.spellings.get(word, word) for word in table.words(data.target) if word is not None}
            found.append((name, words, all(_is_number(word) for word in words)))
    for (one, mine, numbers), (other, theirs, also) in combinations(found, 2):
        meant = mine <= set(knows.get(one, ())) and theirs <= set(knows.get(other, ()))
        if numbers != also or (not mine & theirs and min(len(mine), len(theirs)) > 1 and not meant):
            ours, others = (", ".join(repr(word) for word in sorted(words)[:3]) for words in (mine, theirs))
            raise PeersError(
                f"neuron {one!r} has the classes {ours} and neuron {other!r} {others}: say which are the same, such as "
                f'data.spellings = {{ "{min(mine)}" = "{min(theirs)}" }}, or, if none are, under each of them '
                "knows = { classes = [...] }"
            )


def _is_number(word: str) -> bool:
    try:
        tables.number(word)
    except ValueError:
        return False
    return True


def _stacked(parts: Sequence[Cells]) -> Cells:
    """One column of several: numbers where all are, else text."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return [word for part in parts for word in Table("", {"": part}).words("")]


def _joined(read: Sequence[Table], data: DataSettings) -> Together:
    keys = []
    for table in read:
        own = table.words(data.key)
        if None in own:
            raise PeersError(f"{table.name}: the key {data.key!r} is empty in row {own.index(None) + 1}: fill it in")
        if len(set(own)) < len(own):
            row = next(i for i, word in enumerate(own, 1) if word in own[: i - 1])
            raise PeersError(
                f"{table.name}: the key {data.key!r} is {own[row - 1]!r} once more in row {row}: leave one out"
            )
        keys.append({str(word): i for i, word in enumerate(own)})
    everything = sorted(set().union(*keys))
    place = {key: i for i, key in enumerate(everything)}
    names = list(dict.fromkeys(name for table in read for name in table.names if name != data.key))
    columns = {name: _column(name, read, keys, place) for name in names}
    table = Table("the neurons' files", columns)
    table.require(data.target)
    owned = tuple(np.array(sorted(place[key] for key in own), np.int64) for own in keys)
    common = [place[key] for key in sorted(set.intersection(*(set(own) for own in keys)))]
    if not common:
        raise PeersError(f"no row of {data.key!r} is in the files of all neurons: of such nobody could be asked")
    has = tuple(tuple(name for name in table.names if name not in (data.key, data.target)) for table in read)
    return Together(table, owned, np.array(common, np.int64), has)


def _column(name: str, read: Sequence[Table], keys: Sequence[dict[str, int]], place: dict[str, int]) -> Cells:
    """A column of the whole, of which the first file that has it and a row says what is in that."""
    parts = [(table.columns[name], own) for table, own in zip(read, keys, strict=True) if name in table.columns]
    if all(isinstance(cells, np.ndarray) for cells, _ in parts):
        numbers = np.full(len(place), np.nan)
        for cells, own in reversed(parts):
            at = np.array([place[key] for key in own], np.int64)
            there = ~np.isnan(cells)
            numbers[at[there]] = np.asarray(cells)[there]
        return numbers
    texts: list[str | None] = [None] * len(place)
    for cells, own in reversed(parts):
        for key, word in zip(own, Table("", {"": cells}).words(""), strict=True):
            texts[place[key]] = word if word is not None else texts[place[key]]
    return texts
