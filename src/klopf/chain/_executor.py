"""What executes a transaction, seen from the chain: one narrow interface, so that the machine behind it can be swapped.

An executor is given a *view* of the state (it only reads), the block's *environment* and a transaction that the chain
has already found valid. It hands back an :class:`Outcome`, which holds the *difference* of state; it writes nothing.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from klopf.errors import ChainError

from ._transaction import Transaction

__all__ = [
    "EMPTY_CODE",
    "Account",
    "Difference",
    "Environment",
    "Executor",
    "Frame",
    "Log",
    "Outcome",
    "StateView",
    "Tracer",
    "executor",
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


@dataclass(frozen=True, slots=True)
class Environment:
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


class Executor(Protocol):
    """Runs one valid transaction under cancun rules. Stateless, and safe to call from several threads."""

    name: str

    def execute(self, view: StateView, environment: Environment, transaction: Transaction) -> Outcome:
        """Run ``transaction`` on top of ``view`` in ``environment``; never raises for what a program does."""
        ...


class Tracer(Protocol):
    """An executor that can also say how it came to the outcome."""

    def trace(self, view: StateView, environment: Environment, transaction: Transaction) -> tuple[Outcome, Frame]:
        """As ``execute``, with the tree of messages."""
        ...


def executor(name: str = "py-evm") -> Executor:
    """The executor of that name, "py-evm" or "ethereum-execution"; its machine is imported only now."""
    limit = sys.getrecursionlimit()
    try:
        if name == "py-evm":
            from ._pyevm import PyEvm

            return PyEvm()
        if name == "ethereum-execution":
            try:
                from ._spec import Specification
            except ImportError as error:
                raise ChainError("the oracle is not installed; pip install ethereum-execution==1.17.0") from error
            return Specification()
    finally:
        sys.setrecursionlimit(limit)  # importing either raises it for good; see _depth
    raise ChainError(f"no executor is named {name!r}; choose 'py-evm' or 'ethereum-execution'")
