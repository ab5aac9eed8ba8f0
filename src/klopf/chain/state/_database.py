"""One SQLite file for any number of threads and processes: connections, and whose turn it is to write."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from klopf.chain._patience import TooLong, patience
from klopf.chain.state._file import BUSY_SECONDS, Errors, look
from klopf.chain.state._log import Log
from klopf.chain.state._recent import Recent
from klopf.chain.state._turn import Turn
from klopf.errors import ChainError, DiskFull, ReadOnlyChain

__all__ = ["Database"]

LOST_SECONDS = 0.2  # after which whoever wrote a block is taken to have died before the disk had it

_inherited: list[sqlite3.Connection] = []


class _Local(threading.local):
    """What each thread has of its own."""

    pid: int | None = None
    connection: sqlite3.Connection
    seen: tuple[bool, int, int, int]
    recent: Recent | None = None
    split = False  # whether a commit leaves the wait for the disk to us
    writing = False
    steady = 0  # how many callers go by what has been read, without looking whether somebody has written


class Database:
    """A file that exists, open. Raises only :mod:`klopf.errors`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.closed = False
        self._local = _Local()
        self._all: dict[int, sqlite3.Connection] = {}
        self._kept_by = os.getpid()
        self._keeping = threading.Lock()
        self._writing = threading.Lock()
        self._turn = Turn(path)
        self._log = Log(path)
        self._syncing = threading.Lock()
        self._written = self._synced = 0  # the newest commit of this process, and the newest that the disk has
        self._durable_height = 0  # of a block for which this process waited
        self._failed = ""  # why the disk cannot be trusted any more
        self.disk_seconds = 0.0  # what the last waits for the disk took, smoothed
        self._errors = Errors(path)
        self._steady = Steady(self)
        self._hold = look(path)
        self._frozen = read_only and not os.access(path.parent, os.W_OK)  # SQLite cannot keep up by itself then

    # connections

    def connection(self) -> sqlite3.Connection:
        """This thread's connection in this process."""
        local = self._local
        if local.pid != os.getpid():
            if self.closed:
                raise ChainError(f"the chain at {self.path} is closed; open it again")
            if hasattr(local, "connection"):
                _inherited.append(local.connection)  # a fork's child must not even close its parent's
            local.connection = self._connect()
            local.pid = os.getpid()
            self._keep(local.connection)
        elif self.closed:
            raise ChainError(f"the chain at {self.path} is closed; open it again")
        elif self._frozen and local.seen != self._state():  # a writer came: look again
            local.connection.close()
            local.connection = self._connect()
            self._keep(local.connection)
        return local.connection

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Remember a thread's connection, and close those of threads that have ended."""
        with self._keeping:
            if self._kept_by != os.getpid():
                _inherited.extend(self._all.values())
                self._all, self._kept_by = {}, os.getpid()
            alive = {thread.ident for thread in threading.enumerate()}
            for ident in [ident for ident in self._all if ident not in alive]:
                self._all.pop(ident).close()
            ident = threading.get_ident()
            if ident in self._all:  # the number of a thread that has ended, used again
                self._all.pop(ident).close()
            self._all[ident] = connection
            self._log.look_again()

    def _connect(self) -> sqlite3.Connection:
        self._local.recent, self._local.split = None, False
        quoted = urllib.parse.quote(str(self.path.absolute()))
        mode = "ro" if self.read_only else "rw"
        if self._frozen:
            self._local.seen = self._state()
            if not self._local.seen[0]:  # nobody writes: the file is all there is, and no index can be made beside it
                mode += "&immutable=1"
            elif not os.access(f"{self.path}-wal", os.R_OK) or not os.access(f"{self.path}-shm", os.R_OK):
                raise ChainError(f"{self.path}-wal and -shm cannot be read; give read permission to follow the writer")
        with self.errors():
            self._hold.lock()
            connection = sqlite3.connect(
                f"file:{quoted}?mode={mode}",
                uri=True,
                isolation_level=None,
                timeout=BUSY_SECONDS,
                check_same_thread=False,
            )
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA cache_size=-4096")
            connection.execute("PRAGMA journal_size_limit=16777216")
            connection.execute("PRAGMA wal_autocheckpoint=4000")  # which is 16 MB: to fold it in takes three waits
            return connection

    def _state(self) -> tuple[bool, int, int, int]:
        """What shows to one who may write nothing that somebody else has written."""
        found = self.path.stat()
        return Path(f"{self.path}-wal").exists(), found.st_ino, found.st_size, found.st_mtime_ns

    def _look(self, connection: sqlite3.Connection) -> None:
        """Forget what was read if another connection has written since; what this one writes it must say itself."""
        recent = self._local.recent
        if recent is None:
            return
        if recent.version != connection.execute("PRAGMA data_version").fetchone()[0]:
            self._local.recent = None
        elif recent.behind:
            if time.monotonic() - recent.since > LOST_SECONDS and not self._local.writing:
                self._make_seen_durable(connection)
            if self._local.writing or recent.number != self._durable():
                self._local.recent = None

    def steady(self) -> Steady:
        """Inside, in this thread, the newest block is the one that it was at the beginning, whoever writes."""
        return self._steady

    def errors(self) -> Errors:
        """Turns SQLite's errors into lines for people."""
        return self._errors

    @contextlib.contextmanager
    def write(self, wait: bool = True, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """The one writer's turn: what is done inside is durable when the block ends, or undone as a whole.

        Where ``wait`` is False, raises :class:`~klopf.chain._patience.TooLong` if it is another's turn. Where
        ``durable`` is False, the disk may not have it yet: nobody may be told before :meth:`make_durable`.

        Waiting is by a lock in the kernel (``flock``), which is woken at once and is freed when a process dies,
        instead of SQLite's sleeping and trying again, which starves whoever sleeps longest.
        """
        if self.read_only:
            raise ReadOnlyChain(f"{self.path} is open for reading only; open it without read_only to write")
        if self._failed:
            raise DiskFull(self._failed)
        if not self._writing.acquire(blocking=wait):
            raise TooLong
        try:
            with self._turn.taken(wait), self.errors():
                yield from self._transaction()
        finally:
            self._writing.release()
        if durable:
            self.make_durable()

    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """In one's turn."""
        connection, local, turn = self.connection(), self._local, self._turn
        if turn.counts != local.split:  # the wait for the disk is ours then, not SQLite's
            connection.execute(f"PRAGMA synchronous={'NORMAL' if turn.counts else 'FULL'}")
            local.split = turn.counts
        connection.execute("BEGIN IMMEDIATE")
        number, height = 0, 0
        try:
            local.writing = True
            self._look(connection)
            if turn.counts:
                self._log.make_room()
                height = self._height(connection)
                number = turn.begin(height)
            local.steady += 1
            try:
                yield connection
            finally:
                local.steady -= 1
            begin = time.monotonic()
            connection.execute("COMMIT")
            if number:
                height = self._height(connection)
                self._written = number
            else:
                self._took(begin)
        except BaseException:
            local.recent = None
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        finally:
            local.writing = False
            if number:
                turn.end(number, height)

    def _height(self, connection: sqlite3.Connection) -> int:
        """The newest block's number, in one's turn."""
        recent = self._local.recent
        if recent is not None:
            return recent.number
        return int(connection.execute("SELECT max(number) FROM block").fetchone()[0] or 0)

    # what the disk has

    @property
    def is_durable(self) -> bool:
        """Whether the disk has all that this process wrote."""
        return self._synced >= self._written

    def make_durable(self) -> None:
        """Wait until the disk has all that has been written, by this process or another whose writing was seen.

        Threads that come while one waits are covered together by the next wait. Raises
        :class:`~klopf.errors.DiskFull` where the disk fails: then nobody may write by this open chain any more.
        """
        wanted = self._written
        if self._synced >= wanted:
            return
        with self._syncing:
            if self._synced < wanted:
                self._sync()

    def _make_seen_durable(self, connection: sqlite3.Connection) -> None:
        """The same for all that is in the log, whoever wrote it; where time is bounded, it is refused."""
        patience.refuse()
        self._speak_for_the_dead(connection)
        number = connection.execute("SELECT max(number) FROM block").fetchone()[0] or 0
        with self._syncing:
            self._sync(seen=True)
        self._durable_height = number

    def _speak_for_the_dead(self, connection: sqlite3.Connection) -> None:
        """Where a writer was killed between its commit and saying so, say it: else this process goes by that block from
        here on, while others, which it may tell of it, do not see it yet. Who has had a turn looks first: among the
        living the numbers differ only while somebody has his."""
        counts = self._turn.look()
        if self._turn.counts and counts.begun == counts.written:
            return
        if self.read_only or not self._writing.acquire(blocking=False):
            return
        try:
            with contextlib.suppress(TooLong, ChainError), self._turn.taken(wait=False):
                counts = self._turn.look()
                if self._turn.counts and counts.begun != counts.written:  # it is nobody's turn
                    self._turn.end(counts.begun, connection.execute("SELECT max(number) FROM block").fetchone()[0] or 0)
        finally:
            self._writing.release()

    def _durable(self) -> int:
        """The height of the newest block that the disk is known to have (not where blocks can be undone)."""
        return max(self._durable_height, self._turn.look().durable)

    def _sync(self, seen: bool = False) -> None:
        """Wait for the disk, unless another process has waited for what this one wrote, or for all that was seen."""
        if self._failed:
            raise DiskFull(self._failed)
        written = self._written
        with self._turn.syncing() as counts:
            if not counts.all_synced and (seen or counts.synced < written):
                begin = time.monotonic()
                try:
                    self._log.sync()
                except OSError as error:
                    self._failed = (
                        f"the disk of {self.path} failed ({error.strerror}): what was sent last may be lost; check it, "
                        "then open the chain again"
                    )
                    raise DiskFull(self._failed) from error
                self._took(begin)
                self._turn.synced(counts)
        self._synced = max(self._synced, written)

    def _took(self, begin: float) -> None:
        self.disk_seconds += (time.monotonic() - begin - self.disk_seconds) / 8

    def close(self) -> None:
        """Close every thread's connection; the last process to close folds the log into the file."""
        if not self.is_durable and not self._failed:
            with contextlib.suppress(ChainError):
                self.make_durable()
        self.closed = True
        for connection in self._all.values() if self._kept_by == os.getpid() else ():
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._all.clear()
        with self._syncing:
            self._log.close()
        self._turn.close()
        self._hold.release()


class Steady:
    """The context of :meth:`Database.steady`; entered for every request, so a plain class."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None:
        database = self._database
        local = database._local
        if not local.steady:
            with database.errors():
                database._look(database.connection())
        local.steady += 1

    def __exit__(self, *_: object) -> None:
        self._database._local.steady -= 1
