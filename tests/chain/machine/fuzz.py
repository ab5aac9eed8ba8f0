"""Random programs and transactions for the differential tests, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from eth_hash.auto import keccak

from klopf.chain._rlp import encode
from klopf.chain._transaction import Transaction
from klopf.chain._values import EMPTY_CODE, Account, Difference, Environment
from klopf.chain.state._block import number_bytes
from tests.chain.evm import OPCODES, asm, push

GAS_LIMIT = 30_000_000
CHAIN_ID = 1337
EDGES = [0, 1, 2, 3, 31, 32, 33, 63, 64, 255, 256, 2**64 - 1, 2**128, 2**255 - 1, 2**255, 2**256 - 2, 2**256 - 1]


@dataclass
class Memory:
    """A state in dictionaries; a StateView that differences can be applied to."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    codes: dict[bytes, bytes] = field(default_factory=lambda: {EMPTY_CODE: b""})
    slots: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def account(self, address: bytes) -> Account:
        return self.accounts.get(address, Account())

    def code(self, code_hash: bytes) -> bytes:
        return self.codes[code_hash]

    def storage(self, address: bytes, slot: int) -> int:
        return self.slots.get((address, slot), 0)

    def block_hash(self, number: int) -> bytes:
        return keccak(number_bytes(number)) if number >= 0 else bytes(32)

    def apply(self, difference: Difference) -> None:
        self.accounts |= difference.accounts
        self.codes |= difference.codes
        self.slots |= difference.storage


def environment(number: int, timestamp: int, base_fee: int = 0) -> Environment:
    """The block that transaction ``number`` runs in."""
    return Environment(CHAIN_ID, number, timestamp, GAS_LIMIT, base_fee, bytes(20), keccak(number_bytes(number)))


# how many words each opcode that puts one on the stack takes from it
_BINARY = "ADD MUL SUB DIV SDIV MOD SMOD EXP SIGNEXTEND LT GT SLT SGT EQ AND OR XOR BYTE SHL SHR SAR"
_NONE = (
    "ADDRESS ORIGIN CALLER CALLVALUE CALLDATASIZE CODESIZE GASPRICE RETURNDATASIZE COINBASE TIMESTAMP NUMBER "
    "GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBBASEFEE PC MSIZE GAS PUSH0"
)
TAKES = dict.fromkeys(_BINARY.split(), 2) | {"ADDMOD": 3, "MULMOD": 3, "ISZERO": 1, "NOT": 1, "CALLDATALOAD": 1}
TAKES |= dict.fromkeys(_NONE.split(), 0)
PLAIN = sorted(TAKES)


