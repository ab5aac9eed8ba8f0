"""The chain's file: SQLite in WAL mode, one writer at a time, every state that ever was.

Accounts and slots are kept as versions, keyed by the block that wrote them; the state after block ``n`` is the newest
version at or below ``n``, so past states cost nothing extra and a reader is never disturbed by a writer.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from klopf import files
from klopf.chain._values import EMPTY_CODE, Difference, Log
from klopf.chain.state._block import Header
from klopf.chain.state._database import Database
from klopf.chain.state._file import translate
from klopf.chain.state._recent import Recent
from klopf.chain.state._rows import (
    COLUMNS,
    FORMAT,
    FORMATS,
    SCHEMA,
    SHORT,
    StoredBlock,
    block_row,
    put_difference,
    stored,
)
from klopf.chain.state._view import Codes, View
from klopf.chain.state._waiting import TABLE
from klopf.errors import ChainError, DamagedFile, UnknownFormat, WrongChain

__all__ = ["LOGS_PER_BLOCK", "Store", "StoredBlock", "check_chain_id"]

APPLICATION = 0x4B6C6F70  # "Klop"
LOGS_PER_BLOCK = 1 << 20
KEPT = 1024  # blocks in memory,
KEPT_BYTES = 1 << 20  # and of theirs, so that who follows a chain of large transactions does not grow with it
Logs = tuple[Log, ...]


class Store(Database):
    """The chain's tables over the file. Raises only :mod:`klopf.errors`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, read_only=read_only)
        self.codes = Codes(self)
        self._kept: dict[tuple[Any, ...], StoredBlock] = {}
        self._kept_bytes = 0
        self._constants: Header | None = None
        try:
            with self.errors():
                self.version = self._check_format()
                self.meta: dict[str, Any] = dict(self.connection().execute("SELECT key, value FROM meta").fetchall())
                if not self._turn.look().all_synced:  # its writer may have died before the disk had it
                    self._make_seen_durable(self.connection())
            first = self._blocks("number = ?", 0)
            self._constants = first[0].header if first else None
        except BaseException:
            self.close()
            raise

    # opening

    @classmethod
    def create(cls, path: Path, meta: dict[str, Any], fill: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file, whole or not at all: it is built beside its place, then linked into it."""
        with (
            _draft(path) as draft,
            contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA application_id={APPLICATION}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.executescript(SCHEMA + TABLE)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
            fill(connection)
            connection.execute("COMMIT")

    def copy(self, target: Path) -> None:
        """A consistent copy in a new file, while others write."""
        with _draft(target) as draft, contextlib.closing(sqlite3.connect(draft)) as copy:
            self.connection().backup(copy)

    def _check_format(self) -> int:
        run = self.connection().execute
        if run("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise DamagedFile(f"{self.path} is a database, but not a chain; correct the path")
        version = int(run("PRAGMA user_version").fetchone()[0])
        if version not in FORMATS:
            raise UnknownFormat(
                f"{self.path} has format {version} and this Klopf reads formats up to {FORMAT}; "
                "use the Klopf that wrote it"
            )
        return version

    # reading

    def recent(self) -> Recent:
        """What this thread has read of the newest state, up to date."""
        local = self._local
        if not local.steady:
            with self.errors():
                self._look(self.connection())
        if local.recent is None:
            local.recent = self._read_recent(durable=not local.writing)
        return local.recent

    def _read_recent(self, durable: bool) -> Recent:
        """The newest block; where ``durable``, the newest that the disk has."""
        with self.errors():
            run = self.connection().execute
            version = run("PRAGMA data_version").fetchone()[0]
            number, behind = run("SELECT max(number) FROM block").fetchone()[0], False
        if durable and not self._turn.look().all_synced:
            if self.meta["dev"] or number is None:  # where blocks can be undone a lower one is no earlier state
                self._make_seen_durable(self.connection())
            elif (reached := self._durable()) < number:
                number, behind = reached, True
        blocks = [] if number is None else self._blocks("number = ?", number)
        if not blocks:
            raise DamagedFile(f"{self.path} has no blocks; restore it from a copy")
        recent = Recent(version, number, blocks[0])
        recent.behind = behind
        return recent

    def height(self) -> int:
        """Number of the newest block."""
        return self.recent().number

    def head(self) -> StoredBlock:
        """The newest block."""
        return self.recent().head

    def block(self, number: int) -> StoredBlock | None:
        """The block of that number."""
        recent = self.recent()
        if number >= recent.number:
            return recent.head if number == recent.number else None
        blocks = self._blocks("number = ?", number)
        return blocks[0] if blocks else None

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """The block of that hash."""
        newest = self.recent().number
        if self.version == 1:
            blocks = self._blocks("hash = ?", block_hash)
        else:
            blocks = self._blocks(f"substr(hash, 1, {SHORT}) = ? AND hash = ?", block_hash[:SHORT], block_hash)
        return blocks[0] if blocks and blocks[0].header.number <= newest else None

    def block_of_transaction(self, tx_hash: bytes) -> StoredBlock | None:
        """The block that holds that transaction."""
        recent = self.recent()
        sent = recent.sent.get(tx_hash)
        if sent is not None:
            return sent
        where, key = ("tx_hash = ?", tx_hash) if self.version == 1 else ("tx = ?", tx_hash[:SHORT])
        blocks = self._blocks(where, key)
        return next((b for b in blocks if b.tx_hash == tx_hash and b.header.number <= recent.number), None)

    def blocks(self, first: int, last: int) -> list[StoredBlock]:
        """Those of these numbers, in order."""
        return self._blocks("number BETWEEN ? AND ? ORDER BY number", first, last)

    def _blocks(self, where: str, *key: Any) -> list[StoredBlock]:
        with self.errors():
            run = self.connection().execute
            rows = run(f"SELECT {COLUMNS[self.version]} FROM block WHERE {where}", key).fetchall()
        return [self._stored(row) for row in rows]

    def _stored(self, row: tuple[Any, ...]) -> StoredBlock:
        try:
            block = self._kept.get(row)
            if block is None:
                block = stored(row, self._constants, self.version)
                self._remember(row, block)
        except (AttributeError, IndexError, TypeError, ValueError, OverflowError):
            text = f"{self.path} is damaged: a block's header cannot be read; restore it from a copy"
            raise DamagedFile(text) from None
        return block

    def _remember(self, row: tuple[Any, ...], block: StoredBlock) -> None:
        if len(self._kept) >= KEPT or self._kept_bytes >= KEPT_BYTES:
            self._kept.clear()
            self._kept_bytes = 0
        self._kept[row] = block
        self._kept_bytes += sum(len(value) for value in row if isinstance(value, bytes))

    def logs(
        self,
        first: int,
        last: int,
        addresses: list[bytes] | None = None,
        topics: list[list[bytes] | None] | None = None,
        limit: int = -1,
        position: int = 0,
    ) -> list[tuple[int, int, Log]]:
        """Logs of blocks ``first`` to ``last`` as ``(block, position in it, log)``, in order.

        Of block ``first`` those from ``position`` on; at most ``limit`` (-1: all).
        """
        return [
            (place // LOGS_PER_BLOCK, place % LOGS_PER_BLOCK, Log(address, _topics(*topics), data))
            for place, address, *topics, data in self.log_rows(first, last, addresses, topics, limit, position)
        ]

    def log_rows(
        self,
        first: int,
        last: int,
        addresses: list[bytes] | None = None,
        topics: list[list[bytes] | None] | None = None,
        limit: int = -1,
        position: int = 0,
    ) -> list[tuple[Any, ...]]:
        """The same as ``(block * LOGS_PER_BLOCK + position, address, four topics or None, data)``."""
        where = ["id >= ? AND id < ?"]
        values: list[Any] = [first * LOGS_PER_BLOCK + position, (last + 1) * LOGS_PER_BLOCK]
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
            return self.connection().execute(sql, [*values, limit]).fetchall()

    def difference(self, number: int) -> Difference:
        """What block ``number`` changed."""
        out, view = Difference(), self.view(number)
        with self.errors():
            run = self.connection().execute
            accounts = run("SELECT address FROM account WHERE block = ?", (number,)).fetchall()
            slots = run("SELECT address, slot, value FROM storage WHERE block = ?", (number,)).fetchall()
        for (address,) in accounts:
            out.accounts[address] = account = view.account(address)
            if account.code_hash != EMPTY_CODE:
                out.codes[account.code_hash] = self.code(account.code_hash)
        for address, slot, value in slots:
            out.storage[address, int.from_bytes(slot, "big")] = int.from_bytes(value, "big")
        return out

    def rewinds(self) -> int:
        """How often blocks were undone (development only)."""
        return (self._meta("rewinds") or 0) if self.meta.get("dev") else 0

    def lowest_since(self, count: int) -> int | None:
        """The lowest block that was gone back to since they had been undone ``count`` times; None: it was not."""
        heights = [self._meta(f"rewound_{n}") for n in range(count + 1, self.rewinds() + 1)]
        return min((height for height in heights if height is not None), default=None)

    def _meta(self, key: str) -> int | None:
        with self.errors():
            row = self.connection().execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def view(self, number: int) -> View:
        """The state after block ``number``."""
        recent = self.recent()
        return View(self, self.codes, number, recent if recent.number == number else None)

    def code(self, code_hash: bytes) -> bytes:
        """The code of that hash."""
        return self.codes.get(code_hash)

    # writing (inside `write`)

    def append(self, connection: sqlite3.Connection, block: StoredBlock, difference: Difference, logs: Logs) -> None:
        """Write the block that follows the newest one, what it changes, and its logs."""
        recent = self.recent()
        self.put_difference(connection, block.header.number, difference)
        self.put_block(connection, block, logs)
        recent.advance(block, difference)

    @staticmethod
    def put_genesis(connection: sqlite3.Connection, genesis: StoredBlock, difference: Difference) -> None:
        """Write the first block, in a new file."""
        put_difference(connection, 0, difference, FORMAT)
        connection.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)", block_row(genesis, None, FORMAT))

    def put_difference(self, connection: sqlite3.Connection, number: int, difference: Difference) -> None:
        """Write the versions that block ``number`` makes."""
        put_difference(connection, number, difference, self.version)

    def put_block(self, connection: sqlite3.Connection, block: StoredBlock, logs: tuple[Log, ...] = ()) -> None:
        """Write a block and its logs."""
        header = block.header
        row = block_row(block, self._constants, self.version)
        connection.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        self._remember((*row, None if self.version == 1 else header.parent), block)
        if logs:
            start = header.number * LOGS_PER_BLOCK
            connection.executemany(
                "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (start + i, log.address, *log.topics, *(None,) * (4 - len(log.topics)), log.data)
                    for i, log in enumerate(logs)
                ],
            )

    def forget(self, connection: sqlite3.Connection, above: int) -> None:
        """Undo every block above that one (a development chain's ``evm_revert``)."""
        self._local.recent = None
        connection.execute("DELETE FROM block WHERE number > ?", (above,))
        connection.execute("DELETE FROM log WHERE id >= ?", ((above + 1) * LOGS_PER_BLOCK,))
        connection.execute("DELETE FROM account WHERE block > ?", (above,))
        connection.execute("DELETE FROM storage WHERE block > ?", (above,))
        row = connection.execute("SELECT value FROM meta WHERE key = 'rewinds'").fetchone()
        count = 1 if row is None else row[0] + 1
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('rewinds', ?)", (count,))
        connection.execute("INSERT INTO meta VALUES (?, ?)", (f"rewound_{count}", above))


def _topics(a: bytes | None, b: bytes | None, c: bytes | None, d: bytes | None) -> tuple[bytes, ...]:
    """The topics of a row: those that follow the last one are null."""
    if b is None:
        return () if a is None else (a,)
    if c is None:
        return (a, b)  # type: ignore[return-value]
    return (a, b, c) if d is None else (a, b, c, d)  # type: ignore[return-value]


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
        files.sync(draft)
        os.link(draft, path)
        files.sync(path.parent)
    except FileExistsError:
        raise ChainError(f"{path} exists already; open it, or choose another place") from None
    except sqlite3.Error as error:
        raise translate(error, path) from error
    except OSError as error:
        raise ChainError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from error
    finally:
        for leftover in (draft, Path(f"{draft}-wal"), Path(f"{draft}-shm")):
            leftover.unlink(missing_ok=True)


def check_chain_id(store: Store, chain_id: int | None) -> None:
    """Refuse a file of another chain than the one asked for."""
    if chain_id is not None and store.meta.get("chain_id") != chain_id:
        held = store.meta.get("chain_id")
        raise WrongChain(f"{store.path} holds chain {held}, not {chain_id}; open the right file or correct the id")
