"""Programs about one opcode or one precompile each, with the operands that break machines."""

from __future__ import annotations

import hashlib
import random

import coincurve
from eth_hash.auto import keccak

from klopf.chain._values import Account
from tests.chain.evm import OPCODES, asm, push
from tests.chain.machine.fuzz import EDGES, TAKES, Memory, Programs, returning

HERE = b"\x77" * 20  # where the program under test lies
SENDER = b"\x88" * 20
TARGETS = {
    b"\xa1" * 20: asm(b"\x5a" * 32, 7, "MSTORE", 64, 3, "RETURN"),
    b"\xa2" * 20: asm(b"\xa5" * 32, 0, "MSTORE", 40, 0, "REVERT"),
    b"\xa3" * 20: asm("JUMPDEST PUSH0 JUMP"),  # uses all its gas
    b"\xa4" * 20: asm("CALLER SELFDESTRUCT"),
    b"\xa5" * 20: asm("PUSH0 SLOAD", 1, "ADD PUSH0 SSTORE CALLVALUE PUSH0 MSTORE", 32, "PUSH0 LOG0"),
    b"\xa6" * 20: asm("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0", HERE, "GAS CALL STOP"),  # calls back
    b"\xa7" * 20: asm("INVALID"),
    b"\xa8" * 20: asm(1, "PUSH0 TSTORE PUSH0 PUSH0 PUSH0 PUSH0", b"\xa5" * 20, "GAS DELEGATECALL PUSH0 SSTORE"),
}


def _proxy(kind: str) -> bytes:
    """Passes its call data on to HERE, and returns whether that went well and what came back."""
    value = "CALLVALUE" if kind in ("CALL", "CALLCODE") else ""
    return asm("CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY PUSH0 PUSH0 CALLDATASIZE PUSH0", value, HERE, "GAS", kind) + asm(
        "PUSH0 MSTORE RETURNDATASIZE PUSH0", 32, "RETURNDATACOPY RETURNDATASIZE", 32, "ADD PUSH0 RETURN"
    )


PROXIES = {
    bytes([0xC0 + i]) * 20: _proxy(kind) for i, kind in enumerate(["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"])
}
NAMES = sorted(OPCODES) + [f"PUSH{n}" for n in range(1, 33)] + ["UNDEFINED"]


def state(code: bytes, chance: random.Random) -> Memory:
    """The targets, the program at HERE with a balance and some storage, and a funded sender."""
    made = Memory()
    for address, runtime in [*TARGETS.items(), *PROXIES.items(), (HERE, code)]:
        made.codes[keccak(runtime)] = runtime
        made.accounts[address] = Account(1, chance.choice([0, 5, 10**18]), keccak(runtime))
    made.accounts[SENDER] = Account(3, 10**24, keccak(b""))
    for slot in range(3):
        value = chance.choice([0, 1, 2])
        if value:
            made.slots[HERE, slot] = value
    return made


def show(words: int) -> bytes:
    """Put the top words of the stack into memory and return them."""
    return b"".join(asm(32 * n, "MSTORE") for n in range(words)) + asm(32 * words, 0, "RETURN")


