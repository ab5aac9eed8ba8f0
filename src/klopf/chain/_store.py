"""The chain's file: SQLite in WAL mode, one writer at a time, every state that ever was.

Accounts and slots are kept as versions, keyed by the block that wrote them; the state after block ``n`` is the newest
version at or below ``n``, so past states cost nothing extra and a reader is never disturbed by a writer.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from klopf.errors import ChainError, DamagedFile, DiskFull, ReadOnlyChain, UnknownFormat, WrongChain

from ._block import Header
from ._executor import EMPTY_CODE, Account, Difference, Log

__all__ = ["Store", "StoredBlock", "View"]

APPLICATION = 0x4B6C6F70  # "Klop"
FORMAT = 1
LOGS_PER_BLOCK = 1 << 20
BUSY_SECONDS = 60.0

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE block (
  number INTEGER PRIMARY KEY, hash BLOB NOT NULL, header BLOB NOT NULL,
  tx_hash BLOB, raw BLOB, status INTEGER, created BLOB
);
CREATE UNIQUE INDEX block_hash ON block (hash);
CREATE UNIQUE INDEX block_tx ON block (tx_hash) WHERE tx_hash IS NOT NULL;
CREATE TABLE log (
  id INTEGER PRIMARY KEY, address BLOB NOT NULL, topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL
);
CREATE INDEX log_address ON log (address);
CREATE INDEX log_source ON log (address, topic0);
CREATE TABLE account (
  address BLOB, block INTEGER, nonce INTEGER NOT NULL, balance BLOB NOT NULL, code_hash BLOB NOT NULL,
  PRIMARY KEY (address, block)
) WITHOUT ROWID;
CREATE TABLE storage (
  address BLOB, slot BLOB, block INTEGER, value BLOB NOT NULL, PRIMARY KEY (address, slot, block)
) WITHOUT ROWID;
CREATE TABLE code (hash BLOB PRIMARY KEY, code BLOB NOT NULL) WITHOUT ROWID;
"""

_inherited: list[sqlite3.Connection] = []


def pack(value: int) -> bytes:
    """An unsigned integer without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


class StoredBlock(NamedTuple):
    """A row of ``block``; the last four are None in a block without a transaction."""

    hash: bytes
    header: Header
    tx_hash: bytes | None
    raw: bytes | None
    status: bool | None
    created: bytes | None


class _Errors:
    """The context in which SQLite's errors become lines for people; entered for every statement, so a plain class."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise _translate(error, self.path) from error


