"""A transaction in words: the contract, its function and every argument, read back from the bytes that are signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klopf import ledger
from klopf.console.cli.access import klp
from klopf.errors import LedgerError
from klopf.ledger._abi import FunctionABI
from klopf.ledger.packs import Contract

__all__ = ["Call", "told"]

WITHOUT_LIMIT = 2**256 - 1
_APPROVE = FunctionABI("approve", ("address", "uint256"), ("bool",), names=("spender", "value"))
_MONEY = {
    ("Stake", "amount"), ("Token", "value"), ("Jobs", "amounts"), ("Jobs", "price"), ("Ventures", "amount"),
    ("Trades", "amount"), ("Trades", "most"),
}  # fmt: skip
_PEOPLE = {("Stake", "id"), ("Disputes", "listener"), ("Disputes", "speaker")}
_SUPPORT = {("KlopfGovernor", "support")}


@dataclass(frozen=True)
class Call:
    """What a transaction says: to whom, what, and how much coin goes with it, in wei."""

    to: str
    data: bytes
    value: int = 0


def told(call: Call, book: ledger.Ledger, named: Callable[[int], str]) -> dict[str, Any]:
    """``contract``, ``function`` and ``arguments``, each with its name, type, value and, where there is more to say of
    that, words. LedgerError where a call is of none of the network's contracts, which is never signed."""
    contract = next((one for one in _clients(book) if one.address.lower() == call.to.lower()), None)
    known = contract.artifact().functions.values() if contract is not None else ()
    function = next((one for one in known if one.selector == call.data[:4]), None)
    if contract is None and _is_approval(call, book):
        return _said("a token, none of this network's contracts", call.to, _APPROVE, call, book, named)
    if contract is None or function is None:
        raise LedgerError(f"what would be signed is no call of this network's contracts: it goes to {call.to}")
    return _said(contract.name, contract.address, function, call, book, named)


def _said(
    contract: str, to: str, function: FunctionABI, call: Call, book: ledger.Ledger, named: Callable[[int], str]
) -> dict[str, Any]:  # fmt: skip
    values = function.arguments(call.data)
    if function.call_data(values) != call.data:
        raise LedgerError(f"what would be signed says more than {function.name} takes")
    rows = []
    for name, kind, value in zip(function.names, function.inputs, values, strict=True):
        words = _words(contract, name, kind, value, book, named)
        rows.append({"name": name, "type": kind, "value": _plain(value), "words": words})
    return {"contract": contract, "to": to, "function": function.name, "arguments": rows}


def _is_approval(call: Call, book: ledger.Ledger) -> bool:
    """Whether it lets a contract of the network, and nobody else, take an amount of a stranger's token."""
    if call.value or call.data[:4] != _APPROVE.selector:
        return False
    spender = str(_APPROVE.arguments(call.data)[0]).lower()
    return spender in {address.lower() for address in book.deployment.addresses.values()}


def _clients(book: ledger.Ledger) -> list[Contract]:
    from klopf.ledger._pack import clients

    return list(clients(book).values())


def _words(
    contract: str, name: str, kind: str, value: Any, book: ledger.Ledger, named: Callable[[int], str]
) -> str:  # fmt: skip
    place = (contract, name)
    if place in _MONEY:
        amounts = value if isinstance(value, list | tuple) else [value]
        return ", ".join("without limit" if one == WITHOUT_LIMIT else f"{klp(one)} KLP" for one in amounts)
    if place in _PEOPLE:
        return named(value)
    if place in _SUPPORT:
        return ("against", "for", "abstain")[value] if value in (0, 1, 2) else ""
    if kind == "address":
        if value.lower() == book.me.address.lower():
            return "this key"
        names = {address.lower(): name for name, address in book.deployment.addresses.items()}
        return names.get(value.lower(), "")
    return ""


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return str(value)
