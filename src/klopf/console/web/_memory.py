"""What a page keeps of the past: how the network stood when each epoch ended, and all payments; in a file that goes
with the page, so that memory does not grow with history."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from threading import Lock
from typing import Any

from klopf.network import Paid

__all__ = ["Memory"]


class Memory:
    """A temporary SQLite database, from any thread."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)  # SQLite deletes it by itself
        self._lock = Lock()
        self._db.execute("PRAGMA cache_size=-256")  # KiB of it in memory; by default it would first grow to 2 MB there
        self._db.execute("CREATE TABLE epoch (number INTEGER PRIMARY KEY, said TEXT NOT NULL)")
        self._db.execute(
            "CREATE TABLE paid (epoch INTEGER, neuron INTEGER, emission TEXT, fees TEXT, PRIMARY KEY (epoch, neuron))"
        )
        self._db.execute("CREATE INDEX of_neuron ON paid (neuron, epoch)")

    def keep_epoch(self, number: int, said: dict[str, Any]) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO epoch VALUES (?, ?)", (number, json.dumps(said)))

    def epoch(self, number: int) -> str | None:
        """How the network stood when an epoch had ended, as JSON; None where it has not."""
        with self._lock:
            row = self._db.execute("SELECT said FROM epoch WHERE number = ?", (number,)).fetchone()
        return None if row is None else str(row[0])

    def keep_payments(self, payments: Iterable[Paid]) -> None:
        rows = [(p.epoch, p.neuron, str(p.emission), str(p.amount - p.emission)) for p in payments]
        with self._lock:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO paid VALUES (?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")

    def payments(self, neuron: int, most: int = 1_000) -> list[tuple[int, ...]]:
        """(epoch, emission, fees) of a neuron in units, the newest first."""
        query = "SELECT epoch, emission, fees FROM paid WHERE neuron = ? ORDER BY epoch DESC LIMIT ?"
        with self._lock:
            rows = self._db.execute(query, (neuron, most)).fetchall()
        return [tuple(map(int, row)) for row in rows]

    def clear(self) -> None:
        """Forget all: the ledger turned out to be another."""
        with self._lock:
            self._db.execute("DELETE FROM epoch")
            self._db.execute("DELETE FROM paid")

    def close(self) -> None:
        with self._lock:
            self._db.close()
