"""What Settlement says: its events, with their fields in the contract's order."""

from __future__ import annotations

from dataclasses import dataclass

from klopf.ledger._event import Event

__all__ = [
    "Capped",
    "Claimed",
    "Collected",
    "Deposited",
    "EIP712DomainChanged",
    "Heard",
    "Posted",
    "Refused",
    "Thawing",
    "Withdrawn",
]


@dataclass(frozen=True)
class Deposited(Event):
    id: int
    sender: str
    amount: int


@dataclass(frozen=True)
class Thawing(Event):
    id: int
    amount: int
    ready_at: int


@dataclass(frozen=True)
class Withdrawn(Event):
    id: int
    to: str
    amount: int


@dataclass(frozen=True)
class Capped(Event):
    id: int
    most: int


@dataclass(frozen=True)
class Posted(Event):
    id: int
    epoch: int
    root: bytes
    fees: int
    stake: int


@dataclass(frozen=True)
class Heard(Event):
    epoch: int
    listener: int
    speaker: int
    answers: int
    weight: int
    fee: int
    leaf: bytes


@dataclass(frozen=True)
class Refused(Event):
    epoch: int
    listener: int
    speaker: int
    leaf: bytes


@dataclass(frozen=True)
class Claimed(Event):
    epoch: int
    speaker: int
    consensus: int
    rank: int
    fees: int


@dataclass(frozen=True)
class Collected(Event):
    epoch: int
    id: int
    owner: str
    emitted: int
    fees: int
    refund: int


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass
