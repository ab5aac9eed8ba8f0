"""Filters: what a client wants to hear of, and how far it has heard."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from klopf.chain._values import Log
from klopf.chain.rpc._cursor import Cursor
from klopf.chain.rpc._fields import INVALID_PARAMS, BlockId, Criteria, hexadecimal
from klopf.chain.rpc._json import log_json, log_place, log_texts
from klopf.chain.state._store import Store
from klopf.errors import Rejected

__all__ = ["Filters"]

MAX_FILTERS = 1024
MAX_RANGE_LOGS = 200_000
PAGE = 20_000
LATEST = ("latest", "safe", "finalized", "pending")


@dataclass
class _Filter:
    kind: Literal["log", "block", "transaction"]
    criteria: Criteria | None
    cursor: Cursor
    lock: threading.Lock = field(default_factory=threading.Lock)


class Filters:
    """The filters of one node; those used longest ago go when there are too many."""

    def __init__(self, store: Store, numbers: Iterator[int], lock: threading.Lock) -> None:
        self._store = store
        self._numbers = numbers
        self._lock = lock
        self._filters: OrderedDict[int, _Filter] = OrderedDict()

    def logs(self, criteria: Criteria) -> list[dict[str, Any]]:
        """All logs that match, in order."""
        rows = self._store.logs(*self._reach(criteria))
        self._limit(len(rows))
        return self._written(rows)

    def logs_text(self, criteria: Criteria) -> str:
        """The same as JSON's text."""
        rows = self._store.log_rows(*self._reach(criteria))
        self._limit(len(rows))
        return f"[{','.join(log_texts(rows, self._store))}]"

    def _limit(self, count: int) -> None:
        if count > MAX_RANGE_LOGS:
            raise Rejected(f"more than {MAX_RANGE_LOGS} logs match; ask for fewer blocks at a time", -32005)

    def _reach(self, criteria: Criteria) -> tuple[int, int, list[bytes] | None, list[list[bytes] | None] | None, int]:
        """What to ask the store for."""
        if criteria.block_hash is not None:
            block = self._store.block_by_hash(criteria.block_hash)
            if block is None:
                raise Rejected("no block has that hash")
            first = last = block.header.number
        else:
            first, last = self._bound(criteria.first), self._bound(criteria.last)
            if first > last and criteria.last not in LATEST:
                raise Rejected(f"fromBlock {first} is after toBlock {last}; turn them round", INVALID_PARAMS)
        last = min(last, self._store.height())
        return min(first, last + 1), last, criteria.addresses, criteria.topics, MAX_RANGE_LOGS + 1

    def news(self, criteria: Criteria, cursor: Cursor, last: int) -> list[dict[str, Any]]:
        """The logs that match from the cursor on to block ``last``, and the cursor behind them.

        At most a page of them: the next time it goes on from there. Where this raises, the cursor stays.
        """
        first, position = cursor.block, cursor.log
        rows = self._store.logs(first, last, criteria.addresses, criteria.topics, PAGE, position)
        out = self._written(rows)
        if len(rows) == PAGE:
            cursor.move(rows[-1][0], rows[-1][1] + 1)
        else:
            cursor.move(last + 1)
        return out

    def _written(self, rows: list[tuple[int, int, Log]]) -> list[dict[str, Any]]:
        out = []
        for number, group in itertools.groupby(rows, lambda row: row[0]):
            block = self._store.block(number)
            if block is not None:  # else undone since (development only)
                place = log_place(block)
                out += [log_json(log, position, place) for _, position, log in group]
        return out

    def _bound(self, at: BlockId) -> int:
        if isinstance(at, bytes):
            block = self._store.block_by_hash(at)
            if block is None:
                raise Rejected("no block has that hash")
            return block.header.number
        if isinstance(at, str):
            return 0 if at == "earliest" else self._store.height()
        return at

    def add(self, kind: Literal["log", "block", "transaction"], criteria: Criteria | None = None) -> int:
        """A new filter's number; it hears of what comes from now on."""
        with self._lock:
            number = next(self._numbers)
            self._filters[number] = _Filter(kind, criteria, Cursor(self._store))
            while len(self._filters) > MAX_FILTERS:
                self._filters.popitem(last=False)
        return number

    def remove(self, number: int) -> bool:
        """Whether there was such a filter."""
        with self._lock:
            return self._filters.pop(number, None) is not None

    def _filter(self, number: int) -> _Filter:
        entry = self._filters.get(number)
        if entry is None:
            raise Rejected("filter not found; make it again")
        return entry

    def changes(self, number: int) -> list[Any]:
        """What came since the last time it was asked; if that is more than a page, the next page of it."""
        with self._lock:
            entry = self._filter(number)
        with entry.lock:
            last = entry.cursor.look()
            if entry.criteria is not None:
                return self._log_changes(entry.criteria, entry.cursor, last)
            last = min(last, entry.cursor.block + PAGE - 1)
            blocks = [b for n in range(entry.cursor.block, last + 1) if (b := self._store.block(n)) is not None]
            entry.cursor.move(last + 1)
        if entry.kind == "block":
            return [hexadecimal(block.hash) for block in blocks]
        return [hexadecimal(block.tx_hash) for block in blocks if block.tx_hash is not None]

    def _log_changes(self, criteria: Criteria, cursor: Cursor, last: int) -> list[Any]:
        if criteria.first not in LATEST and (first := self._bound(criteria.first)) > cursor.block:
            cursor.move(min(first, last + 1))
        if criteria.last not in LATEST:
            last = min(last, self._bound(criteria.last))
        return self.news(criteria, cursor, last) if cursor.block <= last else []

    def wanted(self, number: int) -> Criteria:
        """Which logs a filter is for."""
        with self._lock:
            entry = self._filter(number)
        if entry.criteria is None:
            raise Rejected("that filter does not hold logs")
        return entry.criteria
