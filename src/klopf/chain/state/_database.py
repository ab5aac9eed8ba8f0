"""One SQLite file for any number of threads and processes: connections, and whose turn it is to write."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from klopf.chain._patience import TooLong
from klopf.chain.state._file import BUSY_SECONDS, Errors, look, not_writable
from klopf.chain.state._locks import no_locks
from klopf.chain.state._recent import Recent
from klopf.errors import ChainError, DiskFull, ReadOnlyChain

__all__ = ["Database"]

_inherited: list[sqlite3.Connection] = []


class _Local(threading.local):
    """What each thread has of its own."""

    pid: int | None = None
    connection: sqlite3.Connection
    seen: tuple[bool, int, int, int]
    recent: Recent | None = None
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
        self._turn: tuple[int, int] | None = None
        self.disk_seconds = 0.0  # what the last commits took, smoothed
        self._errors = Errors(path)
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

    def _connect(self) -> sqlite3.Connection:
        self._local.recent = None
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
        if recent is not None and recent.version != connection.execute("PRAGMA data_version").fetchone()[0]:
            self._local.recent = None

    @contextlib.contextmanager
    def steady(self) -> Iterator[None]:
        """Inside, in this thread, the newest block is the one that it was at the beginning, whoever writes."""
        local = self._local
        if not local.steady:
            with self.errors():
                self._look(self.connection())
        local.steady += 1
        try:
            yield
        finally:
            local.steady -= 1

    def errors(self) -> Errors:
        """Turns SQLite's errors into lines for people."""
        return self._errors

    @contextlib.contextmanager
    def write(self, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """The one writer's turn: what is done inside is durable when the block ends, or undone as a whole.

        Where ``wait`` is False, raises :class:`~klopf.chain._patience.TooLong` if it is another's turn.

        Waiting is by a lock in the kernel (``flock``), which is woken at once and is freed when a process dies,
        instead of SQLite's sleeping and trying again, which starves whoever sleeps longest.
        """
        if self.read_only:
            raise ReadOnlyChain(f"{self.path} is open for reading only; open it without read_only to write")
        with self._taking_turn(wait), self.errors():
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            local = self._local
            try:
                self._look(connection)
                local.steady += 1
                try:
                    yield connection
                finally:
                    local.steady -= 1
                begin = time.monotonic()
                connection.execute("COMMIT")
                self.disk_seconds += (time.monotonic() - begin - self.disk_seconds) / 8
            except BaseException:
                local.recent = None
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _taking_turn(self, wait: bool) -> Iterator[None]:
        """Among this process's threads, then among the processes."""
        if not self._writing.acquire(blocking=wait):
            raise TooLong
        try:
            with self._taking_lock(wait):
                yield
        finally:
            self._writing.release()

    @contextlib.contextmanager
    def _taking_lock(self, wait: bool) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:  # no flock here: SQLite's own waiting has to do
            yield
            return
        if self._turn is None or self._turn[0] != os.getpid():
            descriptor = self._open_turn()
            self._turn = (os.getpid(), descriptor)
        descriptor = self._turn[1]
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TooLong from None
        except OSError as error:
            raise no_locks(self.path, error) from error
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _open_turn(self) -> int:
        """The file whose lock is the turn; it belongs to whom the database belongs to, and has its mode."""
        turn = Path(f"{self.path}-turn")
        try:
            found = self.path.stat()
            descriptor = os.open(turn, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            made = os.fstat(descriptor)
            if made.st_uid == os.geteuid():
                os.fchmod(descriptor, found.st_mode & 0o666)
                if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
                    with contextlib.suppress(OSError):  # only root may give it away
                        os.fchown(descriptor, found.st_uid if os.geteuid() == 0 else -1, found.st_gid)
            return descriptor
        except PermissionError as error:
            with contextlib.suppress(OSError):
                return os.open(turn, os.O_RDONLY | os.O_CLOEXEC)  # somebody else's; to lock it, reading is enough
            raise not_writable(self.path) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(f"the disk that holds {self.path} is full; free some space") from error
            raise ReadOnlyChain(f"{turn} cannot be written: {error.strerror}; open it read_only") from error

    def close(self) -> None:
        """Close every thread's connection; the last process to close folds the log into the file."""
        self.closed = True
        for connection in self._all.values() if self._kept_by == os.getpid() else ():
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._all.clear()
        if self._turn is not None and self._turn[0] == os.getpid():
            os.close(self._turn[1])
        self._turn = None
        self._hold.release()
