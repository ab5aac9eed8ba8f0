"""SQLite's write-ahead log, of which nothing is asked but that the disk has it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["Log"]


class Log:
    """The file ``FILE-wal``; it stays the same one as long as anybody has the chain open."""

    def __init__(self, database: Path) -> None:
        self._path = f"{database}-wal"
        self._number = -1
        self._file = (0, 0)

    def sync(self) -> None:
        """Return when the disk has what has been written to it, by whomever. Raises ``OSError``.

        Where there is none, all that was in it lies in the database, synced.
        """
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return
        if self._number < 0 or (found.st_dev, found.st_ino) != self._file:
            self.close()
            self._number = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            opened = os.fstat(self._number)
            self._file = (opened.st_dev, opened.st_ino)
        os.fdatasync(self._number)

    def close(self) -> None:
        """Close it."""
        if self._number >= 0:
            with contextlib.suppress(OSError):
                os.close(self._number)
        self._number = -1
