"""``eth``: calls that change nothing, and the gas that a transaction would need."""

from __future__ import annotations

from typing import Any

from klopf.chain._transaction import Transaction, created_address
from klopf.chain._values import CallContext
from klopf.chain.rpc._fields import BlockId, block_id, call_fields, hexadecimal
from klopf.chain.rpc._json import failure
from klopf.chain.rpc._method import Method, Optional
from klopf.chain.rpc._node import Node
from klopf.chain.rpc._overrides import Overridden, Override, overrides

__all__ = ["METHODS", "transaction_of"]

ZERO_ADDRESS = bytes(20)
PRECOMPILES = [bytes(19) + bytes([n]) for n in range(1, 11)]
MAX_LISTS = 8
STIPEND = 2300  # gas that a call with value hands on, and that must be left at SSTORE (EIP-2200)


def transaction_of(node: Node, fields: dict[str, Any], context: CallContext) -> Transaction:
    """The transaction that nobody signed: what a call leaves open is filled in."""
    limit = context.environment.gas_limit
    sender = fields.get("from", ZERO_ADDRESS)
    max_fee = fields.get("maxFeePerGas", fields.get("gasPrice", 0))
    tip = fields.get("maxPriorityFeePerGas")
    account = context.view.account(sender)
    value = fields.get("value", 0)
    gas = min(fields.get("gas", limit), limit)
    if max_fee and "gas" not in fields:
        gas = min(gas, max(0, account.balance - value) // max_fee)
    return Transaction(
        kind=2,
        chain_id=node.chain.chain_id,
        nonce=account.nonce,
        gas=gas,
        max_fee=max_fee,
        tip=max_fee if tip is None else min(tip, max_fee),
        to=fields.get("to", b""),
        value=value,
        data=fields.get("input", b""),
        access_list=fields.get("accessList", ()),
        sender=sender,
    )


def context_of(node: Node, at: BlockId, replaced: dict[bytes, Override]) -> CallContext:
    """Where a call is run: on that block's state, with some of it replaced."""
    context = node.chain.context(node.number(at))
    return context._replace(view=Overridden(context.view, replaced)) if replaced else context


def call(node: Node, fields: dict[str, Any], at: BlockId, replaced: dict[bytes, Override]) -> str:
    """``eth_call``: on a past block, the latest (its number and time), or ``pending`` (as the next block would)."""
    context = context_of(node, at, replaced)
    outcome = node.chain.call(transaction_of(node, fields, context), context)
    if not outcome.status:
        raise failure(outcome)
    return hexadecimal(outcome.output)


def estimate_gas(node: Node, fields: dict[str, Any], at: BlockId, replaced: dict[bytes, Override]) -> str:
    """``eth_estimateGas``: the least gas found with which the call does what it does with plenty."""
    context = context_of(node, at, replaced)
    wanted = transaction_of(node, fields, context)
    full = node.chain.call(wanted, context)
    if not full.status:
        raise failure(full)
    if not replaced:
        node.chain.remember_estimate(wanted, context, full)
    peak = full.gas_used + full.refund
    if full.least_gas - (wanted.gas - peak) > STIPEND:  # with just enough gas it takes the same course
        return hex(peak)

    def enough(gas: int, exactly: bool = False) -> bool:
        """Whether it does as much with that gas; a call inside that fails for want of gas may go unnoticed."""
        if gas < wanted.intrinsic_gas():
            return False
        tried = node.chain.call(wanted._replace(gas=gas), context)
        alike = tried.gas_used == full.gas_used if exactly else len(tried.logs) == len(full.logs)
        return tried.status and alike

    if peak >= wanted.gas or enough(peak, exactly=True):
        return hex(min(peak, wanted.gas))
    # the program looks at its gas, or holds some back for a call (EIP-150): search between
    low, high = peak, min(wanted.gas, (peak + STIPEND) * 64 // 63)
    while high < wanted.gas and not enough(high):
        low, high = high, min(wanted.gas, high * 2)
    while high - low > max(1, high // 256):
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return hex(high)


def create_access_list(node: Node, fields: dict[str, Any], at: BlockId, replaced: dict[bytes, Override]) -> Any:
    """``eth_createAccessList``: what the call touches that is not warm anyway, and the gas that it takes with the list.

    To name it may change what the program does (it sees its gas), so it is named again until nothing changes.
    """
    context = context_of(node, at, replaced)
    wanted = transaction_of(node, fields, context)
    created = () if wanted.to else (created_address(wanted.sender, wanted.nonce),)
    always = {wanted.sender, wanted.to, context.environment.coinbase, *created, *PRECOMPILES}
    for _ in range(MAX_LISTS):
        outcome, touched = node.chain.accessed(wanted, context)
        listed = tuple(
            (address, tuple(sorted(slots)))
            for address, slots in sorted(touched.items())
            if slots or address not in always
        )
        if listed == wanted.access_list:
            break
        wanted = wanted._replace(access_list=listed)
    answer: dict[str, Any] = {
        "accessList": [
            {"address": hexadecimal(address), "storageKeys": [f"0x{slot:064x}" for slot in slots]}
            for address, slots in listed
        ],
        "gasUsed": hex(outcome.gas_used),
    }
    return answer if outcome.status else answer | {"error": str(failure(outcome))}


METHODS = {
    "eth_createAccessList": Method(create_access_list, call_fields, Optional(block_id, "latest"), Optional(overrides)),
    "eth_call": Method(call, call_fields, Optional(block_id, "latest"), Optional(overrides)),
    "eth_estimateGas": Method(estimate_gas, call_fields, Optional(block_id, "pending"), Optional(overrides)),
}
