"""``eth``: the chain's identity and its blocks."""

from __future__ import annotations

from typing import Any

from klopf.chain.rpc._fields import BlockId, block_id, boolean, hash32, hexadecimal
from klopf.chain.rpc._json import block_json, pending_json, receipt_json
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node
from klopf.chain.state._store import StoredBlock

__all__ = ["METHODS"]


def get_block(node: Node, at: BlockId, full: bool) -> dict[str, Any] | None:
    """``eth_getBlockByNumber`` and ``eth_getBlockByHash``."""
    if at == "pending":
        block = node.block(at)
        return None if block is None else pending_json(block, node.waiting()[0], full)
    block = node.block(at)
    return None if block is None else block_json(block, full)


def get_block_receipts(node: Node, at: BlockId) -> list[dict[str, Any]] | None:
    """``eth_getBlockReceipts``."""
    block = node.block(at)
    if block is None:
        return None
    return [] if block.raw is None else [receipt_json(node.store, block)]


def count_transactions(node: Node, at: BlockId) -> str | None:
    """``eth_getBlockTransactionCountBy…``."""
    if at == "pending":
        return hex(len(node.waiting()[0]))
    block: StoredBlock | None = node.block(at)
    return None if block is None else hex(int(block.raw is not None))


def count_uncles(node: Node, at: BlockId) -> str | None:
    """``eth_getUncleCountBy…``: there are none."""
    return None if node.block(at) is None else "0x0"


METHODS = {
    "eth_blockNumber": Method(lambda node: hex(node.store.height())),
    "eth_chainId": Method(lambda node: hex(node.chain.chain_id), is_constant=True),
    "eth_coinbase": Method(lambda node: hexadecimal(node.head().header.coinbase)),
    "eth_getBlockByHash": Method(get_block, hash32, Optional(boolean, False)),
    "eth_getBlockByNumber": Method(get_block, block_id, Optional(boolean, False)),
    "eth_getBlockReceipts": Method(get_block_receipts, block_id),
    "eth_getBlockTransactionCountByHash": Method(count_transactions, hash32),
    "eth_getBlockTransactionCountByNumber": Method(count_transactions, block_id),
    "eth_getUncleCountByBlockHash": Method(count_uncles, hash32),
    "eth_getUncleCountByBlockNumber": Method(count_uncles, block_id),
    "eth_hashrate": Method(lambda node: "0x0"),
    "eth_mining": Method(lambda node: False),
    "eth_protocolVersion": Method(lambda node: "0x44"),
    "eth_syncing": Method(lambda node: False),
}
