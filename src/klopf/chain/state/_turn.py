"""The file ``FILE-turn``: its lock is the writers' turn, and numbers in it say what the disk has.

A commit is numbered when it begins; ``begun`` is the newest one's number, ``written`` that of the newest in the log,
where everybody sees it, ``synced`` that of the newest that the disk is known to have. Writers wait for the disk after
their turn, while others have theirs, one at a time: one wait is for all that was written before it, whoever wrote it,
and who finds his commit covered does not wait again. Readers go by ``durable``, the height of the newest block that the
disk has.

After a crash all that is read is on the disk, whatever the numbers say: they only mean something beside each other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from klopf.chain._patience import TooLong
from klopf.chain.state._file import not_writable
from klopf.chain.state._locks import no_locks
from klopf.errors import DiskFull, ReadOnlyChain

__all__ = ["Counts", "Turn"]

NUMBER = struct.Struct("=Q")
PAIR = struct.Struct("=QQ")
ALL = struct.Struct("=6Q")
BEGUN, FLOOR, WRITTEN, SYNCED = 0, 8, 16, 32  # where they stand; a height follows on each of the last two
LOCK = struct.Struct("hhqqi")  # struct flock
FIRST = 1 << 20  # the byte whose lock is the turn to wait for the disk; it does not exist


class Counts(NamedTuple):
    """Commits by their numbers, and heights: of a block that the disk had when nothing was on its way, of the newest
    written, of the newest synced."""

    begun: int = 0
    floor: int = 0
    written: int = 0
    height: int = 0
    synced: int = 0
    synced_height: int = 0

    @property
    def all_synced(self) -> bool:
        """Whether the disk has all there is."""
        return self.begun == self.synced

    @property
    def durable(self) -> int:
        """The height of a block that the disk has: the newest that anybody has been told of."""
        return max(self.floor, self.synced_height)


class Turn:
    """One database's file of that kind; one of these in each process that has the chain open."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = Path(f"{database}-turn")
        self._number: tuple[int, int] | None = None  # this process, and its descriptor to lock
        self._looking: tuple[int, int] | None = None  # the same where it is only read
        self.counts = False  # whether this process may write the numbers
        self._fresh = True  # that is found out in its first turn

    @contextlib.contextmanager
    def taken(self, wait: bool) -> Iterator[None]:
        """This process's turn among the processes. Raises :class:`~klopf.chain._patience.TooLong` where it is another's
        and ``wait`` is False."""
        try:
            import fcntl
        except ImportError:  # no flock here: SQLite's own waiting has to do
            yield
            return
        descriptor = self._descriptor()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TooLong from None
        except OSError as error:
            raise no_locks(self._database, error) from error
        try:
            if self._fresh:
                self._fresh = False
                can = hasattr(os, "fdatasync") and hasattr(fcntl, "F_OFD_SETLKW")
                self.counts = can and _make_room(descriptor)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _descriptor(self) -> int:
        """The one to lock."""
        if self._number is None or self._number[0] != os.getpid():
            self._number, self.counts, self._fresh = (os.getpid(), self._open()), False, True
        return self._number[1]

    # the numbers

    def begin(self, height: int) -> int:
        """In one's turn, at that height: a commit's number, before it can be seen."""
        assert self._number is not None
        counts = self.look()
        if counts.written == counts.synced and height != counts.floor:
            os.pwrite(self._number[1], NUMBER.pack(height), FLOOR)
        number = max(counts.begun, counts.written, counts.synced) + 1
        os.pwrite(self._number[1], NUMBER.pack(number), BEGUN)
        return number

    def end(self, number: int, height: int) -> None:
        """In one's turn: that commit is in the log, which reaches to that height; or it is undone."""
        assert self._number is not None
        os.pwrite(self._number[1], PAIR.pack(number, height), WRITTEN)

    @contextlib.contextmanager
    def syncing(self) -> Iterator[Counts]:
        """This process's turn to wait for the disk; the numbers as they are then."""
        if not self.counts or self._number is None or self._number[0] != os.getpid():
            yield self.look()
            return
        import fcntl

        descriptor = self._number[1]
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, FIRST, 1, 0))
        try:
            yield self.look()
        finally:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, LOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, FIRST, 1, 0))

    def synced(self, counts: Counts) -> None:
        """While :meth:`syncing`: the disk has all that was written when it was so."""
        if self.counts and self._number is not None and self._number[0] == os.getpid():
            os.pwrite(self._number[1], PAIR.pack(counts.written, counts.height), SYNCED)

    def look(self) -> Counts:
        """The three as they are."""
        for held in (self._number, self._looking):
            if held is not None and held[0] == os.getpid():
                return Counts(*ALL.unpack(os.pread(held[1], ALL.size, 0).ljust(ALL.size, b"\0")))
        try:
            self._looking = (os.getpid(), os.open(self._path, os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            return Counts()  # nobody has written
        except OSError:
            return Counts(begun=1)  # who knows
        return self.look()

    # the file

    def _open(self) -> int:
        """It belongs to whom the database belongs to, and has its mode."""
        try:
            found = self._database.stat()
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            made = os.fstat(descriptor)
            if made.st_uid == os.geteuid():
                os.fchmod(descriptor, found.st_mode & 0o666)
                if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
                    with contextlib.suppress(OSError):  # only root may give it away
                        os.fchown(descriptor, found.st_uid if os.geteuid() == 0 else -1, found.st_gid)
            return descriptor
        except PermissionError as error:
            with contextlib.suppress(OSError):
                return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)  # somebody else's; reading is enough to lock it
            raise not_writable(self._database) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(f"the disk that holds {self._database} is full; free some space") from error
            raise ReadOnlyChain(f"{self._path} cannot be written: {error.strerror}; open it read_only") from error

    def close(self) -> None:
        """Close it."""
        for held in (self._number, self._looking):
            if held is not None and held[0] == os.getpid():
                os.close(held[1])
        self._number = self._looking = None


def _make_room(descriptor: int) -> bool:
    """In one's turn: whether the numbers can be written there."""
    try:
        if os.fstat(descriptor).st_size < ALL.size:
            return os.pwrite(descriptor, bytes(ALL.size), 0) == ALL.size
        return os.pwrite(descriptor, b"", 0) == 0
    except OSError:
        return False
