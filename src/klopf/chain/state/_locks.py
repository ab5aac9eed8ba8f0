"""SQLite's locks on the file, kept through what POSIX does to them.

A process loses *all* its locks on a file when it closes *any* descriptor of it, and a fork's child has none of its
parent's; SQLite goes on believing that it holds them. Another process that then closes the chain takes itself for the
last one, folds the log into the file and removes it, and what is written to the removed log is lost. So this process
looks at the file through one descriptor, which stays open as long as it has the chain open, and takes SQLite's shared
lock by itself before every connection.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from klopf.errors import ChainError

__all__ = ["SHARED_FIRST", "SHARED_SIZE", "Hold", "is_held", "no_locks"]

SHARED_FIRST, SHARED_SIZE = 0x40000002, 510  # the bytes that SQLite locks (its os.h)
INDEX_IN_USE = 128  # the byte of the log's index that says that somebody uses it (its wal.c)
PATIENCE = 10.0  # seconds, while another process folds its log into the file

_guard = threading.Lock()
_is_child = False


def _in_child() -> None:
    global _is_child
    _is_child = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


@dataclass
class _Descriptors:
    users: int = 0
    numbers: list[int] = field(default_factory=list)
    indices: dict[int, int] = field(default_factory=dict)  # of the log's index, by process


_open: dict[tuple[int, int], _Descriptors] = {}


class Hold:
    """This process's look at one file. Raises ``OSError`` where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _guard:
            found = path.stat()
            self._key = (found.st_dev, found.st_ino)
            if self._key not in _open:
                number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
                opened = os.fstat(number)
                self._key = (opened.st_dev, opened.st_ino)  # it may just have been replaced
                _open.setdefault(self._key, _Descriptors()).numbers.append(number)
            _open[self._key].users += 1
        self._released = False

    def read(self, size: int) -> bytes:
        """The file's first bytes."""
        with _guard:
            number = _open[self._key].numbers[0]
            os.lseek(number, 0, os.SEEK_SET)
            return os.read(number, size)

    def size(self) -> int:
        """The file's bytes."""
        return os.fstat(_open[self._key].numbers[0]).st_size

    def lock(self) -> None:
        """Take SQLite's shared lock, or keep it. Raises :class:`~klopf.errors.ChainError` where there are no locks."""
        try:
            import fcntl
        except ImportError:  # SQLite's own locks are of another kind there
            return
        entry = _open[self._key]
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.lockf(entry.numbers[0], fcntl.LOCK_SH | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise no_locks(self.path, error) from error
                if time.monotonic() > deadline:
                    raise ChainError(f"{self.path} is held by another process; end that process or wait") from error
            time.sleep(0.01)
        if _is_child and os.getpid() not in entry.indices:
            try:
                number = os.open(f"{self.path}-shm", os.O_RDWR)
            except OSError:
                return  # nobody has one
            entry.indices[os.getpid()] = number  # stays open: to close it would undo SQLite's locks of it
            fcntl.lockf(number, fcntl.LOCK_SH, 1, INDEX_IN_USE)

    def release(self) -> None:
        """The chain is closed: its connections are, already."""
        with _guard:
            if self._released:
                return
            self._released = True
            entry = _open[self._key]
            entry.users -= 1
            if entry.users == 0:
                for number in entry.numbers:
                    os.close(number)
                del _open[self._key]


def is_held(path: Path) -> bool:
    """Whether this process has the chain at ``path`` open."""
    with _guard:
        try:
            found = path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) in _open


def no_locks(path: Path, error: OSError) -> ChainError:
    """What to say where the file system does not lock files."""
    return ChainError(f"the file system of {path} keeps no locks ({error.strerror}); put the chain on a local disk")
