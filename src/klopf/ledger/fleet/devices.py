"""Devices as tokens: who owns which, and what it was made of at birth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._receipts import Domain
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.keys import Key, checksum

__all__ = [
    "Approval",
    "ApprovalForAll",
    "Born",
    "Devices",
    "DevicesReplay",
    "EIP712DomainChanged",
    "KeyRotated",
    "Transfer",
]


@dataclass(frozen=True)
class Born(Event):
    id: int
    owner: str
    key: str
    cores: int
    teraflops: int
    memory_mib: int
    description: bytes


@dataclass(frozen=True)
class KeyRotated(Event):
    id: int
    key: str


@dataclass(frozen=True)
class Transfer(Event):
    sender: str
    to: str
    id: int


@dataclass(frozen=True)
class Approval(Event):
    owner: str
    approved: str
    id: int


@dataclass(frozen=True)
class ApprovalForAll(Event):
    owner: str
    operator: str
    approved: bool


@dataclass(frozen=True)
class EIP712DomainChanged(Event):
    pass


class DevicesReplay(Replay):
    """Owners, and what each device is made of."""

    def begin(self) -> None:
        self.owners: dict[int, str] = {}
        self.parts: dict[int, tuple[int, int, int]] = {}
        """Cores, teraflops and MiB of memory."""
        self.keys: dict[int, str] = {}
        self.sales: Counter[int] = Counter()
        self.on_sale: Callable[[Transfer], None] = lambda e: None
        """What a sale means for where a device works; set by whoever keeps that account."""

    def on_Born(self, e: Born) -> None:
        self.differ(f"id of {self.where(e)}", len(self.parts) + 1, e.id)
        self.differ(f"owner of {self.where(e)}", self.owners.get(e.id), e.owner)
        self.parts[e.id] = (e.cores, e.teraflops, e.memory_mib)
        self.keys[e.id] = e.key

    def on_KeyRotated(self, e: KeyRotated) -> None:
        self.keys[e.id] = e.key

    def on_Transfer(self, e: Transfer) -> None:
        self.differ(f"owner before {self.where(e)}", self.owners.get(e.id, ZERO), e.sender)
        self.met(e, e.sender, e.to, e.id)
        self.owners[e.id] = e.to
        if e.sender not in (ZERO, e.to):
            self.on_sale(e)
            self.sales[e.id] += 1

    def compare(self) -> None:
        for id, owner in self.owners.items():
            self.differ(f"the contract's owner of device {id}", owner, self.client(Devices).owner(id))
            self.differ(f"the contract's key of device {id}", self.keys[id], self.client(Devices).key(id))
            self.differ(f"the contract's sales of device {id}", self.sales[id], self.client(Devices).sales(id))


class Devices(Contract):
    """Devices as tokens."""

    name = "Devices"
    events = (Born, KeyRotated, Transfer, Approval, ApprovalForAll, EIP712DomainChanged)
    needs_none = (Approval, ApprovalForAll, EIP712DomainChanged)
    """Who may sell a device moves none."""
    replay = DevicesReplay

    def mint(self, key: Key, cores: int, teraflops: int, memory_mib: int, description: bytes) -> int:
        """Bring in the device that holds ``key``; returns its id. ``description`` is 32 bytes of hash."""
        self._ledger.send(self.address, self.birth(key, cores, teraflops, memory_mib, description))
        return int(self._read("idOf", key.address))

    def birth(self, key: Key, cores: int, teraflops: int, memory_mib: int, description: bytes) -> bytes:
        """The call that brings a device in for this ledger's key, signed by the device."""
        kind = keccak(b"Birth(address owner,uint16 cores,uint16 teraflops,uint32 memoryMiB,bytes32 description)")
        types = ("bytes32", "address", "uint16", "uint16", "uint32", "bytes32")
        values = (kind, self._ledger.me.address, cores, teraflops, memory_mib, description)
        domain = Domain(self._ledger.deployment.chain_id, self.address, "Klopf Devices")
        proof = key.sign(domain.digest(bytes(keccak(encode(types, values)))))
        arguments = (key.address, cores, teraflops, memory_mib, description, proof)
        return self._functions["mint"].call_data(arguments)

    def owner(self, id: int) -> str:
        """Who owns a device now."""
        return checksum(self._read("ownerOf", id))

    def rotate_key(self, id: int, key: Key) -> Sent:
        """Give a device of one's own another key."""
        kind = keccak(b"KeyProof(address owner,uint256 device)")
        said = keccak(encode(("bytes32", "address", "uint256"), (kind, self._ledger.me.address, id)))
        domain = Domain(self._ledger.deployment.chain_id, self.address, "Klopf Devices")
        return self._write("rotateKey", id, key.address, key.sign(domain.digest(bytes(said))))

    def key(self, id: int) -> str:
        """The address of a device's key."""
        return checksum(self._read("device", id)[0])

    def sales(self, id: int) -> int:
        """How often a device has changed its owner; what it signs is bound to that."""
        return int(self._read("salesOf", id))

    def owner_at(self, id: int, time: int) -> str:
        """Who owned it, and so what it recorded, at a time; the zero address before its birth."""
        return checksum(self._read("ownerAt", id, time))

    def transfer(self, id: int, to: str) -> Sent:
        """Give it, with what it earns and records from now on, to somebody else."""
        return self._write("transferFrom", self._ledger.me.address, to, id)

    def approve(self, spender: str, id: int) -> Sent:
        """Let one contract pass a device of one's own on, once."""
        return self._write("approve", spender, id)
