"""Questions that stay hidden until they have been asked: committed to before, shown after, never used twice."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from klopf import files, tables
from klopf.errors import AuditError

__all__ = ["Probes", "hold_out", "mark_used", "read_probes"]

_PROBES, _SEAL, _USED = "probes.csv", "seal.json", "used.jsonl"
_DIGITS = 5
"""Significant digits by which two numbers are told apart: a rounded copy of a row is the same row."""


@dataclass(frozen=True)
class Probes:
    """A folder of hidden questions."""

    file: Path
    commitment: str
    """SHA-256 of a salt and the file, in hex: published before anybody is asked, it shows later that nothing was
    changed."""
    salt: str
    rows: int
    dropped: int
    """Rows that stood in what was trained on."""
    used: tuple[str, ...] = ()
    """Whom they were put to, at whose place they can have been learned."""


def hold_out(
    source: Path, folder: Path, rows: int, trained: Sequence[Path] = (), form: tables.Format | None = None
) -> Probes:
    """Draw ``rows`` rows of a table by lot into ``folder/probes.csv``, and commit to them.

    Args:
        source: a CSV or Parquet file. folder: made here; only its owner can read it. rows: of which a row that stands
        in a file of ``trained`` is never one, to five significant digits. trained: tables on which models that are to
        be audited have been trained; the columns that both have are compared. form: how these files are written, where
        they do not tell.

    Raises:
        TableError: a file cannot be read.
        AuditError: too few rows are left, a file shares no column, or the folder holds something.
    """
    table = tables.read(source, form)
    if folder.exists() and any(folder.iterdir()):
        raise AuditError(f"{folder} holds something: name a new folder")
    known = np.zeros(len(table), bool)
    for file in trained:
        other = tables.read(file, form)
        shared = [name for name in table.names if name in other.names]
        if not shared:
            raise AuditError(f"{file} has no column of {source.name}: nothing can be compared")
        seen = set(_rows(other, shared))
        known |= np.array([row in seen for row in _rows(table, shared)])
    free = np.flatnonzero(~known)
    if len(free) < rows:
        raise AuditError(
            f"{len(free)} rows of {source.name} were never trained on, and {rows} are wanted: ask for fewer"
        )
    drawn = np.sort(np.random.default_rng(secrets.randbits(128)).permutation(free)[:rows])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.names)
    columns = [_cells(table.columns[name]) for name in table.names]
    writer.writerows([column[i] for column in columns] for i in drawn)
    salt, content = secrets.token_hex(16), text.getvalue().encode()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.replace(folder / _PROBES, content, private=True)
    seal = {"commitment": _committed(salt, content), "salt": salt, "rows": rows, "dropped": int(known.sum())}
    files.replace(folder / _SEAL, json.dumps(seal, indent=1) + "\n", private=True)
    return read_probes(folder)


def read_probes(folder: Path) -> Probes:
    """The probes in ``folder``.

    Raises:
        AuditError: there are none, or they are not those that were committed to.
    """
    try:
        seal: dict[str, Any] = json.loads((folder / _SEAL).read_text())
        content = (folder / _PROBES).read_bytes()
        commitment, salt, rows, dropped = (seal[name] for name in ("commitment", "salt", "rows", "dropped"))
    except (OSError, ValueError, KeyError, TypeError):
        raise AuditError(f"{folder} holds no probes: `klopf audit data FILE {folder}` draws some") from None
    if _committed(str(salt), content) != commitment:
        raise AuditError(f"{folder / _PROBES} is not what was committed to: draw new probes")
    used = files.json_lines(folder / _USED) if (folder / _USED).exists() else []
    return Probes(folder / _PROBES, commitment, salt, rows, dropped, tuple(str(one.get("who", "")) for one in used))


def mark_used(folder: Path, who: str) -> None:
    """Write down, before they are asked, that ``who`` has seen these probes."""
    files.append_line(folder / _USED, json.dumps({"who": who}))


def _committed(salt: str, content: bytes) -> str:
    return hashlib.sha256(salt.encode() + b"\n" + content).hexdigest()


def _rows(table: tables.Table, names: Sequence[str]) -> list[tuple[str, ...]]:
    columns = [[f"{cell:.{_DIGITS}g}" if isinstance(cell, float) else str(cell) for cell in _cells(table.columns[name])]
               for name in names]  # fmt: skip
    return list(zip(*columns, strict=True))


def _cells(column: Any) -> list[Any]:
    return (
        [float(cell) for cell in column] if isinstance(column, np.ndarray) else ["" if c is None else c for c in column]
    )
