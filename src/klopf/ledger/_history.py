"""What happened, as the contracts said it: every event of a deployment, in order, from all contracts that it has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from klopf.errors import ExtensionError
from klopf.extensions import guarded
from klopf.ledger._client import Connection
from klopf.ledger._event import Event, unknown_event
from klopf.ledger._pack import contracts, is_shipped

__all__ = ["history", "kinds", "read", "subjects"]


def kinds() -> dict[str, type[Event]]:
    """Every kind of event that the packs installed here know, as ``Contract.Event``."""
    return {f"{name}.{kind.__name__}": kind for name, contract in contracts().items() for kind in contract.events}


def read(contract: str, log: dict[str, Any]) -> Event:
    """The event behind a log of ``contract``: an ``UnknownEvent`` where no pack installed here knows it, or one from
    outside cannot read it. LedgerError where one of Klopf's own was altered."""
    topic = log["topics"][0] if log["topics"] else ""
    known = contracts().get(contract)
    found = known.by_topic().get(topic) if known is not None else None
    if found is None:
        return unknown_event(contract, log)
    kind, abi = found
    if is_shipped(contract):
        return kind.from_log(abi, contract, log)
    unknown = unknown_event(contract, log)
    try:
        with guarded(f"{contract}.{kind.__name__}"):
            event = kind.from_log(abi, contract, log)
    except ExtensionError:  # a stranger's class: that it cannot read its own event makes no other unreadable
        return unknown
    place = ("block", "log_index", "transaction", "contract")
    same = type(event) is kind and all(getattr(event, name) == getattr(unknown, name) for name in place)
    return event if same else unknown


def history(ledger: Connection, since: int = 0, until: int | None = None, step: int = 5_000) -> Iterator[Event]:
    """Every event of the deployment in block order, from block ``since`` (or its first) to ``until`` (or the latest).

    Asks for ``step`` blocks at a time, which public nodes limit. LedgerError where a log cannot be read.
    """
    names = {address.lower(): name for name, address in ledger.deployment.addresses.items()}
    first = max(since, ledger.deployment.block)
    last = ledger.rpc.height() if until is None else until
    while first <= last:
        query = {"fromBlock": hex(first), "toBlock": hex(min(first + step - 1, last)), "address": list(names)}
        for log in ledger.rpc.request("eth_getLogs", query):
            yield read(names[log["address"].lower()], log)
        first += step


def subjects(event: Event) -> list[int]:
    """The ids of the participants that an event is about."""
    contract = contracts().get(event.contract)
    found = {getattr(event, name, 0) for name in contract.participants} if contract is not None else set()
    return sorted(found - {0})
