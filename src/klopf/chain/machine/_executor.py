"""What executes a transaction, seen from the chain: one narrow interface, so that the machine behind it can be swapped.

An executor is given a *view* of the state (it only reads), the block's *environment* and a transaction that the chain
has already found valid. It hands back an :class:`Outcome`, which holds the *difference* of state; it writes nothing.
"""

from __future__ import annotations

import sys
from typing import Protocol

from klopf.chain._transaction import Transaction
from klopf.chain._values import Environment, Frame, Outcome, StateView
from klopf.errors import ChainError

__all__ = ["Executor", "Recorder", "Tracer", "executor"]


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


class Recorder(Protocol):
    """An executor that can also say what a transaction touched."""

    def accessed(
        self, view: StateView, environment: Environment, transaction: Transaction
    ) -> tuple[Outcome, dict[bytes, set[int]]]:
        """As ``execute``, with the addresses that were touched and, of each, the slots."""
        ...


def executor(name: str = "py-evm") -> Executor:
    """The executor of that name, "py-evm" or "ethereum-execution"; its machine is imported only now."""
    limit = sys.getrecursionlimit()
    try:
        if name == "py-evm":
            from klopf.chain.machine._pyevm import PyEvm

            return PyEvm()
        if name == "ethereum-execution":
            try:
                from klopf.chain.machine._specification import Specification
            except ImportError as error:
                raise ChainError("the oracle is not installed; pip install ethereum-execution==1.17.0") from error
            return Specification()
    finally:
        sys.setrecursionlimit(limit)  # importing either raises it for good; see _depth
    raise ChainError(f"no executor is named {name!r}; choose 'py-evm' or 'ethereum-execution'")
