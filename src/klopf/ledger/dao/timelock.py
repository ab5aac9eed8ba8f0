"""Who owns the rules of a governed network: it carries out what the governor scheduled, after a delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying

__all__ = [
    "CallExecuted",
    "CallSalt",
    "CallScheduled",
    "Cancelled",
    "MinDelayChange",
    "RoleAdminChanged",
    "RoleGranted",
    "RoleRevoked",
    "Timelock",
]


@dataclass(frozen=True)
class CallScheduled(Event):
    id: bytes
    index: int
    target: str
    value: int
    data: bytes
    predecessor: bytes
    delay: int


@dataclass(frozen=True)
class CallExecuted(Event):
    id: bytes
    index: int
    target: str
    value: int
    data: bytes


@dataclass(frozen=True)
class CallSalt(Event):
    id: bytes
    salt: bytes


@dataclass(frozen=True)
class Cancelled(Event):
    id: bytes


@dataclass(frozen=True)
class MinDelayChange(Event):
    before: int
    after: int


@dataclass(frozen=True)
class RoleAdminChanged(Event):
    role: bytes
    previous_admin: bytes
    new_admin: bytes


@dataclass(frozen=True)
class RoleGranted(Event):
    role: bytes
    account: str
    sender: str


@dataclass(frozen=True)
class RoleRevoked(Event):
    role: bytes
    account: str
    sender: str


class Timelock(Contract):
    """The owner of the rules."""

    name = "Timelock"
    events = (
        CallScheduled, CallExecuted, CallSalt, Cancelled, MinDelayChange, RoleAdminChanged, RoleGranted, RoleRevoked,
    )  # fmt: skip
    needs_none = events
    """What a vote decides is seen where it was carried out, in the events of the contract that changed."""

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["constitution"].timelock_delay