class Store:
    """One file, any number of threads and processes. Raises only :mod:`klopf.errors`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._local = threading.local()
        self._all: dict[int, sqlite3.Connection] = {}
        self._kept_by = os.getpid()
        self._keeping = threading.Lock()
        self._writing = threading.Lock()
        self._turn: tuple[int, int] | None = None
        self._codes: dict[bytes, bytes] = {}
        self._closed = False
        self._errors = _Errors(path)
        self._check_file()
        with self.errors():
            self._check_format()
            self.meta: dict[str, Any] = dict(self.connection().execute("SELECT key, value FROM meta").fetchall())

    # opening

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any], fill: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file, whole or not at all: it is built beside its place, then linked into it."""
        with (
            cls._draft(path) as draft,
            contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA application_id={APPLICATION}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.executescript(SCHEMA)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
            fill(connection)
            connection.execute("COMMIT")

    @staticmethod
    @contextlib.contextmanager
    def _draft(path: Path) -> Iterator[Path]:
        """A name beside ``path`` to build a file at; it is linked to ``path`` when the block ends well."""
        if path.exists():
            raise ChainError(f"{path} exists already; open it, or choose another place")
        if not path.parent.is_dir():
            raise ChainError(f"{path.parent} is not a folder; make it first")
        draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            os.link(draft, path)
            _sync_folder(path.parent)
        except FileExistsError:
            raise ChainError(f"{path} exists already; open it, or choose another place") from None
        except sqlite3.Error as error:
            raise _translate(error, path) from error
        except OSError as error:
            raise ChainError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
        finally:
            for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm")):
                leftover.unlink(missing_ok=True)

    def copy(self, target: Path) -> None:
        """A consistent copy in a new file, while others write."""
        with self._draft(target) as draft, contextlib.closing(sqlite3.connect(draft)) as copy:
            self.connection().backup(copy)

    def _check_file(self) -> None:
        path = self.path
        if not path.exists():
            raise ChainError(f"there is no chain at {path}; make one with chain.create, or correct the path")
        try:
            with path.open("rb") as file:
                head = file.read(100)
                size = file.seek(0, os.SEEK_END)
        except OSError as error:
            raise ChainError(f"cannot read {path}: {error.strerror}; correct the path or its permissions") from error
        if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
            raise DamagedFile(f"{path} is not a chain, or its beginning is lost; restore it from a copy")
        page = int.from_bytes(head[16:18], "big")
        page = 65536 if page == 1 else page
        for patience in (0.05, 0.2, None):
            pages, logged = _logged(Path(f"{path}-wal"), page)
            whole = path.stat().st_size // page
            if all(number in logged for number in range(whole + 1, (pages or _pages(path)) + 1)):
                return
            if patience is None:
                raise DamagedFile(f"{path} is cut off ({size} bytes); restore it from a copy")
            time.sleep(patience)  # another process may just be folding its log into the file

    def _check_format(self) -> None:
        run = self.connection().execute
        if run("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise DamagedFile(f"{self.path} is a database, but not a chain; correct the path")
        version = run("PRAGMA user_version").fetchone()[0]
        if version != FORMAT:
            raise UnknownFormat(
                f"{self.path} has format {version} and this Klopf reads format {FORMAT}; use the Klopf that wrote it"
            )

    # connections

    def connection(self) -> sqlite3.Connection:
        """This thread's connection in this process."""
        local = self._local
        if getattr(local, "pid", None) != os.getpid():
            if self._closed:
                raise ChainError(f"the chain at {self.path} is closed; open it again")
            if hasattr(local, "connection"):
                _inherited.append(local.connection)  # a fork's child must not even close its parent's
            local.connection = self._connect()
            local.pid = os.getpid()
            self._keep(local.connection)
        elif self._closed:
            raise ChainError(f"the chain at {self.path} is closed; open it again")
        return local.connection  # type: ignore[no-any-return]

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
        quoted = urllib.parse.quote(str(self.path.absolute()))
        mode = "ro" if self.read_only else "rw"
        if self.read_only and not Path(f"{self.path}-wal").exists() and not os.access(self.path.parent, os.W_OK):
            mode += "&immutable=1"
        with self.errors():
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
            return connection

    def errors(self) -> _Errors:
        """Turns SQLite's errors into lines for people."""
        return self._errors

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The one writer's turn: what is done inside is durable when the block ends, or undone as a whole.

        Waiting is by a lock in the kernel (``flock``), which is woken at once and is freed when a process dies,
        instead of SQLite's sleeping and trying again, which starves whoever sleeps longest.
        """
        if self.read_only:
            raise ReadOnlyChain(f"{self.path} is open for reading only; open it without read_only to write")
        with self._writing, self._taking_turn(), self.errors():
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _taking_turn(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:  # no flock here: SQLite's own waiting has to do
            yield
            return
        if self._turn is None or self._turn[0] != os.getpid():
            try:
                descriptor = os.open(f"{self.path}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                if error.errno == 28:
                    raise DiskFull(f"the disk that holds {self.path} is full; free some space") from error
                raise ReadOnlyChain(f"{self.path} cannot be written: {error.strerror}; open it read_only") from error
            self._turn = (os.getpid(), descriptor)
        descriptor = self._turn[1]
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close every thread's connection; the last process to close folds the log into the file."""
        self._closed = True
        for connection in self._all.values() if self._kept_by == os.getpid() else ():
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._all.clear()
        if self._turn is not None and self._turn[0] == os.getpid():
            os.close(self._turn[1])
        self._turn = None

    # reading

    def height(self) -> int:
        """Number of the newest block."""
        with self.errors():
            row = self.connection().execute("SELECT max(number) FROM block").fetchone()
        if row[0] is None:
            raise DamagedFile(f"{self.path} has no blocks; restore it from a copy")
        return int(row[0])

    def head(self) -> StoredBlock:
        """The newest block."""
        block = self._block("number = (SELECT max(number) FROM block)")
        if block is None:
            raise DamagedFile(f"{self.path} has no blocks; restore it from a copy")
        return block

    def block(self, number: int) -> StoredBlock | None:
        """The block of that number."""
        return self._block("number = ?", number)

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """The block of that hash."""
        return self._block("hash = ?", block_hash)

    def block_of_transaction(self, tx_hash: bytes) -> StoredBlock | None:
        """The block that holds that transaction."""
        return self._block("tx_hash = ?", tx_hash)

    def _block(self, where: str, *key: Any) -> StoredBlock | None:
        with self.errors():
            row = (
                self.connection()
                .execute(f"SELECT hash, header, tx_hash, raw, status, created FROM block WHERE {where}", key)
                .fetchone()
            )
        if row is None:
            return None
        status = None if row[4] is None else bool(row[4])
        return StoredBlock(row[0], _header(row[1]), row[2], row[3], status, row[5])

    def logs(
        self,
        first: int,
        last: int,
        addresses: list[bytes] | None = None,
        topics: list[list[bytes] | None] | None = None,
        limit: int = -1,
    ) -> list[tuple[int, int, Log]]:
        """Logs of blocks ``first`` to ``last`` as ``(block, position in it, log)``, in order."""
        where = ["id >= ? AND id < ?"]
        values: list[Any] = [first * LOGS_PER_BLOCK, (last + 1) * LOGS_PER_BLOCK]
        if addresses is not None:
            where.append(f"address IN ({','.join('?' * len(addresses))})")
            values += addresses
        for place, accepted in enumerate(topics or []):
            if accepted is not None:
                where.append(f"topic{place} IN ({','.join('?' * len(accepted))})")
                values += accepted
        if topics:
            where.append(f"topic{len(topics) - 1} IS NOT NULL")
        columns = "id, address, topic0, topic1, topic2, topic3, data"
        sql = f"SELECT {columns} FROM log WHERE {' AND '.join(where)} ORDER BY id LIMIT ?"
        with self.errors():
            rows = self.connection().execute(sql, [*values, limit]).fetchall()
        return [
            (
                row[0] // LOGS_PER_BLOCK,
                row[0] % LOGS_PER_BLOCK,
                Log(row[1], tuple(topic for topic in row[2:6] if topic is not None), row[6]),
            )
            for row in rows
        ]

    def view(self, number: int) -> View:
        """The state after block ``number``."""
        return View(self, number)

    # writing (inside `write`)

    @staticmethod
    def put_difference(connection: sqlite3.Connection, number: int, difference: Difference) -> None:
        """Write the versions that block ``number`` makes."""
        connection.executemany("INSERT OR IGNORE INTO code VALUES (?, ?)", list(difference.codes.items()))
        connection.executemany(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?)",
            [(address, number, a.nonce, pack(a.balance), a.code_hash) for address, a in difference.accounts.items()],
        )
        connection.executemany(
            "INSERT INTO storage VALUES (?, ?, ?, ?)",
            [(address, pack(slot), number, pack(value)) for (address, slot), value in difference.storage.items()],
        )

    @staticmethod
    def put_block(connection: sqlite3.Connection, block: StoredBlock, logs: tuple[Log, ...] = ()) -> None:
        """Write a block and its logs."""
        header = block.header
        connection.execute(
            "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)",
            (header.number, block.hash, header.encode(), block.tx_hash, block.raw, block.status, block.created),
        )
        if logs:
            start = header.number * LOGS_PER_BLOCK
            connection.executemany(
                "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (start + i, log.address, *log.topics, *(None,) * (4 - len(log.topics)), log.data)
                    for i, log in enumerate(logs)
                ],
            )

    @staticmethod
    def forget(connection: sqlite3.Connection, above: int) -> None:
        """Undo every block above that one (a development chain's ``evm_revert``)."""
        connection.execute("DELETE FROM block WHERE number > ?", (above,))
        connection.execute("DELETE FROM log WHERE id >= ?", ((above + 1) * LOGS_PER_BLOCK,))
        connection.execute("DELETE FROM account WHERE block > ?", (above,))
        connection.execute("DELETE FROM storage WHERE block > ?", (above,))

    def code(self, code_hash: bytes) -> bytes:
        """The code of that hash."""
        if code_hash == EMPTY_CODE:
            return b""
        code = self._codes.get(code_hash)
        if code is None:
            with self.errors():
                row = self.connection().execute("SELECT code FROM code WHERE hash = ?", (code_hash,)).fetchone()
            if row is None:
                raise DamagedFile(f"{self.path} has lost the code {code_hash.hex()}; restore it from a copy")
            code = bytes(row[0])
            if len(self._codes) > 512:
                self._codes.clear()
            self._codes[code_hash] = code
        return code


