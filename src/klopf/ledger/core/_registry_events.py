"""What the registry says."""

from __future__ import annotations

from dataclasses import dataclass

from klopf.ledger._event import Event

__all__ = [
    "Delisted",
    "Dismissed",
    "EIP712DomainChanged",
    "Gone",
    "Judged",
    "KeyRotated",
    "ModelChanged",
    "ModelCommitted",
    "Moved",
    "Registered",
    "StandingChanged",
    "UtilityUpdated",
]


@dataclass(frozen=True)
class Registered(Event):
    id: int
    role: int
    owner: str
    key: str
    endpoint: str
    model: str
    certificate: bytes


@dataclass(frozen=True)
class Moved(Event):
    id: int
    endpoint: str
    certificate: bytes


@dataclass(frozen=True)
class KeyRotated(Event):
    id: int
    key: str


@dataclass(frozen=True)
class Gone(Event):
    """Has left; ``deposit`` went back to its owner."""

    id: int
    deposit: int


@dataclass(frozen=True)
class ModelChanged(Event):
    id: int
    model: str


@dataclass(frozen=True)
class ModelCommitted(Event):
    id: int
    epoch: int
    commitment: bytes


@dataclass(frozen=True)
class UtilityUpdated(Event):
    id: int
    epoch: int
    share: int
    utility: int


@dataclass(frozen=True)
class Judged(Event):
    id: int
    epoch: int
    passed: bool
    failed_in_a_row: int


@dataclass(frozen=True)
class StandingChanged(Event):
    id: int
    epoch: int
    before: int
    after: int
    rival: int


@dataclass(frozen=True)
class Delisted(Event):
    id: int


@dataclass(frozen=True)
class Dismissed(Event):
    """A neuron that did not post for long is bound to listen no more, until it does."""

    id: int
    epoch: int


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass
