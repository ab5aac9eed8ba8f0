"""``eth``: what gas costs. The base fee is a constant of the chain."""

from __future__ import annotations

from typing import Any

from klopf.chain._transaction import decode
from klopf.chain.rpc._fields import BlockId, block_id, natural, percentiles
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node

__all__ = ["METHODS"]

MAX_BLOCKS = 1024


def fee_history(node: Node, count: int, newest: BlockId, wanted: list[float]) -> dict[str, Any]:
    """``eth_feeHistory``."""
    last = node.state_number(newest)
    first = max(0, last - min(count, MAX_BLOCKS) + 1)
    headers = [block.header for n in range(first, last + 1) if (block := node.store.block(n)) is not None]
    out: dict[str, Any] = {
        "oldestBlock": hex(first),
        "baseFeePerGas": [hex(h.base_fee) for h in headers] + [hex(headers[-1].base_fee)] if headers else [],
        "gasUsedRatio": [h.gas_used / h.gas_limit for h in headers],
        "baseFeePerBlobGas": ["0x1"] * (len(headers) + 1),
        "blobGasUsedRatio": [0.0] * len(headers),
    }
    if wanted:
        out["reward"] = [_tips(node, h.number, h.base_fee, len(wanted)) for h in headers]
    return out


def _tips(node: Node, number: int, base_fee: int, count: int) -> list[str]:
    block = node.store.block(number)
    tip = 0 if block is None or block.raw is None else decode(block.raw).gas_price(base_fee) - base_fee
    return [hex(tip)] * count


METHODS = {
    "eth_blobBaseFee": Method(lambda node: "0x1"),
    "eth_feeHistory": Method(fee_history, natural, block_id, Optional(percentiles, ())),
    "eth_gasPrice": Method(lambda node: hex(node.head().header.base_fee)),
    "eth_maxPriorityFeePerGas": Method(lambda node: "0x0"),
}
