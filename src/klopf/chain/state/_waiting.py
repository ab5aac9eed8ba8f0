"""Transactions whose turn has not come: a gap in their sender's nonces lies before them, or blocks are made by hand.

They lie in the chain's file, in a table that files from before do not have and that older readers pass over: so they
outlive a crash, and whichever process fills the gap runs them. They wait for ten minutes at most, and there is room for
a few of each sender. The functions are called inside :meth:`~klopf.chain.state._database.Database.write`, or to read.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any, NamedTuple

from klopf.chain._transaction import Transaction
from klopf.errors import Rejected

__all__ = [
    "MAX_AHEAD",
    "TABLE",
    "Waiting",
    "anybody_waits",
    "drop",
    "forget",
    "hold",
    "waiting",
    "waiting_of",
    "waiting_transaction",
]

MAX_AHEAD = 256  # nonces beyond the next one, and so transactions of one sender
MAX_ALL = 4096
SECONDS = 600
BUMP = 10  # percent that a replacement must offer more

TABLE = """
CREATE TABLE IF NOT EXISTS waiting (
  sender BLOB, nonce INTEGER, hash BLOB NOT NULL, raw BLOB NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (sender, nonce)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting_hash ON waiting (hash);
"""


class Waiting(NamedTuple):
    """A row."""

    sender: bytes
    nonce: int
    hash: bytes
    raw: bytes


def _select(connection: sqlite3.Connection, where: str, *values: Any) -> list[Waiting]:
    sql = f"SELECT sender, nonce, hash, raw FROM waiting WHERE {where} ORDER BY since, sender, nonce"
    try:
        return [Waiting(*row) for row in connection.execute(sql, values)]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise


def _young() -> int:
    return int(time.time()) - SECONDS


def waiting(connection: sqlite3.Connection) -> list[Waiting]:
    """All that wait, those that came first first."""
    return _select(connection, "since >= ?", _young())


def waiting_of(connection: sqlite3.Connection, sender: bytes) -> dict[int, Waiting]:
    """A sender's, by nonce."""
    rows = _select(connection, "sender = ? AND since >= ?", sender, _young())
    return {row.nonce: row for row in sorted(rows, key=lambda row: row.nonce)}


def anybody_waits(connection: sqlite3.Connection) -> bool:
    """Whether there is one at all."""
    try:
        return connection.execute("SELECT 1 FROM waiting LIMIT 1").fetchone() is not None
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise


def waiting_transaction(connection: sqlite3.Connection, tx_hash: bytes) -> bytes | None:
    """The signed bytes of one that waits."""
    rows = _select(connection, "hash = ? AND since >= ?", tx_hash, _young())
    return rows[0].raw if rows else None


def hold(connection: sqlite3.Connection, transaction: Transaction, old: Transaction | None) -> None:
    """Let ``transaction`` wait, in place of ``old`` where that waits with the same nonce.

    Raises :class:`~klopf.errors.Rejected` where it does not offer enough more than that one, or where there is no room.
    """
    for statement in TABLE.split(";")[:-1]:
        connection.execute(statement)
    connection.execute("DELETE FROM waiting WHERE since < ?", (_young(),))
    t = transaction
    if old is not None:
        if any(new <= before or 100 * new < (100 + BUMP) * before for new, before in _prices(t, old)):
            raise Rejected(
                f"replacement transaction underpriced: offer at least {BUMP} % more gas price than the one that waits"
            )
    else:
        [(count,)] = connection.execute("SELECT count(*) FROM waiting")
        if count >= MAX_ALL:
            raise Rejected(f"{count} transactions wait already; send those that come before them")
    row = (t.sender, t.nonce, t.hash, t.raw, int(time.time()))
    connection.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?, ?)", row)


def _prices(new: Transaction, old: Transaction) -> list[tuple[int, int]]:
    return [(new.max_fee, old.max_fee), (new.tip, old.tip)]


def drop(connection: sqlite3.Connection, sender: bytes, up_to: int) -> None:
    """Forget those of a sender with nonces up to that one."""
    connection.execute("DELETE FROM waiting WHERE sender = ? AND nonce <= ?", (sender, up_to))


def forget(connection: sqlite3.Connection, tx_hash: bytes) -> bool:
    """Forget the one of that hash; whether there was one."""
    return bool(_select(connection, "hash = ?", tx_hash)) and bool(
        connection.execute("DELETE FROM waiting WHERE hash = ?", (tx_hash,)).rowcount
    )
