"""``txpool``: transactions that wait. Those whose turn it is run at once, so mostly all that wait are behind a gap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from klopf.chain._transaction import Transaction
from klopf.chain.rpc._fields import address
from klopf.chain.rpc._json import waiting_json
from klopf.chain.rpc._method import Method
from klopf.chain.rpc._node import Node

__all__ = ["METHODS"]


def _pool(node: Node, show: Callable[[Transaction], Any]) -> dict[str, dict[str, dict[str, Any]]]:
    out: dict[str, dict[str, dict[str, Any]]] = {"pending": {}, "queued": {}}
    for part, waits in zip(out, node.waiting(), strict=True):
        for t in waits:
            out[part].setdefault("0x" + t.sender.hex(), {})[str(t.nonce)] = show(t)
    return out


def content(node: Node) -> dict[str, Any]:
    """``txpool_content``: by sender and nonce, ``pending`` up to the first gap and ``queued`` behind it."""
    return _pool(node, waiting_json)


def content_from(node: Node, who: bytes) -> dict[str, Any]:
    """``txpool_contentFrom``: of one sender, by nonce."""
    return {part: senders.get("0x" + who.hex(), {}) for part, senders in content(node).items()}


def inspect(node: Node) -> dict[str, Any]:
    """``txpool_inspect``: the same as short texts."""
    return _pool(
        node,
        lambda t: (
            f"{'0x' + t.to.hex() if t.to else 'contract creation'}: {t.value} wei + {t.gas} gas × {t.max_fee} wei"
        ),
    )


def status(node: Node) -> dict[str, str]:
    """``txpool_status``: how many."""
    ready, behind = node.waiting()
    return {"pending": hex(len(ready)), "queued": hex(len(behind))}


METHODS = {
    "txpool_content": Method(content),
    "txpool_contentFrom": Method(content_from, address),
    "txpool_inspect": Method(inspect),
    "txpool_status": Method(status),
}
