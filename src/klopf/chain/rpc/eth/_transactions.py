"""``eth``: transactions that are sent, and those that are in the chain."""

from __future__ import annotations

from typing import Any

from klopf.chain.rpc._fields import BlockId, block_id, data, hash32, hexadecimal, natural
from klopf.chain.rpc._json import receipt_json, transaction_json, waiting_json
from klopf.chain.rpc._method import Method
from klopf.chain.rpc._node import Node

__all__ = ["METHODS"]


def send_raw_transaction(node: Node, raw: bytes) -> str:
    """``eth_sendRawTransaction``: in the chain when this returns, or waiting for those that come before it."""
    [result] = node.chain.submit([raw])
    if isinstance(result, Exception):
        raise result
    return hexadecimal(result)


def get_transaction(node: Node, tx_hash: bytes) -> dict[str, Any] | None:
    """``eth_getTransactionByHash``."""
    block = node.store.block_of_transaction(tx_hash)
    if block is not None:
        return transaction_json(block)
    waits = node.chain.waiting_transaction(tx_hash)
    return None if waits is None else waiting_json(waits)


def get_transaction_in_block(node: Node, at: BlockId, index: int) -> dict[str, Any] | None:
    """``eth_getTransactionByBlock…AndIndex``."""
    if at == "pending":
        waits = node.waiting()[0]
        return waiting_json(waits[index]) if index < len(waits) else None
    block = node.block(at)
    return None if block is None or block.raw is None or index else transaction_json(block)


def get_raw_transaction(node: Node, tx_hash: bytes) -> str | None:
    """``eth_getRawTransactionByHash``."""
    block = node.store.block_of_transaction(tx_hash)
    if block is not None and block.raw is not None:
        return hexadecimal(block.raw)
    waits = node.chain.waiting_transaction(tx_hash)
    return None if waits is None else hexadecimal(waits.raw)


def get_raw_transaction_in_block(node: Node, at: BlockId, index: int) -> str | None:
    """``eth_getRawTransactionByBlock…AndIndex``."""
    if at == "pending":
        waits = node.waiting()[0]
        return hexadecimal(waits[index].raw) if index < len(waits) else None
    block = node.block(at)
    return None if block is None or block.raw is None or index else hexadecimal(block.raw)


def get_receipt(node: Node, tx_hash: bytes) -> dict[str, Any] | None:
    """``eth_getTransactionReceipt``."""
    block = node.store.block_of_transaction(tx_hash)
    return None if block is None else receipt_json(node.store, block)


METHODS = {
    "eth_getRawTransactionByBlockHashAndIndex": Method(get_raw_transaction_in_block, hash32, natural),
    "eth_getRawTransactionByBlockNumberAndIndex": Method(get_raw_transaction_in_block, block_id, natural),
    "eth_getRawTransactionByHash": Method(get_raw_transaction, hash32),
    "eth_getTransactionByBlockHashAndIndex": Method(get_transaction_in_block, hash32, natural),
    "eth_getTransactionByBlockNumberAndIndex": Method(get_transaction_in_block, block_id, natural),
    "eth_getTransactionByHash": Method(get_transaction, hash32),
    "eth_getTransactionReceipt": Method(get_receipt, hash32),
    "eth_sendRawTransaction": Method(send_raw_transaction, data),
}
