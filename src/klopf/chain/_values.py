"""What the chain's parts hand to each other: accounts, logs, the block that a transaction sees, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

__all__ = [
    "EMPTY_CODE",
    "Account",
    "CallContext",
    "Difference",
    "Environment",
    "Frame",
    "Log",
    "Outcome",
    "StateView",
]

EMPTY_CODE = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
"""keccak256 of nothing: the code hash of an account without code."""


class Account(NamedTuple):
    """An account's own fields. ``Account(0, 0, EMPTY_CODE)`` and "no such account" are the same thing (EIP-161)."""

    nonce: int = 0
    balance: int = 0
    code_hash: bytes = EMPTY_CODE


class StateView(Protocol):
    """Reads of the state as it was after one block. Addresses are 20 bytes, slots and values integers < 2**256."""

    def account(self, address: bytes) -> Account: ...

    def code(self, code_hash: bytes) -> bytes: ...

    def storage(self, address: bytes, slot: int) -> int: ...

    def block_hash(self, number: int) -> bytes:
        """Hash (32 bytes) of block ``number``, or zeros where there is none."""
        ...


class Environment(NamedTuple):
    """The block that a transaction runs in. ``timestamp`` in seconds, ``base_fee`` in wei per gas."""

    chain_id: int
    number: int
    timestamp: int
    gas_limit: int
    base_fee: int
    coinbase: bytes
    prev_randao: bytes


class Log(NamedTuple):
    """An event as the machine emits it: up to four 32-byte topics."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(slots=True)
class Difference:
    """What a transaction changed: new values only, and only where they differ from the old ones."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    codes: dict[bytes, bytes] = field(default_factory=dict)
    storage: dict[tuple[bytes, int], int] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What became of a transaction.

    ``output`` is the return data, or the revert data where ``status`` is False; ``created`` the address of the new
    contract, where one was to be made; ``error`` a word for people where ``status`` is False (never part of a hash).
    ``refund`` is the gas that was given back for cleared storage; ``gas_used`` is after it. ``least_gas`` is the least
    that was left whenever the program's course could follow from the gas it had left (at SSTORE, if more than 2300); -1
    where it could follow from it otherwise, or the machine does not say. ``saw_block`` is False only where the program
    asked for nothing that differs from block to block (time, number, hashes, base fee).
    """

    status: bool
    gas_used: int
    logs: tuple[Log, ...]
    output: bytes
    created: bytes | None
    difference: Difference
    error: str | None = None
    reverted: bool = False
    refund: int = 0
    least_gas: int = -1
    saw_block: bool = True


@dataclass(slots=True)
class Frame:
    """One message of a traced transaction: who called whom, how (the opcode's name), and what came of it."""

    kind: str
    sender: bytes
    to: bytes | None
    value: int
    gas: int
    gas_used: int
    input: bytes
    output: bytes
    error: str | None
    reverted: bool
    frames: list[Frame]


class CallContext(NamedTuple):
    """Where a call is run: a state, the block that it seems to be in, and the hash of the block that left the state."""

    view: StateView
    environment: Environment
    parent: bytes
