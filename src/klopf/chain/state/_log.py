"""SQLite's write-ahead log: that the disk has it, and that it lies in blocks that the disk has already.

To wait for what lengthens a file takes about twice as long as for what is written over, since the file system must then
write down the new length and where it lies too. So the log is lengthened ahead, with zeros, in doubling steps: what is
written twice is no more than what is written. SQLite reads a log up to the first frame that is not sealed with the
log's salt and the frames before it, so zeros behind its frames mean nothing to it, before and after a crash.

Nobody asks the system for the log's times in between (``stat``): since Linux 6.13 each change after that is given a
time of its own, and to wait for the disk is then to wait for those times too, which takes a third longer.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

__all__ = ["Log"]


LEAST = 128 * 1024  # bytes of a log that is lengthened: most are never longer
STEP = 2 * 1024 * 1024  # by which it is lengthened at most, so that nobody waits long for that
MOST = 16 * 1024 * 1024  # where it is folded into the database and written from its beginning


class Log:
    """The file ``FILE-wal``; it stays the same one as long as anybody has the chain open.

    Who calls has read or written by a connection of his own, which is still open.
    """

    def __init__(self, database: Path) -> None:
        self._path = f"{database}-wal"
        self._number = -1
        self._looked = False  # whether that is the file of this name, since connections were made or closed
        self._room = -1  # its length when it was last looked at, zeros and all
        self._opening = threading.RLock()

    def look_again(self) -> None:
        """Connections were made or closed: by then it may be another file."""
        self._looked = False

    def _open(self) -> int:
        """Its descriptor. Raises ``OSError``."""
        with self._opening:
            if not self._looked:
                self._looked = True  # before it is so: what is said meanwhile must not be lost
                if not self._is_open():
                    self.close()
                    try:
                        self._number = self._opened()
                    except OSError:
                        self._looked = False
                        raise
            return self._number

    def _is_open(self) -> bool:
        if self._number < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._number), os.stat(self._path))
        except OSError:
            return False

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # who may only read can wait for the disk all the same
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def sync(self) -> None:
        """Return when the disk has what has been written to it, by whomever. Raises ``OSError``.

        Where there is none, all that was in it lies in the database, synced.
        """
        try:
            number = self._open()
        except FileNotFoundError:
            return
        os.fdatasync(number)

    def make_room(self) -> None:
        """Lengthen it, where it has grown since it was last looked at. Only while nobody else can write to it: in a
        transaction of SQLite's that has not written yet."""
        with self._opening:
            try:
                number = self._open()
                size = os.lseek(number, 0, os.SEEK_END)
                if LEAST <= size < MOST and 0 <= self._room < size:
                    size += os.pwrite(number, bytes(min(size, STEP, MOST - size)), size)
                self._room = size
            except OSError:  # no log yet, or a full disk: what has to be written shows what is wrong
                self._room = 0

    def close(self) -> None:
        """Close it."""
        with self._opening:
            if self._number >= 0:
                with contextlib.suppress(OSError):
                    os.close(self._number)
            self._number = -1
