"""What was paid for: a row for each payment, in one SQLite file beside who answers.

A row is on the disk before the payment is brought to the ledger, and with its answer before that leaves. So whoever was
cut off, on either side, shows the same payment again and gets the same answer; and no payment buys two.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from klopf.errors import DoorsError

__all__ = ["Payment", "Sale", "Sales", "klp"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sale (
  payer TEXT, nonce BLOB, amount TEXT NOT NULL, after INTEGER NOT NULL, before INTEGER NOT NULL,
  signature BLOB NOT NULL, question BLOB NOT NULL, asked TEXT NOT NULL, block INTEGER NOT NULL, since REAL NOT NULL,
  state TEXT NOT NULL, "transaction" TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (payer, nonce)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sale_state ON sale (state, since);
"""


@dataclass(frozen=True)
class Payment:
    """An authorization that a payer signed (ERC-3009). ``payer`` is a checksummed address, ``amount`` in the token's
    smallest unit, ``after`` and ``before`` in seconds since 1970."""

    payer: str
    amount: int
    after: int
    before: int
    nonce: bytes
    signature: bytes


@dataclass(frozen=True)
class Sale:
    """What became of a payment."""

    payment: Payment
    question: bytes
    """SHA-256 of what was asked."""
    asked: str
    """What was asked, as JSON, until it is answered or paid back."""
    block: int
    """The ledger's height when the payment came: it was used later, or never."""
    since: float
    state: str
    """``bound`` to its question; ``paid``; ``answered``; ``returned``, where no answer could be had."""
    transaction: str
    """That moved the money: in, or back where it was returned."""
    answer: str
    """As JSON."""


class Sales:
    """The rows. Threads may share it; a second process is kept out by who opens it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # what a call has returned from outlives a power cut
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise DoorsError(f"{path} cannot be used ({error}): restore it, what was paid for stands in it") from None

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def get(self, payer: str, nonce: bytes) -> Sale | None:
        """The row of a payment; None where it never came."""
        found = self._rows("WHERE payer = ? AND nonce = ?", payer, nonce)
        return found[0] if found else None

    def bind(self, payment: Payment, question: bytes, asked: str, block: int) -> Sale:
        """Keep what a payment is for, before it is brought to the ledger."""
        p = payment
        row = (p.payer, p.nonce, str(p.amount), p.after, p.before, p.signature, question, asked, block, time.time())
        with self._writing() as db:
            db.execute("INSERT INTO sale VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'bound', '', '')", row)
        return Sale(payment, question, asked, block, row[-1], "bound", "", "")

    def forget(self, payment: Payment) -> None:
        """Nothing was moved."""
        with self._writing() as db:
            db.execute("DELETE FROM sale WHERE payer = ? AND nonce = ?", (payment.payer, payment.nonce))

    def paid(self, payment: Payment, transaction: str) -> None:
        """It was moved, and the answer is owed."""
        self._set(payment, "paid", transaction)

    def answered(self, payment: Payment, transaction: str, answer: str) -> None:
        """Keep the answer, before it leaves."""
        self._set(payment, "answered", transaction, answer, asked="")

    def returned(self, payment: Payment, transaction: str) -> None:
        """It was paid back."""
        self._set(payment, "returned", transaction, asked="")

    def open_ones(self) -> list[Sale]:
        """Those that are neither answered nor paid back, the oldest first."""
        return self._rows("WHERE state IN ('bound', 'paid') ORDER BY since")

    def newest(self, most: int) -> list[Sale]:
        """The last so many."""
        return self._rows("ORDER BY since DESC LIMIT ?", most)

    def totals(self) -> dict[str, tuple[int, int]]:
        """By state: how many, and what was paid for them together."""
        found: dict[str, tuple[int, int]] = {}
        with self._lock:
            for state, amount in self._db.execute("SELECT state, amount FROM sale"):
                count, total = found.get(state, (0, 0))
                found[state] = (count + 1, total + int(amount))
        return found

    def _set(
        self, payment: Payment, state: str, transaction: str, answer: str = "", asked: str | None = None
    ) -> None:  # fmt: skip
        with self._writing() as db:
            db.execute(
                'UPDATE sale SET state = ?, "transaction" = ?, answer = ?, asked = coalesce(?, asked)'
                " WHERE payer = ? AND nonce = ?",
                (state, transaction, answer, asked, payment.payer, payment.nonce),
            )

    def _rows(self, where: str, *values: object) -> list[Sale]:
        with self._lock:
            rows = self._db.execute(
                'SELECT payer, amount, after, before, nonce, signature, question, asked, block, since, state,'
                f' "transaction", answer FROM sale {where}', values
            ).fetchall()  # fmt: skip
        return [Sale(Payment(r[0], int(r[1]), *r[2:6]), *r[6:]) for r in rows]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise DoorsError(
                    f"what is paid for cannot be kept ({error}): once the disk is mended, show the same payment again"
                ) from None


def klp(units: int) -> str:
    """An amount as people say it, to the last digit.

    >>> klp(1_500_000_000_000_000_000), klp(10**15)
    ('1.5 KLP', '0.001 KLP')
    """
    whole, part = divmod(units, 10**18)
    return f"{whole}.{part:018d}".rstrip("0").rstrip(".") + " KLP"
