"""The inner loop of py-evm's machine, with the cheap half of the opcodes done in place.

py-evm spends four or five Python calls on every ADD. Here the opcodes that only move words between stack, memory and
code are done in the loop itself, and so are SLOAD and KECCAK256; all others (stores, calls, logs, copies) are py-evm's
own. Gas is kept in a local variable and written back before py-evm sees it. What a program means must not change by
this: tests/chain/machine/test_differential.py holds it against the executable specification and anvil.

:func:`run` is one long function on purpose: it is the machine's kernel, and a call a step would undo what it is for.
"""

from __future__ import annotations

import functools
import math
import time
from typing import Any

from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidJumpDestination, OutOfGas, Revert
from eth.vm.logic.invalid import InvalidOpcode

from klopf.chain._keccak import keccak
from klopf.chain._patience import patience

__all__ = ["NotOurs", "run"]

WORD = (1 << 256) - 1
SIGN = 1 << 255
MAX_STACK = 1024
MAX_CODES = 64
GAS_COUNTS = frozenset((0x55, 0xF0, 0xF1, 0xF2, 0xF4, 0xF5, 0xFA))
"""What a program does may follow from the gas it has left: at SSTORE (2300 at least), at each call, and at GAS."""
BLOCK_SHOWS = frozenset((0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x48, 0x4A))
"""BLOCKHASH, COINBASE, TIMESTAMP, NUMBER, PREVRANDAO, GASLIMIT, BASEFEE and BLOBBASEFEE tell which block it is."""


class NotOurs(Exception):
    """The next operation is py-evm's, and there are none of its objects here."""


_codes: dict[bytes, tuple[frozenset[int], dict[int, int]]] = {}


def _read(code: bytes) -> tuple[frozenset[int], dict[int, int]]:
    """Where one may jump to, and the value of each push by its place (pushed bytes past the end are zeros)."""
    known = _codes.get(code)
    if known is not None:
        return known
    targets, pushes = set(), {}
    place, length = 0, len(code)
    while place < length:
        opcode = code[place]
        if opcode == 0x5B:
            targets.add(place)
        elif 0x60 <= opcode <= 0x7F:
            size = opcode - 0x5F
            pushes[place] = int.from_bytes(code[place + 1 : place + 1 + size].ljust(size, b"\0"), "big")
            place += size
        place += 1
    if len(_codes) >= MAX_CODES:
        _codes.clear()
    known = _codes[code] = frozenset(targets), pushes
    return known


_short_hash = functools.lru_cache(maxsize=1 << 14)(keccak)


def _grow(memory: Any, end: int, gas: int) -> int:
    """Make the memory reach ``end``; returns the gas that is left (yellow paper, appendix H)."""
    before, after = len(memory._bytes) // 32, (end + 31) // 32
    gas -= 3 * (after - before) + after * after // 512 - before * before // 512
    if gas < 0:
        raise _spent(gas)
    more = bytes(32 * (after - before))
    try:
        memory._bytes.extend(more)
    except BufferError:  # somebody still looks at it
        memory._bytes = memory._bytes + more
    return gas


