"""``eth``: accounts and their storage, now or after a past block."""

from __future__ import annotations

from typing import Any

from klopf.chain.rpc._fields import BlockId, address, block_id, hexadecimal, slot
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node
from klopf.errors import Rejected

__all__ = ["METHODS"]

NO_METHOD = -32601
AT = Optional(block_id, "latest")


def get_balance(node: Node, who: bytes, at: BlockId) -> str:
    """``eth_getBalance``."""
    return hex(node.view(at).account(who).balance)


def get_transaction_count(node: Node, who: bytes, at: BlockId) -> str:
    """``eth_getTransactionCount``; ``pending`` counts those that wait, up to the first gap."""
    if at == "pending":
        return hex(node.pending_nonce(who))
    return hex(node.view(at).account(who).nonce)


def get_code(node: Node, who: bytes, at: BlockId) -> str:
    """``eth_getCode``."""
    return hexadecimal(node.store.code(node.view(at).account(who).code_hash))


def get_storage_at(node: Node, who: bytes, place: int, at: BlockId) -> str:
    """``eth_getStorageAt``."""
    return f"0x{node.view(at).storage(who, place):064x}"


def get_proof(node: Node, *_: Any) -> None:
    """``eth_getProof``: refused, see docs/chain.md."""
    raise Rejected(
        "there are no proofs of the state here: stateRoot commits to every change, and is no trie's root; "
        "replay the chain instead (Chain.verify), or ask a chain with a trie",
        NO_METHOD,
    )


def _as_given(value: Any) -> Any:
    return value


METHODS = {
    "eth_accounts": Method(lambda node: []),
    "eth_getBalance": Method(get_balance, address, AT),
    "eth_getCode": Method(get_code, address, AT),
    "eth_getProof": Method(get_proof, *[Optional(_as_given)] * 3),
    "eth_getStorageAt": Method(get_storage_at, address, slot, AT),
    "eth_getTransactionCount": Method(get_transaction_count, address, AT),
}
