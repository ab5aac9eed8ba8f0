"""What only a development chain does: its clock moves, blocks are undone, accounts are what one says they are.

Everything that changes the state is in a block of its own, whose hash commits to the change, so that such a chain can
be verified and rebuilt like any other.
"""

from __future__ import annotations

import sqlite3
import time
from typing import NamedTuple

from klopf.chain._base import BaseChain
from klopf.chain._keccak import keccak
from klopf.chain._transaction import Transaction, decode, unsigned
from klopf.chain._values import Difference
from klopf.chain.state._waiting import drop, forget, waiting
from klopf.errors import Rejected

__all__ = ["Clock", "DevelopmentChain"]

MAX_TIME = 2**40  # seconds: some 35,000 years
INVALID_PARAMS = -32602


class Clock(NamedTuple):
    """How far the clock is moved, and the timestamp that the next block was promised, in seconds."""

    offset: int
    next: int | None


class DevelopmentChain(BaseChain):
    """A chain with these in addition; each is refused where the file was not made with ``dev=True``."""

    def mine(self) -> bytes:
        """Add a block, as time passing would, and before it those of the transactions that wait; returns its hash."""
        with self._store.write() as connection:
            if self.dev and self._run_all(connection):
                return self._store.head().hash
            head = self._store.head()
            header = self._next(head, self._now(head, connection))
            return self._append(connection, head, header, None, None)

    def _run_all(self, connection: sqlite3.Connection) -> bool:
        """Run every transaction whose turn it is, those that came first first; whether there was one."""
        ran = False
        for row in waiting(connection):
            head = self._store.head()
            if row.nonce != self._store.view(head.header.number).account(row.sender).nonce:
                continue
            try:
                self._run(connection, head, decode(row.raw))
                ran = True
            except Rejected:
                pass
            drop(connection, row.sender, row.nonce)
        return ran

    # the clock

    def clock(self) -> Clock:
        """How the clock is set."""
        with self._store.errors():
            sql = "SELECT key, value FROM meta WHERE key IN ('clock_offset', 'next_timestamp')"
            rows = dict(self._store.connection().execute(sql).fetchall())
        return Clock(int(rows.get("clock_offset", 0)), rows.get("next_timestamp"))

    def move_clock(self, seconds: int) -> int:
        """Move the chain's clock forward; returns the whole offset in seconds."""
        self._require_dev()
        if not 0 <= seconds <= MAX_TIME:
            text = f"time only goes forward, and no further than {MAX_TIME} s; give fewer seconds"
            raise Rejected(text, INVALID_PARAMS)
        with self._store.write() as connection:
            connection.execute("UPDATE meta SET value = value + ? WHERE key = 'clock_offset'", (seconds,))
            row = connection.execute("SELECT value FROM meta WHERE key = 'clock_offset'").fetchone()
            if time.time() + row[0] > MAX_TIME:
                raise Rejected(f"the clock goes no further than {MAX_TIME} seconds; move it less", INVALID_PARAMS)
        return int(row[0])

    def set_next_timestamp(self, timestamp: int) -> None:
        """The next block's timestamp in seconds; the clock goes on from there."""
        self._require_dev()
        if timestamp > MAX_TIME:
            text = f"the clock goes no further than {MAX_TIME} seconds; give an earlier timestamp"
            raise Rejected(text, INVALID_PARAMS)
        with self._store.write() as connection:
            head = self._store.head()
            if timestamp < head.header.timestamp + (not self.same_second):
                which = "before" if self.same_second else "not after"
                raise Rejected(
                    f"timestamp {timestamp} is {which} the newest block's {head.header.timestamp}; give a later one"
                )
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('next_timestamp', ?)", (timestamp,))

    # blocks

    def rewind(self, number: int, clock: Clock | None = None) -> None:
        """Undo every block above ``number``, and set the clock as it was then, where that is given."""
        self._require_dev()
        with self._store.write() as connection:
            if not 0 <= number <= self._store.height():
                raise Rejected(f"there is no block {number} to go back to; give a past block's number")
            self._store.forget(connection, number)
            if clock is not None:
                connection.execute("UPDATE meta SET value = ? WHERE key = 'clock_offset'", (clock.offset,))
                connection.execute("DELETE FROM meta WHERE key = 'next_timestamp'")
                if clock.next is not None:
                    connection.execute("INSERT INTO meta VALUES ('next_timestamp', ?)", (clock.next,))

    def set_automine(self, on: bool) -> None:
        """Whether each transaction makes its block at once; if not, it waits until one is asked for."""
        self._require_dev()
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('by_hand', ?)", (int(not on),))
            if on:
                self._run_all(connection)

    def mines_by_hand(self) -> bool:
        """Whether transactions wait until a block is asked for."""
        with self._store.errors():
            return self._mines_by_hand(self._store.connection())

    def _mines_by_hand(self, connection: sqlite3.Connection) -> bool:
        if not self.dev:
            return False
        row = connection.execute("SELECT value FROM meta WHERE key = 'by_hand'").fetchone()
        return row is not None and bool(row[0])

    def drop_transaction(self, tx_hash: bytes) -> bool:
        """Forget a transaction that waits; whether there was one."""
        self._require_dev()
        with self._store.write() as connection:
            return forget(connection, tx_hash)

    # the state

    def change(
        self,
        address: bytes,
        *,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
        slots: dict[int, int] | None = None,
    ) -> None:
        """Give an account another balance in wei, nonce, code or storage, in a block without a transaction."""
        self._require_dev()
        with self._store.write() as connection:
            head = self._store.head()
            view = self._store.view(head.header.number)
            before = account = view.account(address)
            difference = Difference()
            if balance is not None:
                account = account._replace(balance=balance)
            if nonce is not None:
                if nonce < account.nonce or nonce >= 2**63:
                    raise Rejected(f"a nonce only grows, from {account.nonce} on, to below 2**63", INVALID_PARAMS)
                account = account._replace(nonce=nonce)
            if code is not None:
                account = account._replace(code_hash=bytes(keccak(code)))
                if code:
                    difference.codes[account.code_hash] = code
            if account != before:
                difference.accounts[address] = account
            for slot, value in (slots or {}).items():
                if view.storage(address, slot) != value:
                    difference.storage[address, slot] = value
            header = self._next(head, self._now(head, connection))
            self._append(connection, head, header, None, None, difference)

    def send_as(self, call: Transaction) -> bytes:
        """Run ``call`` as a transaction of its sender's, which nobody signs; returns its hash."""
        self._require_dev()
        transaction = decode(unsigned(call))
        [result] = self._accepted.do([(transaction, True)])
        if isinstance(result, Exception):
            raise result
        return result
