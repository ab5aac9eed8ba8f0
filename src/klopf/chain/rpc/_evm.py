"""``evm``, ``hardhat`` and ``anvil``: the clock is moved, blocks are undone, accounts are played. Development only.

hardhat's and anvil's tools ask for the same under their own names; each is here under all that are in use.
"""

from __future__ import annotations

from typing import Any

from klopf.chain.rpc._fields import (
    INVALID_PARAMS,
    address,
    boolean,
    call_fields,
    data,
    dictionary,
    hash32,
    hexadecimal,
    natural,
    quantity,
    slot,
)
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node
from klopf.chain.rpc.eth._calls import transaction_of
from klopf.errors import Rejected

__all__ = ["METHODS"]

MAX_BLOCKS = 100_000


def _moment(value: Any) -> int:
    """evm_mine's timestamp, also as anvil's object."""
    return natural(dictionary(value).get("timestamp", 0) if isinstance(value, dict) else value)


def mine(node: Node, timestamp: int | None) -> str:
    """``evm_mine``: a block, at that time where one is given."""
    if timestamp:
        node.chain.set_next_timestamp(timestamp)
    node.chain.mine()
    return "0x0"


def mine_many(node: Node, count: int, interval: int) -> bool:
    """``anvil_mine``: ``count`` blocks, ``interval`` seconds apart."""
    if count > MAX_BLOCKS:
        raise Rejected(f"at most {MAX_BLOCKS} blocks at a time; mine them in parts", INVALID_PARAMS)
    for i in range(count):
        if i and interval:
            node.chain.move_clock(interval)
        node.chain.mine()
    return True


def snapshot(node: Node) -> str:
    """``evm_snapshot``: a mark to come back to."""
    with node.lock:
        number = next(node.numbers)
        node.snapshots[number] = (node.store.height(), node.chain.clock())
    return hex(number)


def revert(node: Node, mark: int) -> bool:
    """``evm_revert``: undo every block since the mark and set the clock as it was; later marks are gone, and this one.

    Filters and subscriptions hear of the blocks that are made anew.
    """
    with node.lock:
        marked = node.snapshots.get(mark)
        if marked is None:
            return False
        node.snapshots = {n: h for n, h in node.snapshots.items() if n < mark}
    node.chain.rewind(*marked)
    return True


def set_balance(node: Node, who: bytes, balance: int) -> bool:
    """``hardhat_setBalance``, in wei."""
    node.chain.change(who, balance=balance)
    return True


def set_code(node: Node, who: bytes, code: bytes) -> bool:
    """``hardhat_setCode``: runtime code, as it is."""
    node.chain.change(who, code=code)
    return True


def set_nonce(node: Node, who: bytes, nonce: int) -> bool:
    """``hardhat_setNonce``: only upwards."""
    node.chain.change(who, nonce=nonce)
    return True


def set_storage_at(node: Node, who: bytes, place: int, value: int) -> bool:
    """``hardhat_setStorageAt``."""
    node.chain.change(who, slots={place: value})
    return True


def word(value: Any) -> int:
    """A slot's value: 32 bytes, or a number."""
    if isinstance(value, str) and len(value) == 66:
        return int.from_bytes(hash32(value), "big")
    return slot(value)


def impersonate(node: Node, who: bytes) -> bool:
    """``hardhat_impersonateAccount``: ``eth_sendTransaction`` takes transactions from it, without a signature."""
    node.impersonated.add(who)
    return True


def stop_impersonating(node: Node, who: bytes) -> bool:
    """``hardhat_stopImpersonatingAccount``."""
    node.impersonated.discard(who)
    return True


def auto_impersonate(node: Node, on: bool) -> bool:
    """``anvil_autoImpersonateAccount``: every account."""
    node.impersonates_all = on
    return True


def send_transaction(node: Node, fields: dict[str, Any]) -> str:
    """``eth_sendTransaction``, of an account that is impersonated."""
    who = fields.get("from")
    if who is None or not (node.impersonates_all or who in node.impersonated):
        raise Rejected("no key of that account is here; sign the transaction, or impersonate the account first")
    call = transaction_of(node, fields, node.chain.context())
    nonce = fields.get("nonce", node.pending_nonce(who))
    return hexadecimal(node.chain.send_as(call._replace(nonce=nonce)))


def set_automine(node: Node, on: bool) -> bool:
    """``evm_setAutomine``: whether a transaction makes its block at once, or waits for ``evm_mine``."""
    node.chain.set_automine(on)
    return True


def reset(node: Node, _: Any) -> bool:
    """``hardhat_reset``: back to the genesis."""
    with node.lock:
        node.snapshots.clear()
    node.chain.rewind(0)
    return True


def _anything(value: Any) -> Any:
    return value


BOTH = {
    "dropTransaction": Method(lambda node, tx_hash: node.chain.drop_transaction(tx_hash), hash32),
    "impersonateAccount": Method(impersonate, address),
    "mine": Method(mine_many, Optional(natural, 1), Optional(natural, 0)),
    "reset": Method(reset, Optional(_anything)),
    "setBalance": Method(set_balance, address, quantity),
    "setCode": Method(set_code, address, data),
    "setNonce": Method(set_nonce, address, natural),
    "setStorageAt": Method(set_storage_at, address, slot, word),
    "stopImpersonatingAccount": Method(stop_impersonating, address),
}
METHODS = {
    **{f"{tool}_{name}": method for tool in ("anvil", "hardhat") for name, method in BOTH.items()},
    "anvil_autoImpersonateAccount": Method(auto_impersonate, boolean),
    "anvil_getAutomine": Method(lambda node: not node.chain.mines_by_hand()),
    "anvil_setAutomine": Method(set_automine, boolean),
    "eth_sendTransaction": Method(send_transaction, call_fields),
    "evm_increaseTime": Method(lambda node, seconds: hex(node.chain.move_clock(seconds)), natural),
    "evm_mine": Method(mine, Optional(_moment)),
    "evm_revert": Method(revert, natural),
    "evm_setAutomine": Method(set_automine, boolean),
    "evm_setNextBlockTimestamp": Method(lambda node, at: node.chain.set_next_timestamp(at), natural),
    "evm_snapshot": Method(snapshot),
    "hardhat_getAutomine": Method(lambda node: not node.chain.mines_by_hand()),
}
