"""``eth_subscribe`` and ``eth_unsubscribe``: what a connection wants to hear of, and what has come since.

A subscription knows the position up to which it has been told, and moves on only once its news is collected: what
could not be read now is read at the next look.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from dataclasses import dataclass
from typing import Any

from klopf.chain.rpc._cursor import Cursor
from klopf.chain.rpc._fields import INVALID_PARAMS, Criteria, boolean, criteria, hexadecimal
from klopf.chain.rpc._json import block_json, transaction_json
from klopf.chain.rpc._node import Node
from klopf.chain.state._store import StoredBlock
from klopf.errors import ChainError, Rejected

__all__ = ["Subscriptions"]

MAX_SUBSCRIPTIONS = 100
MAX_BLOCKS = 256  # that one look goes through
KINDS = ("logs", "newHeads", "newPendingTransactions", "syncing")
BODY = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")


@dataclass
class _Subscription:
    kind: str
    criteria: Criteria | None
    whole: bool  # transactions, not only their hashes
    cursor: Cursor


class Subscriptions:
    """Those of one connection. Other processes write to the same file, so news is looked for."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._numbers = itertools.count(1)
        self._wanted: dict[str, _Subscription] = {}

    def add(self, params: Any) -> str:
        """``eth_subscribe``; returns the subscription's name. Raises :class:`~klopf.errors.Rejected`."""
        if not isinstance(params, list) or not params:
            raise Rejected("params must be a list that says what to subscribe to", INVALID_PARAMS)
        kind, more = params[0], params[1] if len(params) > 1 else None
        if kind not in KINDS:
            raise Rejected(f"one can subscribe to {', '.join(KINDS)}; choose one of them", INVALID_PARAMS)
        if len(self._wanted) >= MAX_SUBSCRIPTIONS:
            raise Rejected(f"a connection has at most {MAX_SUBSCRIPTIONS} subscriptions; end one first")
        wanted = criteria(more or {}) if kind == "logs" else None
        whole = boolean(more) if kind == "newPendingTransactions" and more is not None else False
        name = hex(next(self._numbers))
        self._wanted[name] = _Subscription(kind, wanted, whole, Cursor(self._node.store))
        return name

    def remove(self, params: Any) -> bool:
        """``eth_unsubscribe``: whether there was such a subscription."""
        if not isinstance(params, list) or len(params) != 1:
            raise Rejected("params must be a list of the subscription's name", INVALID_PARAMS)
        return self._wanted.pop(str(params[0]), None) is not None

    def news(self) -> list[dict[str, Any]]:
        """Messages about the blocks that came, in their order; what cannot be read now stays for the next time."""
        out: list[tuple[int, dict[str, Any]]] = []
        with contextlib.suppress(ChainError), self._node.store.steady():  # one look for all of them
            for name, wanted in list(self._wanted.items()):
                try:
                    found = self._news_of(wanted)
                except ChainError:
                    continue
                for number, result in found:
                    params = {"subscription": name, "result": result}
                    out.append((number, {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}))
        out.sort(key=lambda entry: entry[0])  # keeps the order within a block
        return [message for _, message in out]

    def _news_of(self, wanted: _Subscription) -> list[tuple[int, Any]]:
        cursor = wanted.cursor
        last = cursor.look()
        if wanted.criteria is not None:
            logs = self._node.filters.news(wanted.criteria, cursor, last) if cursor.block <= last else []
            return [(int(log["blockNumber"], 16), log) for log in logs]
        last = min(last, cursor.block + MAX_BLOCKS - 1)
        found = [(n, result) for n in range(cursor.block, last + 1) for result in self._of_block(wanted, n)]
        cursor.move(last + 1)
        return found

    def _of_block(self, wanted: _Subscription, number: int) -> list[Any]:
        block = self._node.store.block(number)
        if block is None or wanted.kind == "syncing":  # it never is
            return []
        if wanted.kind == "newHeads":
            return [_head(block)]
        if block.tx_hash is None:
            return []
        return [_transaction(block) if wanted.whole else hexadecimal(block.tx_hash)]


@functools.lru_cache(maxsize=512)  # each is told to everybody
def _head(block: StoredBlock) -> dict[str, Any]:
    return {k: v for k, v in block_json(block, False).items() if k not in BODY}


_transaction = functools.lru_cache(maxsize=512)(transaction_json)