def program(name: str, chance: random.Random) -> bytes:
    """A program whose point is the opcode of that name."""
    c = chance
    makes = Programs(c, [*TARGETS, HERE, SENDER, b"\xbb" * 20])

    def words(count: int) -> bytes:
        return b"".join(push(makes.word()) for _ in range(count))

    fill = b"".join(asm(c.randbytes(32), 32 * n, "MSTORE") for n in range(c.randrange(3)))
    memory = asm(c.choice([32, 96, 160]), 0, "RETURN")
    if c.random() < 0.03:  # too little on the stack
        return asm(*[1] * c.randrange(3)) + (asm(name) if name in OPCODES else b"\x0c")
    if name in TAKES:
        out = fill
        for n in range(10):
            operands = [c.choice(EDGES) if c.random() < 0.6 else c.getrandbits(256) for _ in range(TAKES[name])]
            if c.random() < 0.2:
                operands = operands[:1] * len(operands)
            elif c.random() < 0.2:
                operands[:1] = [0] * len(operands[:1])  # the divisor, the shift's value, the modulus
            out += asm(*operands, name, 32 * n, "MSTORE")
        return out + asm(320, 0, "RETURN")
    if name.startswith("PUSH"):
        size = int(name[4:] or 0)
        operand = c.randbytes(size if c.random() < 0.9 else c.randrange(size + 1))
        return bytes([0x5F + size]) + operand + (show(1) if len(operand) == size else b"")
    if name.startswith(("DUP", "SWAP")):
        return words(c.choice([17, 17, 17, 16, 3])) + asm(name) + show(3)
    if name.startswith("LOG"):
        return fill + words(int(name[3:])) + asm(makes.size(), makes.place(), name)
    if name in ("SLOAD", "SSTORE"):
        out = b""
        for _ in range(c.randrange(1, 6)):
            out += asm(c.randrange(3), c.randrange(3), "SSTORE") if name == "SSTORE" else asm(c.randrange(4), "SLOAD")
        return out
    if name in ("TLOAD", "TSTORE"):
        out = asm(makes.word(), c.randrange(2), "TSTORE", c.randrange(3), "TLOAD") + makes.call()
        return out + asm(c.randrange(2), "TLOAD") + show(1)
    if name in ("MSTORE", "MSTORE8"):
        return fill + asm(c.getrandbits(256), makes.place(), name) + asm("MSIZE") + asm(64, "MSTORE") + memory
    if name == "MLOAD":
        return fill + asm(makes.place(), "MLOAD") + show(1)
    if name == "MCOPY":
        return fill + asm(makes.size(), makes.place(), makes.place(), "MCOPY") + memory
    if name == "KECCAK256":
        return fill + asm(makes.size(), makes.place(), "KECCAK256") + show(1)
    if name in ("CALLDATACOPY", "CODECOPY", "RETURNDATACOPY", "EXTCODECOPY"):
        if name == "RETURNDATACOPY":
            callee = c.choice(list(TARGETS)[:2])  # they return 64 bytes, and 40 with a revert
            before = asm("PUSH0 PUSH0 PUSH0 PUSH0", callee, 50_000, "STATICCALL")
            size = c.choice([0, 1, 32, 40, 41, 64, 65])
            return before + asm(size, c.choice([0, 0, 1, 8, 24, 64, 2**256 - 1]), makes.place(), name) + memory
        source = c.choice([0, 1, 5, 31, 40, 2**64, 2**256 - 1])
        out = asm(makes.size(), source, makes.place())
        return out + (push(makes.address()) if name == "EXTCODECOPY" else b"") + asm(name) + memory
    if name in ("BALANCE", "EXTCODESIZE", "EXTCODEHASH"):
        return asm(makes.address(), name, makes.address(), name) + show(2)
    if name in ("BLOCKHASH", "BLOBHASH"):
        return asm(c.choice([0, 1, 2, 99, 100, *EDGES]), name) + show(1)
    if name in ("JUMP", "JUMPI"):
        piece = asm(1, 2, "SSTORE")
        target = c.choice([*range(24), 13, 13, 14, 14, 15, 15, 2**256 - 1])
        code = asm(c.randrange(2)) if name == "JUMPI" else b""
        return code + asm(target, name) + piece + asm(b"\x5b\x60\x5b", "POP JUMPDEST", 3, "PUSH0 SSTORE JUMPDEST")
    if name == "JUMPDEST":
        return asm("JUMPDEST JUMPDEST PC") + show(1)
    if name == "POP":
        return words(2) + asm("POP") + show(1)
    if name == "UNDEFINED":
        unknown = [code for code in range(256) if code not in OPCODES.values() and not 0x60 <= code <= 0x7F]
        return bytes([c.choice(unknown)])
    if name in ("CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"):
        out = fill + asm(makes.size(), makes.place(), makes.size(), makes.place())
        if name in ("CALL", "CALLCODE"):
            out += push(c.choice([0, 0, 1, 5, 6, 2**255]))
        out += push(makes.address())
        out += asm("GAS") if c.random() < 0.5 else push(c.choice([0, 1, 2299, 2300, 9000, 30_000, 2**256 - 1]))
        return out + asm(name, "RETURNDATASIZE") + show(2)
    if name in ("CREATE", "CREATE2"):
        inits = [b"", asm("CALLER SELFDESTRUCT"), asm(5, 0, "REVERT"), asm("INVALID"), makes.simple()]
        inits += [returning(asm("CALLER SELFDESTRUCT")), returning(b"\xef"), returning(bytes(3))]
        inits += [asm(24_577, 0, "RETURN"), asm(24_576, 0, "RETURN"), asm(1, 0, "SSTORE") + returning(makes.simple())]
        init = c.choice(inits)
        size = c.choice([len(init)] * 6 + [0, 49_152, 49_153, 49_153])
        out = b"".join(asm(init[i : i + 32].ljust(32, b"\0"), i, "MSTORE") for i in range(0, len(init), 32))
        salt = c.randrange(2)
        once = asm(salt, size, 0, c.choice([0, 0, 1, 2**200]), name) if name == "CREATE2" else asm(size, 0, 0, name)
        return out + once + (once if c.random() < 0.3 else asm("RETURNDATASIZE")) + show(2)
    if name in ("RETURN", "REVERT"):
        return fill + asm(makes.size(), makes.place(), name)
    if name == "SELFDESTRUCT":
        return asm(makes.address(), name)
    return asm(1, 0, "SSTORE", name)  # STOP, INVALID


P = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
G2 = (
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c21800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
)


def word(value: int) -> bytes:
    """32 bytes, big end first."""
    return value.to_bytes(32, "big")


def precompile_input(number: int, chance: random.Random) -> bytes:
    """Input for the precompile at that address: right ones, nearly right ones and noise."""
    c = chance
    noise = c.randbytes(c.choice([0, 1, 32, 63, 64, 96, 127, 128, 200]))
    if c.random() < 0.15:
        return noise
    if number == 1:
        digest = c.randbytes(32)
        s = coincurve.PrivateKey(word(c.randrange(1, 2**200))).sign_recoverable(digest, hasher=None)
        v = word(c.choice([27 + s[64], 27 + s[64], 27, 28, 0, 29, 2**255 + 27]))
        r, t = s[:32], s[32:64]
        spoil = c.random()
        r = bytes(32) if spoil < 0.05 else b"\xff" * 32 if spoil < 0.1 else r
        return (digest + v + r + t)[: c.choice([128, 128, 128, 100])]
    if number == 5:
        sizes = [c.choice([0, 1, 2, 31, 32, 33, 64]) for _ in range(3)]
        values = [
            c.choice([bytes(n), c.randbytes(n), b"\xff" * n, word(c.randrange(3))[-n:] if n else b""]) for n in sizes
        ]
        if c.random() < 0.1:
            sizes[c.randrange(3)] = c.choice([2**32, 2**255, 1025])
        whole = b"".join(map(word, sizes)) + b"".join(values)
        return whole[: c.choice([len(whole), len(whole), len(whole) - 1, 96])]
    if number in (6, 7):
        points = [(1, 2), (1, P - 2), (0, 0), (1, 3), (P + 1, 2), (P, 0)]
        first = c.choice(points)
        if number == 6:
            second = c.choice(points)
            data = b"".join(map(word, (*first, *second)))
        else:
            data = b"".join(map(word, first)) + word(c.choice([0, 1, 2, 9, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1]))
        return data[: c.choice([len(data), len(data), len(data), 64, 33])]
    if number == 8:
        good = word(1) + word(2) + bytes.fromhex(G2)
        inverse = word(1) + word(P - 2) + bytes.fromhex(G2)
        return c.choice(
            [b"", good + inverse, good, bytes(192), good[:-1], word(1) + word(3) + good[64:], good[:64] + bytes(128)]
        )
    if number == 9:
        rounds = c.choice([0, 1, 12, 50])
        final = c.choice([b"\0", b"\1", b"\1", b"\2"])
        data = rounds.to_bytes(4, "big") + c.randbytes(64 + 128 + 16) + final
        return data[: c.choice([213, 213, 213, 212])]
    if number == 10:  # the zero polynomial: commitment and proof at infinity, 0 everywhere
        infinity = b"\xc0" + bytes(47)
        versioned = b"\x01" + hashlib.sha256(infinity).digest()[1:]
        z, y = word(c.randrange(2**250)), word(c.choice([0, 0, 0, 1]))
        data = c.choice([versioned, versioned, bytes(32)]) + z + y + infinity + infinity
        return data[: c.choice([192, 192, 192, 191])]
    return noise
