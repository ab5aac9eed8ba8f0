"""What Settlement says: its events, with their fields in the contract's order."""

from __future__ import annotations

from dataclasses import dataclass

from klopf.ledger._event import Event

__all__ = [
    "Claimed",
    "Collected",
    "EIP712DomainChanged",
    "Heard",
    "Posted",
    "Refused",
]


@dataclass(frozen=True)
class Posted(Event):
    id: int
    epoch: int
    root: bytes
    stake: int


@dataclass(frozen=True)
class Heard(Event):
    epoch: int
    listener: int
    speaker: int
    answers: int
    weight: int
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


@dataclass(frozen=True)
class Collected(Event):
    epoch: int
    id: int
    owner: str
    emitted: int


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass
