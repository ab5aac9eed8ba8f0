"""SQLite's write-ahead log: that the disk has it, and that it lies in blocks that the disk has already.

To wait for what lengthens a file takes about twice as long as for what is written over, since the file system must then
write down the new length and where it lies too. So the log is lengthened ahead, with zeros, in doubling steps: what is
written twice is no more than what is written. SQLite reads a log up to the first frame that is not sealed with the
log's salt and the frames before it, so zeros behind its frames mean nothing to it, before and after a crash.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["Log"]


LEAST = 128 * 1024  # bytes of a log that is lengthened: most are never longer
STEP = 2 * 1024 * 1024  # by which it is lengthened at most, so that nobody waits long for that
MOST = 16 * 1024 * 1024  # where it is folded into the database and written from its beginning


class Log:
    """The file ``FILE-wal``; it stays the same one as long as anybody has the chain open."""

    def __init__(self, database: Path) -> None:
        self._path = f"{database}-wal"
        self._number = -1
        self._file = (0, 0)
        self._room = -1  # its length when it was last looked at, zeros and all

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

    def make_room(self) -> None:
        """Lengthen it, where it has grown since it was last looked at. Only while nobody else can write to it: in a
        transaction of SQLite's that has not written yet."""
        try:
            size = os.stat(self._path).st_size
            if LEAST <= size < MOST and 0 <= self._room < size:
                more = min(size, STEP, MOST - size)
                number = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    size += os.pwrite(number, bytes(more), size)
                finally:
                    os.close(number)
            self._room = size
        except OSError:  # no log yet, or a full disk: what has to be written shows what is wrong
            self._room = 0

    def close(self) -> None:
        """Close it."""
        if self._number >= 0:
            with contextlib.suppress(OSError):
                os.close(self._number)
        self._number = -1