_header = functools.lru_cache(maxsize=1024)(Header.decode)  # the newest blocks are asked for again and again


class View:
    """The state after one block; a :class:`~klopf.chain._executor.StateView`."""

    __slots__ = ("number", "store")

    def __init__(self, store: Store, number: int) -> None:
        self.store = store
        self.number = number

    def account(self, address: bytes) -> Account:
        """Nonce, balance in wei and code hash."""
        with self.store.errors():
            row = (
                self.store.connection()
                .execute(
                    "SELECT nonce, balance, code_hash FROM account WHERE address = ? AND block <= ? "
                    "ORDER BY block DESC LIMIT 1",
                    (address, self.number),
                )
                .fetchone()
            )
        return Account() if row is None else Account(row[0], int.from_bytes(row[1], "big"), row[2])

    def code(self, code_hash: bytes) -> bytes:
        """The code of that hash."""
        return self.store.code(code_hash)

    def storage(self, address: bytes, slot: int) -> int:
        """A slot's value."""
        with self.store.errors():
            row = (
                self.store.connection()
                .execute(
                    "SELECT value FROM storage WHERE address = ? AND slot = ? AND block <= ? "
                    "ORDER BY block DESC LIMIT 1",
                    (address, pack(slot), self.number),
                )
                .fetchone()
            )
        return 0 if row is None else int.from_bytes(row[0], "big")

    def block_hash(self, number: int) -> bytes:
        """Hash of a past block."""
        with self.store.errors():
            row = self.store.connection().execute("SELECT hash FROM block WHERE number = ?", (number,)).fetchone()
        return bytes(32) if row is None else bytes(row[0])


