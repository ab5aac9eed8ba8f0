"""What a contract said: one dataclass an event, in its contract's file, called as the contract calls it.

An event is known by its contract and its name together. What nobody here can read is an :class:`UnknownEvent`; it is
never left out, so that ``verify`` can name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from klopf.errors import LedgerError
from klopf.ledger._abi import Artifact, EventABI
from klopf.ledger.keys import checksum

__all__ = ["Event", "UnknownEvent", "event_abi", "unknown_event"]


@dataclass(frozen=True)
class Event:
    """Where an event stands: ``contract`` is the contract's name, ``transaction`` its hash. What it says are the
    fields of the class for its kind, in the contract's order."""

    block: int
    log_index: int
    transaction: str
    contract: str

    @property
    def kind(self) -> str:
        """Contract and event, such as ``Settlement.Heard``."""
        return f"{self.contract}.{type(self).__name__}"

    @classmethod
    def read(cls, place: tuple[int, int, str, str], values: Sequence[Any]) -> Self:
        """The event at ``place`` (the fields above) that says ``values``; a class with a field of a type of its own
        makes it here."""
        return cls(*place, *values)

    @classmethod
    def from_log(cls, abi: EventABI, contract: str, log: dict[str, Any]) -> Self:
        """The event behind a log as a node returns it. LedgerError where the log holds something else."""
        try:
            values = abi.read([bytes.fromhex(t[2:]) for t in log["topics"]], bytes.fromhex(log["data"][2:]))
            plain = [_plain(type_, values[name]) for name, type_, _ in abi.fields]
            return cls.read(_place(contract, log), plain)
        except Exception as error:  # eth_abi raises many kinds
            raise LedgerError(
                f"event {int(log['logIndex'], 16)} of block {int(log['blockNumber'], 16)} ({abi.name} of {contract}) "
                f"cannot be read ({error}); the ledger was altered"
            ) from None


@dataclass(frozen=True)
class UnknownEvent(Event):
    """Something that no pack installed here can read: ``topic`` is keccak-256 of its signature, in hexadecimal; the
    other topics and the data are as the node gave them."""

    topic: str
    topics: tuple[str, ...]
    data: str

    @property
    def kind(self) -> str:
        return f"{self.contract}.{self.topic[:10] or 'anonymous'}"


def event_abi(artifact: Artifact, name: str) -> EventABI:
    """How a contract emits the event called ``name``."""
    return next(event for event in artifact.events.values() if event.name == name)


def _plain(kind: str, value: Any) -> Any:
    if kind == "address":
        return checksum(value)
    if kind == "address[]":
        return tuple(checksum(address) for address in value)
    return value


def _place(contract: str, log: dict[str, Any]) -> tuple[int, int, str, str]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16), log["transactionHash"], contract


def unknown_event(contract: str, log: dict[str, Any]) -> UnknownEvent:
    """A log that nobody here can read, as it is."""
    topics = tuple(log["topics"])
    return UnknownEvent(*_place(contract, log), topics[0] if topics else "", topics[1:], log["data"])
