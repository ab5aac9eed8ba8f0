"""An index of the history in one SQLite file, so that pages of it come at once and its past is kept.

It follows a chain from wherever it stopped. Where the chain has forgotten blocks that were indexed (a reorganisation),
the index goes back to the last block that both know and takes the new ones: the hash of every block with an event is
kept.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from klopf.errors import LedgerError
from klopf.ledger._client import Connection
from klopf.ledger._event import Event
from klopf.ledger._history import read, subjects

__all__ = ["Index", "Page"]

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE block (number INTEGER PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE event (
  block INTEGER, log_index INTEGER, tx TEXT NOT NULL, contract TEXT NOT NULL, kind TEXT NOT NULL,
  topics TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (block, log_index)
) WITHOUT ROWID;
CREATE INDEX event_kind ON event (kind, block, log_index);
CREATE TABLE about (id INTEGER, block INTEGER, log_index INTEGER, PRIMARY KEY (id, block, log_index)) WITHOUT ROWID;
"""
_FORMAT = "2"
_STEP = 2_000


@dataclass(frozen=True)
class Page:
    """Events in block order, and where the next page begins (None at the end)."""

    events: tuple[Event, ...]
    after: tuple[int, int] | None


class Index:
    """The index in one file. Several processes may read it while one follows."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if path != ":memory:" and not Path(path).absolute().parent.is_dir():
            raise LedgerError(f"there is no folder {Path(path).absolute().parent} to keep an index in")
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            fresh = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if fresh:
                self._db.executescript("BEGIN;" + _SCHEMA + "COMMIT;")
                self._set("format", _FORMAT)
            if self._get("format") != _FORMAT:
                raise LedgerError(f"{path} was made by another version of Klopf; delete it, it can be made again")
        except sqlite3.Error as error:
            raise LedgerError(f"{path} is no index ({error}); name another file, it can be made again") from None

    def _get(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @property
    def height(self) -> int:
        """The last block that was read; -1 before the first."""
        return int(self._get("height") or "-1")

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    def follow(self, ledger: Connection) -> int:
        """Read up to the latest block; returns how many blocks had to be forgotten. One transaction a step, so an
        interrupted index goes on where it was."""
        identity = f"{ledger.deployment.chain_id} {ledger.deployment.genesis} {ledger.deployment.addresses['Registry']}"
        known = self._get("network")
        if known is None:
            self._set("network", identity)
        elif known != identity:
            raise LedgerError("this index belongs to another network; give each network a file of its own")
        forgotten = self._go_back(ledger)
        while True:
            first, tip = max(self.height + 1, ledger.deployment.block), ledger.rpc.height()
            if first > tip:
                return forgotten
            last = min(first + _STEP - 1, tip)
            end = ledger.rpc.block_hash(last)
            logs = ledger.rpc.request(
                "eth_getLogs",
                {
                    "fromBlock": hex(first),
                    "toBlock": hex(last),
                    "address": list(ledger.deployment.addresses.values()),
                },
            )
            if ledger.rpc.block_hash(last) != end:  # reorganised while we read
                forgotten += self._go_back(ledger)
                continue
            self._store(ledger, logs, last, end)

    def _store(self, ledger: Connection, logs: list[dict[str, Any]], last: int, end: str) -> None:
        names = {address.lower(): name for name, address in ledger.deployment.addresses.items()}
        events, about, blocks = [], [], {last: end}
        for log in logs:
            event = read(names[log["address"].lower()], log)
            blocks[event.block] = log["blockHash"]
            place = (event.block, event.log_index)
            row = (*place, event.transaction, event.contract, event.kind, json.dumps(log["topics"]), log["data"])
            events.append(row)
            about += [(id, *place) for id in subjects(event)]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", events)
            self._db.executemany("INSERT INTO about VALUES (?, ?, ?)", about)
            self._db.executemany("INSERT OR REPLACE INTO block VALUES (?, ?)", blocks.items())
            self._set("height", str(last))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _go_back(self, ledger: Connection) -> int:
        """Forget what the chain does not know any more; returns how many blocks that were."""
        height, tip = self.height, ledger.rpc.height()
        keep = -1
        for number, digest in self._db.execute("SELECT number, hash FROM block ORDER BY number DESC").fetchall():
            if number <= tip and ledger.rpc.block_hash(number) == digest:
                keep = int(number)
                break
        if keep == height:
            return 0
        self._db.execute("BEGIN IMMEDIATE")
        for table, column in (("event", "block"), ("about", "block"), ("block", "number")):
            self._db.execute(f"DELETE FROM {table} WHERE {column} > ?", (keep,))
        self._set("height", str(keep))
        self._db.execute("COMMIT")
        return height - keep

    def page(
        self,
        *,
        kind: str | None = None,
        participant: int | None = None,
        after: tuple[int, int] | None = None,
        limit: int = 100,
    ) -> Page:
        """Up to ``limit`` events, of one kind or about one participant if asked, after the place ``after``."""
        block, log_index = after or (-1, -1)
        if participant is not None:
            source = "about JOIN event USING (block, log_index) WHERE about.id = ? AND"
            values: list[Any] = [participant]
            if kind is not None:
                source += " kind = ? AND"
                values.append(kind)
        elif kind is not None:
            source, values = "event WHERE kind = ? AND", [kind]
        else:
            source, values = "event WHERE", []
        rows = self._db.execute(
            f"SELECT block, log_index, tx, contract, topics, data FROM {source} (block, log_index) > (?, ?) "
            "ORDER BY block, log_index LIMIT ?",
            (*values, block, log_index, limit),
        ).fetchall()
        events = tuple(self._event(row) for row in rows)
        return Page(events, rows[-1][:2] if len(rows) == limit else None)

    def events(self) -> Iterator[Event]:
        """Everything, in block order; what :func:`graph` takes."""
        after: tuple[int, int] | None = None
        while True:
            page = self.page(after=after, limit=1_000)
            yield from page.events
            if page.after is None:
                return
            after = page.after

    @staticmethod
    def _event(row: tuple[Any, ...]) -> Event:
        block, log_index, tx, contract, topics, data = row
        log = {
            "blockNumber": hex(block),
            "logIndex": hex(log_index),
            "transactionHash": tx,
            "topics": json.loads(topics),
            "data": data,
        }
        return read(contract, log)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
