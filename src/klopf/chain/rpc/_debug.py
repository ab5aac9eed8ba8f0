"""``debug``: the messages inside a call or a transaction, as geth's ``callTracer`` shows them."""

from __future__ import annotations

from typing import Any

from klopf.chain.rpc._fields import BlockId, block_id, call_fields, hash32, tracer_options
from klopf.chain.rpc._json import frame_json
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node
from klopf.chain.rpc.eth._calls import transaction_of
from klopf.errors import Rejected

__all__ = ["METHODS"]


def trace_call(node: Node, fields: dict[str, Any], at: BlockId, _: None) -> dict[str, Any]:
    """``debug_traceCall``: every message, and where and why it failed."""
    context = node.chain.context(node.number(at))
    return frame_json(node.chain.trace(transaction_of(node, fields, context), context)[1])


def trace_transaction(node: Node, tx_hash: bytes, _: None) -> dict[str, Any]:
    """``debug_traceTransaction``: the same of a transaction in the chain."""
    traced = node.chain.trace_sent(tx_hash)
    if traced is None:
        raise Rejected("transaction not found")
    return frame_json(traced[1])


METHODS = {
    "debug_traceCall": Method(trace_call, call_fields, Optional(block_id, "latest"), Optional(tracer_options)),
    "debug_traceTransaction": Method(trace_transaction, hash32, Optional(tracer_options)),
}
