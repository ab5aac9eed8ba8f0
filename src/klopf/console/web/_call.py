"""A transaction in words: the contract, its function and every argument, read back from the bytes that are signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from klopf import ledger
from klopf.console.cli.access import klp
from klopf.errors import LedgerError
from klopf.ledger.packs import Contract

__all__ = ["Call", "told"]

WITHOUT_LIMIT = 2**256 - 1
_MONEY = {("Stake", "amount"), ("Token", "value"), ("Jobs", "amounts"), ("Jobs", "price")}
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
    if contract is None or function is None:
        raise LedgerError(f"what would be signed is no call of this network's contracts: it goes to {call.to}")
    values = function.arguments(call.data)
    if function.call_data(values) != call.data:
        raise LedgerError(f"what would be signed says more than {function.name} takes")
    rows = []
    for name, kind, value in zip(function.names, function.inputs, values, strict=True):
        words = _words(contract.name, name, kind, value, book, named)
        rows.append({"name": name, "type": kind, "value": _plain(value), "words": words})
    return {"contract": contract.name, "to": contract.address, "function": function.name, "arguments": rows}


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