class Programs:
    """Makes programs. ``known`` are addresses that they may call; ``chance`` decides everything."""

    def __init__(self, chance: random.Random, known: list[bytes], *, anywhere: bool = True) -> None:
        self.chance = chance
        self.known = known
        self.anywhere = anywhere  # also what another node would see differently: BLOCKHASH, PREVRANDAO

    def word(self) -> int:
        c = self.chance
        kind = c.random()
        if kind < 0.5:
            return c.randrange(70)
        if kind < 0.8:
            return c.choice(EDGES)
        return c.getrandbits(c.choice([8, 16, 64, 160, 256]))

    def address(self) -> bytes:
        c = self.chance
        kind = c.random()
        if kind < 0.7 and self.known:
            return c.choice(self.known)
        if kind < 0.9:
            return c.randrange(1, 10).to_bytes(20, "big")
        return c.randbytes(20)

    def place(self) -> int:
        """A place in memory; seldom one that costs more than all gas."""
        c = self.chance
        return c.randrange(0, 200) if c.random() < 0.99 else c.choice([5000, 100_000, 2**32, 2**255])

    def size(self) -> int:
        c = self.chance
        return c.choice([0, 1, 4, 31, 32, 33, 64, 100]) if c.random() < 0.99 else c.choice([3000, 2**40])

    def step(self) -> bytes:
        """A piece of program that leaves the stack at least as high as it was, mostly."""
        c = self.chance
        kind = c.random()
        if kind < 0.30:
            name = c.choice(PLAIN)
            return b"".join(push(self.word()) for _ in range(TAKES[name])) + asm(name)
        if kind < 0.40:
            if c.random() < 0.25:  # what is there goes, what is not there comes
                slot = c.randrange(3)
                return asm(slot, "SLOAD ISZERO", slot, "SSTORE")
            value = c.choice([0, 0, 1, 2, self.word()])
            return asm(value, c.randrange(3), "SSTORE") if c.random() < 0.7 else asm(c.randrange(4), "SLOAD")
        if kind < 0.44:
            return asm(self.word(), c.randrange(3), "TSTORE") if c.random() < 0.5 else asm(c.randrange(3), "TLOAD")
        if kind < 0.52:
            return asm(self.word(), self.place(), c.choice(["MSTORE", "MSTORE8"]))
        if kind < 0.55:
            return asm(self.place(), "MLOAD")
        if kind < 0.58:
            return asm(self.size(), self.place(), self.place(), "MCOPY")
        if kind < 0.60:
            return asm(self.size(), self.place(), "KECCAK256")
        if kind < 0.64:
            copy = c.choice(["CALLDATACOPY", "CODECOPY", "RETURNDATACOPY"])
            source = c.randrange(0, 40) if copy != "RETURNDATACOPY" or c.random() < 0.1 else 0
            size = self.size() if copy != "RETURNDATACOPY" or c.random() < 0.1 else 0
            return asm(size, source, self.place(), copy)
        if kind < 0.67:
            return asm(self.address(), c.choice(["BALANCE", "EXTCODESIZE", "EXTCODEHASH"]))
        if kind < 0.68:
            return asm(self.size(), self.place(), self.place(), self.address(), "EXTCODECOPY")
        if kind < 0.72:
            topics = c.randrange(5)
            return b"".join(push(self.word()) for _ in range(topics)) + asm(self.size(), self.place(), f"LOG{topics}")
        if kind < 0.86:
            return self.call()
        if kind < 0.90:
            return self.create()
        if kind < 0.94:
            return self.branch()
        if kind < 0.96:
            name = c.choice([f"DUP{c.randrange(1, 17)}", f"SWAP{c.randrange(1, 17)}", "POP"])
            return asm(name) if c.random() < 0.15 else b"".join(push(self.word()) for _ in range(17)) + asm(name)
        if kind < 0.97 and self.anywhere:
            return c.choice(
                [
                    asm(self.word(), "BLOCKHASH"),
                    asm("NUMBER", c.randrange(300), "SWAP1 SUB BLOCKHASH"),
                    asm("PREVRANDAO"),
                ]
            )
        if kind < 0.985:
            return asm(c.randrange(3), "BLOBHASH")
        if kind < 0.99:
            return asm(self.address(), "SELFDESTRUCT")
        return bytes([c.randrange(256)])

    def call(self) -> bytes:
        c = self.chance
        kind = c.choice(["CALL", "CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"])
        out = asm(self.size(), self.place(), self.size(), self.place())
        if kind in ("CALL", "CALLCODE"):
            out += push(c.choice([0, 0, 0, 1, 7, 10**30]))
        out += push(self.address())
        out += asm("GAS") if c.random() < 0.6 else push(c.choice([0, 1, 100, 2300, 30_000, 2**256 - 1]))
        out += asm(kind)
        if c.random() < 0.5:
            out += asm("RETURNDATASIZE PUSH0 PUSH0 RETURNDATACOPY")
        return out

    def create(self) -> bytes:
        """CREATE or CREATE2 of a small program that is written into memory first; then perhaps a call of it."""
        c = self.chance
        inner = Programs(c, self.known, anywhere=self.anywhere)
        body = b"".join(inner.simple() for _ in range(c.randrange(3)))
        runtime = b"".join(inner.simple() for _ in range(c.randrange(1, 4)))[:200]
        code = body + returning(runtime) if c.random() < 0.85 else body + c.choice([b"", asm("INVALID"), b"\xef"])
        out = b""
        for start in range(0, len(code), 32):
            out += asm(code[start : start + 32].ljust(32, b"\0"), start, "MSTORE")
        value = c.choice([0, 0, 0, 1])
        if c.random() < 0.5:
            out += asm(c.randrange(3), len(code), 0, value, "CREATE2")
        else:
            out += asm(len(code), 0, value, "CREATE")
        if c.random() < 0.6:
            out += asm("PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 DUP6 GAS CALL")
        return out

    def simple(self) -> bytes:
        """A piece without creations and branches (which would grow without end)."""
        c = self.chance
        kind = c.random()
        if kind < 0.3:
            return asm(c.choice([0, 1, self.word()]), c.randrange(3), "SSTORE")
        if kind < 0.5:
            return asm(c.randrange(40), c.randrange(40), "LOG0")
        if kind < 0.6:
            return asm(self.address(), "SELFDESTRUCT")
        if kind < 0.7:
            return asm(self.word(), 1, "TSTORE", 1, "TLOAD", 2, "SSTORE")
        if kind < 0.8:
            return self.call()
        if kind < 0.85:
            return asm(c.randrange(40), c.randrange(40), "REVERT")
        return asm(self.word(), self.place(), "MSTORE")

    def branch(self) -> bytes:
        """A forward jump over a piece, taken or not; the target is relative, by PC."""
        piece = self.simple()
        condition = self.chance.choice([0, 1])
        skip = bytes([0x61]) + (6 + len(piece)).to_bytes(2, "big")  # from PC itself to the JUMPDEST
        return push(condition) + asm("PC") + skip + asm("ADD JUMPI") + piece + asm("JUMPDEST")

    def program(self) -> bytes:
        c = self.chance
        body = b"".join(self.step() for _ in range(c.randrange(1, 14)))
        end = c.random()
        if end < 0.45:
            body += asm(c.choice([0, 1, 32, 64, 100]), c.randrange(64), "RETURN")
        elif end < 0.55:
            body += asm(c.choice([0, 1, 32, 64, 100]), c.randrange(64), "REVERT")
        elif end < 0.65:
            body += asm(self.address(), "SELFDESTRUCT")
        elif end < 0.70:
            body += c.choice([asm("INVALID"), asm(c.randrange(300), "JUMP"), b"\x60"])
        return body


