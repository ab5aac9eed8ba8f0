"""``evm``, and anvil's and hardhat's names for the same: the clock is moved and blocks are undone. Development only."""

from __future__ import annotations

from typing import Any

from klopf.chain.rpc._fields import INVALID_PARAMS, natural
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node
from klopf.errors import Rejected

__all__ = ["METHODS"]

MAX_BLOCKS = 100_000


def mine(node: Node, _: Any) -> str:
    """``evm_mine``."""
    node.chain.mine()
    return "0x0"


def mine_many(node: Node, count: int, interval: int) -> None:
    """``anvil_mine``: ``count`` blocks, ``interval`` seconds apart."""
    if count > MAX_BLOCKS:
        raise Rejected(f"at most {MAX_BLOCKS} blocks at a time; mine them in parts", INVALID_PARAMS)
    for i in range(count):
        if i and interval:
            node.chain.move_clock(interval)
        node.chain.mine()


def snapshot(node: Node) -> str:
    """``evm_snapshot``: a mark to come back to."""
    with node.lock:
        number = next(node.numbers)
        node.snapshots[number] = node.store.height()
    return hex(number)


def revert(node: Node, mark: int) -> bool:
    """``evm_revert``: undo every block since the mark; the marks made since are gone, and so is this one."""
    with node.lock:
        height = node.snapshots.get(mark)
        if height is None:
            return False
        node.snapshots = {n: h for n, h in node.snapshots.items() if n < mark}
    node.chain.rewind(height)
    return True


METHODS = {
    "anvil_mine": Method(mine_many, Optional(natural, 1), Optional(natural, 0)),
    "evm_increaseTime": Method(lambda node, seconds: hex(node.chain.move_clock(seconds)), natural),
    "evm_mine": Method(mine, Optional(natural)),
    "evm_revert": Method(revert, natural),
    "evm_setNextBlockTimestamp": Method(lambda node, at: node.chain.set_next_timestamp(at), natural),
    "evm_snapshot": Method(snapshot),
    "hardhat_mine": Method(mine_many, Optional(natural, 1), Optional(natural, 0)),
}
