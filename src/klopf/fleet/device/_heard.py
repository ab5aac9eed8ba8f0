"""Which of a thing's records were heard before: MQTT promises "at least once", so what was on its way when a connection
broke comes again, perhaps in another batch and after a restart of either end."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from klopf import files

__all__ = ["Heard"]

_KEY, _EACH = 16, 8
_MOST = 10_000
"""Records that are remembered: more than can be on their way at once."""


class Heard:
    """Of one source, the last 10,000 records, as keyed hashes of 8 bytes in ``place``.

    alike: the columns by which records are one; None: every record is one of its own, and nothing is kept.
    """

    def __init__(self, place: Path, header: Sequence[str], alike: Sequence[str] | None) -> None:
        self._place = place
        self._columns = None if alike is None else [header.index(name) for name in alike or header]
        self._there: OrderedDict[bytes, None] = OrderedDict()
        self._unwritten: list[bytes] = []
        self._key = b""
        if self._columns is not None:
            data = place.read_bytes() if place.exists() else b""
            self._key, rest = data[:_KEY], data[_KEY:]
            whole = [rest[i : i + _EACH] for i in range(0, len(rest) - _EACH + 1, _EACH)]
            self._there = OrderedDict.fromkeys(whole[-_MOST:])
            self._begin()

    def _begin(self) -> None:
        """The file as it is in memory: no torn end, and no more than is remembered."""
        self._key = self._key if len(self._key) == _KEY else os.urandom(_KEY)
        files.replace(self._place, self._key + b"".join(self._there), private=True)

    def new(self, rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
        """Those that were not heard before, in their order; of those alike here, the first."""
        if self._columns is None:
            return list(rows)
        fresh: dict[bytes, Sequence[str]] = {}
        for row in rows:
            fresh.setdefault(self._digest(row), row)
        return [row for digest, row in fresh.items() if digest not in self._there]

    def note(self, rows: Sequence[Sequence[str]]) -> None:
        """These are on the disk now.

        Raises:
            OSError: no room to write that; it is known until this process ends, and written with the next.
        """
        if self._columns is None:
            return
        for row in rows:
            digest = self._digest(row)
            self._there[digest] = None
            self._unwritten.append(digest)
        if not self._unwritten:
            return
        with self._place.open("ab") as file:
            file.write(b"".join(self._unwritten))
            file.flush()
            os.fsync(file.fileno())
        self._unwritten = []
        if len(self._there) > 2 * _MOST:
            self._there = OrderedDict.fromkeys(list(self._there)[-_MOST:])
            self._begin()

    def _digest(self, row: Sequence[str]) -> bytes:
        cells = b"".join(len(cell := row[i].encode()).to_bytes(4, "big") + cell for i in self._columns or ())
        return hashlib.blake2b(cells, key=self._key, digest_size=_EACH).digest()