def returning(runtime: bytes) -> bytes:
    """Creation code that copies ``runtime`` from its own end, wherever that is, and returns it."""
    # CODESIZE - len(runtime) is where it starts
    return asm(len(runtime), "DUP1 DUP1 CODESIZE SUB PUSH0 CODECOPY PUSH0 RETURN") + runtime


SENDERS = [(0x5EED + n).to_bytes(32, "big") for n in range(3)]


def scenario(seed: int, length: int, *, anywhere: bool = True, base_fee: int = 0) -> Scenario:
    """A run of ``length`` transactions that build on one another."""
    return Scenario(random.Random(seed), length, anywhere, base_fee)


class Scenario:
    """Makes the next transaction, given the state so far."""

    def __init__(self, chance: random.Random, length: int, anywhere: bool, base_fee: int) -> None:
        from eth_account import Account as Keys

        self.chance = chance
        self.left = length
        self.anywhere = anywhere
        self.base_fee = base_fee
        self.keys = [Keys.from_key(key) for key in SENDERS]
        self.addresses = [bytes.fromhex(key.address[2:]) for key in self.keys]
        self.known: list[bytes] = list(self.addresses)

    def genesis(self) -> Memory:
        return Memory(accounts={address: Account(0, 10**20, EMPTY_CODE) for address in self.addresses})

    def next(self, state: Memory) -> Transaction:
        """A transaction from one of the senders (not signed; ``fields`` gives what to sign)."""
        c = self.chance
        programs = Programs(c, self.known, anywhere=self.anywhere)
        sender = c.choice(self.addresses)
        contracts = [a for a in self.known if a not in self.addresses]
        to, data = b"", b""
        kind = c.random()
        if kind < 0.35 or not contracts:
            data = returning(programs.program())
            if c.random() < 0.3:
                data = b"".join(programs.step() for _ in range(c.randrange(4))) + data
        elif kind < 0.40:
            data = programs.program()
        elif kind < 0.92:
            to, data = c.choice(contracts), c.randbytes(c.choice([0, 4, 32, 36, 68]))
        else:
            to = programs.address()
        price = self.base_fee + c.choice([0, 0, 1, 3])
        access = []
        if c.random() < 0.2:
            for _ in range(c.randrange(1, 3)):
                access.append((programs.address(), tuple(c.randrange(4) for _ in range(c.randrange(3)))))
        shape = Transaction(
            kind=2,
            chain_id=CHAIN_ID,
            nonce=state.account(sender).nonce,
            gas=0,
            max_fee=price,
            tip=min(price, c.choice([0, 1, 2])),
            to=to,
            value=c.choice([0, 0, 0, 1, 1000]),
            data=data,
            access_list=tuple(access),
            sender=sender,
        )
        least = shape.intrinsic_gas()
        gas = least + (c.randrange(60_000) if c.random() < 0.2 else c.choice([400_000, 1_000_000, 3_000_000]))

        return shape._replace(gas=gas)

    def learn(self, created: bytes | None, status: bool) -> None:
        """Remember a contract, so that later programs call it."""
        if created is not None and status:
            self.known.append(created)
            if len(self.known) > 12:
                self.known.pop(len(self.addresses))


def signed(key: bytes, transaction: Transaction) -> bytes:
    """The EIP-1559 bytes of a transaction, signed."""
    import coincurve

    t = transaction
    fields: list[object] = [number_bytes(n) for n in (CHAIN_ID, t.nonce, t.tip, t.max_fee, t.gas)]
    fields += [t.to, number_bytes(t.value), t.data]
    fields.append([[a, [s.to_bytes(32, "big") for s in slots]] for a, slots in t.access_list])
    digest = keccak(b"\x02" + encode(fields))
    s = coincurve.PrivateKey(key).sign_recoverable(digest, hasher=None)
    fields += [number_bytes(s[64]), s[:32].lstrip(b"\0"), s[32:64].lstrip(b"\0")]
    return b"\x02" + encode(fields)


assert OPCODES["PUSH0"] == 0x5F
