"""A call to a program that only computes and reads: run by our own loop alone, without py-evm's objects around it.

Those take as long to make as most views take to run. A program that comes to an operation that is py-evm's is begun
again as a whole, and remembered by its code and the function that was called. What it comes to must be the same either
way: ``tests/chain/machine/test_light.py``.
"""

from __future__ import annotations

from typing import Any

from eth.exceptions import Revert, VMError

from klopf.chain._transaction import Transaction
from klopf.chain._values import EMPTY_CODE, Difference, Outcome, StateView
from klopf.chain.machine._interpreter import NotOurs, run

__all__ = ["light"]

FIRST = frozenset(bytes(19) + bytes([number]) for number in range(1, 11))  # the precompiles
MOST = 4096

_heavy: set[tuple[bytes, bytes]] = set()  # code hashes, and the first four bytes of what they are called with


class _Reads:
    """Of py-evm's accounts what a program needs that writes nothing."""

    __slots__ = ("_slots", "_view", "least_gas", "saw_block", "warm")

    def __init__(self, view: StateView) -> None:
        self._view = view
        self._slots: dict[tuple[bytes, int], int] = {}
        self.warm: set[tuple[bytes, int]] = set()
        self.least_gas = 1 << 64
        self.saw_block = False

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        self.warm.add((address, slot))

    def get_storage(self, address: bytes, slot: int) -> int:
        key = (address, slot)
        value = self._slots.get(key)
        if value is None:
            value = self._slots[key] = self._view.storage(address, slot)
        return value


class _Message:
    """Of a message what a program may ask for."""

    __slots__ = ("code", "data", "sender", "storage_address", "value")

    def __init__(self, transaction: Transaction, code: bytes) -> None:
        self.code = code
        self.data = transaction.data
        self.storage_address = transaction.to
        self.sender = transaction.sender
        self.value = 0


class _Stage:
    """What the loop asks of a computation: its gas meter, memory, stack and state are all this one object."""

    __slots__ = ("_bytes", "_output", "accounts", "gas_remaining", "msg", "values")

    opcodes = code = None

    def __init__(self, message: _Message, gas: int, reads: _Reads) -> None:
        self.msg = message
        self.gas_remaining = gas
        self._bytes = bytearray()
        self.values: list[Any] = []
        self._output = b""
        self.accounts = reads

    @property
    def _itself(self) -> _Stage:
        return self

    _gas_meter = _memory = _stack = state = _itself


def light(view: StateView, transaction: Transaction) -> Outcome | None:
    """What becomes of a call that moves no wei and pays nothing for gas; None where that takes the whole machine."""
    t = transaction
    if t.raw or t.value or t.max_fee or not t.to or t.access_list or t.to in FIRST:
        return None
    code_hash = view.account(t.to).code_hash
    key = (code_hash, t.data[:4])
    if code_hash == EMPTY_CODE or key in _heavy:
        return None
    reads = _Reads(view)
    stage = _Stage(_Message(t, view.code(code_hash)), t.gas - t.intrinsic_gas(), reads)
    error: VMError | None = None
    try:
        run(stage)
    except NotOurs:
        if len(_heavy) >= MOST:
            _heavy.clear()
        _heavy.add(key)
        return None
    except VMError as raised:
        error = raised
    reverted = isinstance(error, Revert)
    left = stage.gas_remaining if error is None or reverted else 0
    sender = view.account(t.sender)
    return Outcome(
        status=error is None,
        gas_used=t.gas - left,
        logs=(),
        output=stage._output if error is None or reverted else b"",
        created=None,
        difference=Difference(accounts={t.sender: sender._replace(nonce=sender.nonce + 1)}),
        error=None if error is None else type(error).__name__,
        reverted=reverted,
        least_gas=reads.least_gas if error is None else -1,
        saw_block=reads.saw_block,
    )