def run(computation: Any) -> None:
    """Run the computation's code to its end. Raises py-evm's ``VMError`` where the program does something wrong."""
    code_stream = computation.code
    code: bytes = computation.msg.code
    targets, pushes = _read(code)
    length = len(code)
    opcodes = computation.opcodes
    meter = computation._gas_meter
    memory = computation._memory
    message = computation.msg
    data = message.data
    here = message.storage_address
    accounts = computation.state.accounts
    stack: list[Any] = computation._stack.values
    pop, push = stack.pop, stack.append
    gas: int = meter.gas_remaining
    pc = 0
    theirs = False  # whether py-evm is at work
    until = patience.look()
    bounded = until < math.inf
    try:
        while pc < length:
            opcode = code[pc]
            if opcode >= 0x5F:
                if opcode <= 0x7F:  # PUSH0 … PUSH32
                    gas -= 2 if opcode == 0x5F else 3
                    push(0 if opcode == 0x5F else pushes[pc])
                    pc += opcode - 0x5E
                    if gas < 0 or len(stack) > MAX_STACK:
                        raise _spent(gas)
                    continue
                if opcode <= 0x8F:  # DUP1 … DUP16
                    gas -= 3
                    push(stack[0x7F - opcode])
                    pc += 1
                    if gas < 0 or len(stack) > MAX_STACK:
                        raise _spent(gas)
                    continue
                if opcode <= 0x9F:  # SWAP1 … SWAP16
                    gas -= 3
                    other = 0x8E - opcode
                    stack[-1], stack[other] = stack[other], stack[-1]
                    pc += 1
                    if gas < 0:
                        raise _spent(gas)
                    continue
                if opcode == 0xF3 or opcode == 0xFD:  # RETURN, REVERT
                    place, size = pop(), pop()
                    if place.__class__ is bytes:
                        place = int.from_bytes(place, "big")
                    if size.__class__ is bytes:
                        size = int.from_bytes(size, "big")
                    end = place + size
                    if size and end > len(memory._bytes):
                        gas = _grow(memory, end, gas)
                    output = bytes(memory._bytes[place:end]) if size else b""
                    computation._output = output
                    if opcode == 0xF3:
                        break
                    meter.gas_remaining = gas
                    raise Revert(output)
            elif opcode >= 0x50:
                if opcode == 0x5B:  # JUMPDEST
                    gas -= 1
                    pc += 1
                    if gas < 0:
                        raise _spent(gas)
                    continue
                if opcode == 0x57:  # JUMPI
                    gas -= 10
                    target, condition = pop(), pop()
                    if gas < 0:
                        raise _spent(gas)
                    if condition.__class__ is bytes:
                        condition = int.from_bytes(condition, "big")
                    if condition:
                        if target.__class__ is bytes:
                            target = int.from_bytes(target, "big")
                        if target not in targets:
                            raise InvalidJumpDestination(f"jump to {target}")
                        pc = target
                        if bounded and time.monotonic() > until:
                            until = patience.look()
                    else:
                        pc += 1
                    continue
                if opcode == 0x56:  # JUMP
                    gas -= 8
                    target = pop()
                    if gas < 0:
                        raise _spent(gas)
                    if target.__class__ is bytes:
                        target = int.from_bytes(target, "big")
                    if target not in targets:
                        raise InvalidJumpDestination(f"jump to {target}")
                    pc = target
                    if bounded and time.monotonic() > until:
                        until = patience.look()
                    continue
                if opcode == 0x50:  # POP
                    gas -= 2
                    pop()
                    pc += 1
                    if gas < 0:
                        raise _spent(gas)
                    continue
                if opcode == 0x52 or opcode == 0x51:  # MSTORE, MLOAD
                    gas -= 3
                    place = pop()
                    if place.__class__ is bytes:
                        place = int.from_bytes(place, "big")
                    if gas < 0:
                        raise _spent(gas)
                    end = place + 32
                    if end > len(memory._bytes):
                        gas = _grow(memory, end, gas)
                    if opcode == 0x51:
                        push(int.from_bytes(memory._bytes[place:end], "big"))
                    else:
                        value = pop()
                        memory._bytes[place:end] = (
                            value.rjust(32, b"\0") if value.__class__ is bytes else value.to_bytes(32, "big")
                        )
                    pc += 1
                    continue
                if opcode == 0x54:  # SLOAD
                    slot = pop()
                    if slot.__class__ is bytes:
                        slot = int.from_bytes(slot, "big")
                    if (here, slot) in accounts.warm:
                        gas -= 100
                    else:
                        gas -= 2100
                        accounts.mark_storage_warm(here, slot)
                    if gas < 0:
                        raise _spent(gas)
                    push(accounts.get_storage(here, slot))
                    pc += 1
                    continue
                if opcode == 0x5A:  # GAS
                    gas -= 2
                    push(gas)
                    accounts.least_gas = -1
                    pc += 1
                    if gas < 0 or len(stack) > MAX_STACK:
                        raise _spent(gas)
                    continue
            elif opcode >= 0x10:
                if opcode == 0x15 or opcode == 0x19:  # ISZERO, NOT
                    gas -= 3
                    a = pop()
                    if a.__class__ is bytes:
                        a = int.from_bytes(a, "big")
                    push((0 if a else 1) if opcode == 0x15 else WORD ^ a)
                    pc += 1
                    if gas < 0:
                        raise _spent(gas)
                    continue
                if opcode <= 0x1C and opcode != 0x1A:  # two words: LT GT SLT SGT EQ AND OR XOR SHL SHR
                    gas -= 3
                    a, b = pop(), pop()
                    if a.__class__ is bytes:
                        a = int.from_bytes(a, "big")
                    if b.__class__ is bytes:
                        b = int.from_bytes(b, "big")
                    if opcode == 0x14:
                        push(1 if a == b else 0)
                    elif opcode == 0x16:
                        push(a & b)
                    elif opcode == 0x10:
                        push(1 if a < b else 0)
                    elif opcode == 0x11:
                        push(1 if a > b else 0)
                    elif opcode == 0x1B:
                        push((b << a) & WORD if a < 256 else 0)
                    elif opcode == 0x1C:
                        push(b >> a if a < 256 else 0)
                    elif opcode == 0x17:
                        push(a | b)
                    elif opcode == 0x18:
                        push(a ^ b)
                    elif opcode == 0x12:
                        push(1 if a ^ SIGN < b ^ SIGN else 0)
                    else:
                        push(1 if a ^ SIGN > b ^ SIGN else 0)
                    pc += 1
                    if gas < 0:
                        raise _spent(gas)
                    continue
                if opcode == 0x20:  # KECCAK256
                    place, size = pop(), pop()
                    if place.__class__ is bytes:
                        place = int.from_bytes(place, "big")
                    if size.__class__ is bytes:
                        size = int.from_bytes(size, "big")
                    gas -= 30 + 6 * ((size + 31) // 32)
                    if gas < 0:
                        raise _spent(gas)
                    end = place + size
                    if size and end > len(memory._bytes):
                        gas = _grow(memory, end, gas)
                    if size <= 64:  # mostly a mapping's key and slot, over and over
                        push(_short_hash(bytes(memory._bytes[place:end]) if size else b""))
                    else:
                        push(keccak(bytes(memory._bytes[place:end])))
                    pc += 1
                    continue
                if 0x33 <= opcode <= 0x36:  # CALLER, CALLVALUE, CALLDATALOAD, CALLDATASIZE
                    if opcode == 0x35:
                        gas -= 3
                        place = pop()
                        if place.__class__ is bytes:
                            place = int.from_bytes(place, "big")
                        push(int.from_bytes(bytes(data[place : place + 32]).ljust(32, b"\0"), "big"))
                    else:
                        gas -= 2
                        if opcode == 0x36:
                            push(len(data))
                        elif opcode == 0x34:
                            push(message.value)
                        else:
                            push(message.sender)
                    pc += 1
                    if gas < 0 or len(stack) > MAX_STACK:
                        raise _spent(gas)
                    continue
            elif opcode <= 0x04:
                if opcode == 0:  # STOP
                    break
                gas -= 3 if opcode & 1 else 5  # ADD and SUB; MUL and DIV
                a, b = pop(), pop()
                if a.__class__ is bytes:
                    a = int.from_bytes(a, "big")
                if b.__class__ is bytes:
                    b = int.from_bytes(b, "big")
                if opcode == 1:
                    push((a + b) & WORD)
                elif opcode == 3:
                    push((a - b) & WORD)
                elif opcode == 2:
                    push((a * b) & WORD)
                else:
                    push(a // b if b else 0)
                pc += 1
                if gas < 0:
                    raise _spent(gas)
                continue
            # everything else is py-evm's
            if opcodes is None:
                raise NotOurs
            pc += 1
            if opcode in GAS_COUNTS:
                accounts.least_gas = -1 if opcode != 0x55 else min(accounts.least_gas, gas)
            elif opcode in BLOCK_SHOWS:
                accounts.saw_block = True
            code_stream.program_counter = pc
            meter.gas_remaining = gas
            act = opcodes.get(opcode)
            if act is None:
                act = InvalidOpcode(opcode)
            theirs = True
            act(computation=computation)
            theirs = False
            gas = meter.gas_remaining
    except Halt:
        return
    except IndexError as error:
        if theirs:
            raise
        raise InsufficientStack("the stack holds too little") from error
    meter.gas_remaining = gas


def _spent(gas: int) -> Exception:
    return OutOfGas("out of gas") if gas < 0 else FullStack("the stack is full")