def _pages(path: Path) -> int:
    """How many pages the file says it has."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(32)[28:], "big")


def _logged(log: Path, page: int) -> tuple[int, set[int]]:
    """How many pages the newest commit in the log says there are (0: none in it), and which of them the log holds.

    After SQLite's file format, section 4: a header of 32 bytes, then frames of 24 bytes and a page each.
    """
    pages, held, waiting = 0, set[int](), set[int]()
    with contextlib.suppress(OSError), log.open("rb") as file:  # mostly there is none
        salt = file.read(32)[16:24]
        while len(frame := file.read(24)) == 24 and frame[8:16] == salt:
            waiting.add(int.from_bytes(frame[:4], "big"))
            size = int.from_bytes(frame[4:8], "big")
            if size:
                pages = size
                held |= waiting
                waiting.clear()
            file.seek(page, os.SEEK_CUR)
    return pages, held


def _translate(error: sqlite3.Error, path: Path) -> ChainError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DamagedFile(f"{path} is damaged ({error}); restore it from a copy")
    if name.startswith("SQLITE_FULL"):
        return DiskFull(f"the disk that holds {path} is full; free some space and send again: nothing was lost")
    if name.startswith("SQLITE_READONLY"):
        return ReadOnlyChain(f"{path} cannot be written; give it write permission, or open it with read_only=True")
    if name.startswith("SQLITE_IOERR"):
        return DiskFull(f"writing or reading {path} failed ({name}); check the disk and send again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ChainError(f"{path} was held by another process for {BUSY_SECONDS:.0f} s; end that process or wait")
    if name.startswith("SQLITE_CANTOPEN"):
        return ChainError(f"cannot open {path}; correct the path or its permissions")
    return ChainError(f"{path}: {error}")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_chain_id(store: Store, chain_id: int | None) -> None:
    """Refuse a file of another chain than the one asked for."""
    if chain_id is not None and store.meta.get("chain_id") != chain_id:
        held = store.meta.get("chain_id")
        raise WrongChain(f"{store.path} holds chain {held}, not {chain_id}; open the right file or correct the id")
