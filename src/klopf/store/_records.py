"""Adding records: each file of them prepared by the policy, cut into slices, and its blocks given to the draft."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np

from klopf import tables
from klopf.errors import StoreError
from klopf.extras import require
from klopf.store._budget import Cost, Ledger
from klopf.store._build import PROFILES, Built, Sink, build_file, build_folder
from klopf.store._opendp import discrete_laplace
from klopf.store._policy import Policy
from klopf.store._prepare import no_noise, prepare, written
from klopf.store._slices import PACKED, slices
from klopf.tables import Table

__all__ = ["add_records", "find_tables", "read_table"]

_SUFFIX = ".csv" + PACKED
_ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq")
_MOST_BYTES = 256 << 20
"""A table is read whole, and takes about 17 times its size in memory."""
_MOST_TABLES = 10_000
_RULE = PROFILES["unixfs-v1-2025"]  # of the nodes above the slices


def add_records(
    source: Path, policy: Policy, key: bytes, ledger: Ledger, sink: Sink, told: Callable[[int], None] | None
) -> tuple[Built, dict[str, Any]]:
    """The graph of the records in ``source``, and what the policy did to each file, in numbers.

    Raises:
        StoreError, TableError, MissingExtra: as :meth:`klopf.store.Store.add`.
    """
    if policy.noised:
        require("noise", "noise")  # before anything is paid
    found = find_tables(source)
    planned = _paid_together(found, policy, key, ledger) if len(found) > 1 else None
    said: dict[str, Any] = {}
    children = []
    for file in found:

        def pay(asked: Cost, file: Path = file) -> None:
            if planned is None:
                ledger.spend(policy, asked)
            elif asked != planned[file]:
                raise StoreError(f"{file} changed while it was read: try again when nobody writes to it")

        ready = prepare(read_table(file), policy, key, discrete_laplace, pay)
        with tempfile.TemporaryFile() as draft:
            draft.writelines(written(ready.columns))
            draft.seek(0)
            built = build_file(slices(draft), _RULE, sink)
        if told:
            told(file.stat().st_size)
        said[file.name] = ready.said.plain()
        children.append((file.stem + _SUFFIX, built))
    if source.is_dir():
        return build_folder(children, _RULE, sink), said
    return children[0][1], said


def _paid_together(found: list[Path], policy: Policy, key: bytes, ledger: Ledger) -> dict[Path, Cost]:
    """Pay for all files at once, so that one that does not fit or cannot be paid leaves the others unpaid, too."""
    planned: dict[Path, Cost] = {}
    for file in found:
        asked: Cost = {}
        prepare(read_table(file), policy, key, no_noise, asked.update)
        planned[file] = asked
    ledger.spend(policy, dict(sum((Counter(asked) for asked in planned.values()), Counter())))
    return planned


def find_tables(source: Path) -> list[Path]:
    """
    Raises:
        StoreError: there are none, too many, or two that would have one name.
    """
    if source.is_file():
        return [source]
    for left_out in sorted(source.iterdir()):
        if left_out.is_symlink() or left_out.is_dir():
            what = "link" if left_out.is_symlink() else "folder"
            raise StoreError(f"{left_out} is a {what}: add what is in it by itself")
    found = sorted(file for file in source.iterdir() if file.suffix.lower() in _ENDINGS and not file.is_symlink())
    if not found:
        raise StoreError(f"{source} holds no records: give CSV or Parquet files, or add it as it is, with --as-it-is")
    if len(found) > _MOST_TABLES:
        raise StoreError(f"{source} holds {len(found):,} files of records: {_MOST_TABLES:,} are the most")
    stems = [file.stem for file in found]
    for stem in stems:
        if stems.count(stem) > 1:
            raise StoreError(f"{source} holds two files of records called {stem!r}: rename one")
    return found


def read_table(file: Path) -> Table:
    """
    Raises:
        StoreError, TableError: it is too large, or no table.
    """
    if file.is_file() and (size := file.stat().st_size) > _MOST_BYTES:
        raise StoreError(f"{file} has {size:,} bytes, and {_MOST_BYTES:,} are the most: cut it into several files")
    table = tables.read(file)
    one_form = {name: c if isinstance(c, np.ndarray) else [t and normalize("NFC", t) for t in c]
                for name, c in table.columns.items()}  # fmt: skip
    return replace(table, columns=one_form)  # an ü is one letter, however it was typed: else one person is two
