"""Receipts: how a listener listened to a speaker in one epoch, signed by both ends, and the Merkle tree of them.

The digest is EIP-712 and binds chain and settlement contract, so a receipt is worth nothing anywhere else. Leaves are
hashed twice and pairs sorted, as OpenZeppelin's ``MerkleProof`` expects.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf import files
from klopf.errors import LedgerError
from klopf.ledger import keys

__all__ = [
    "ATTENTION",
    "Domain",
    "Receipt",
    "ReceiptTree",
    "SignedReceipt",
    "load_receipts",
    "merkle",
    "path_to_root",
    "root_from",
    "save_receipts",
]

ATTENTION = 65535
"""The weights of one listener in one epoch sum to at most this."""

_TYPES = ("uint32", "uint32", "uint32", "uint32", "uint16", "bytes32")
_RECEIPT = keccak(b"Receipt(uint32 epoch,uint32 listener,uint32 speaker,uint32 answers,uint16 weight,bytes32 trail)")
_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@dataclass(frozen=True)
class Domain:
    """The EIP-712 domain of a contract on a chain."""

    chain_id: int
    contract: str
    name: str = "Klopf"

    @cached_property
    def separator(self) -> bytes:
        return bytes(
            keccak(
                encode(
                    ("bytes32", "bytes32", "bytes32", "uint256", "address"),
                    (_DOMAIN, keccak(self.name.encode()), keccak(b"1"), self.chain_id, self.contract),
                )
            )
        )

    def digest(self, struct_hash: bytes) -> bytes:
        """What is signed for a struct."""
        return bytes(keccak(b"\x19\x01" + self.separator + struct_hash))


@dataclass(frozen=True)
class Receipt:
    """``listener`` listened to ``speaker`` in ``epoch``: ``answers`` answers, with ``weight``."""

    epoch: int
    listener: int
    speaker: int
    answers: int
    weight: int
    """How much of its attention, in 1/65535."""
    trail: bytes
    """32-byte hash over the requests and answers."""

    def __post_init__(self) -> None:
        for name in ("epoch", "listener", "speaker", "answers"):
            if not 0 <= getattr(self, name) < 2**32:
                raise LedgerError(f"a receipt's {name} must be from 0 to 2**32 - 1, not {getattr(self, name)}")
        if not 0 <= self.weight <= ATTENTION:
            raise LedgerError(f"a receipt's weight must be from 0 to {ATTENTION}, not {self.weight}")
        if len(self.trail) != 32:
            raise LedgerError(f"a receipt's trail has 32 bytes, not {len(self.trail)}; hash the requests and answers")

    @cached_property
    def _encoded(self) -> bytes:
        return bytes(encode(_TYPES, self.as_tuple()))

    @cached_property
    def leaf(self) -> bytes:
        """Its leaf in the Merkle tree."""
        return bytes(keccak(keccak(self._encoded)))

    def digest(self, domain: Domain) -> bytes:
        """What both ends sign."""
        return domain.digest(bytes(keccak(_RECEIPT + self._encoded)))

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return (self.epoch, self.listener, self.speaker, self.answers, self.weight, self.trail)


@dataclass(frozen=True)
class SignedReceipt:
    """A receipt with both signatures and, once its listener has posted, its proof."""

    receipt: Receipt
    listener_signature: bytes
    speaker_signature: bytes
    proof: tuple[bytes, ...] = ()

    def with_proof(self, proof: Iterable[bytes]) -> SignedReceipt:
        """The same with its path into the listener's posted root."""
        return replace(self, proof=tuple(proof))

    def check(self, domain: Domain, listener_key: str, speaker_key: str) -> None:
        """LedgerError unless both keys (addresses) have signed it."""
        digest = self.receipt.digest(domain)
        for end, signature, key in (
            ("listener", self.listener_signature, listener_key),
            ("speaker", self.speaker_signature, speaker_key),
        ):
            if keys.recover(digest, signature) != key:
                raise LedgerError(f"the receipt is not signed by its {end} {key}; ask that {end} to sign it")

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return (self.receipt.as_tuple(), self.listener_signature, self.speaker_signature, self.proof)

    @property
    def root(self) -> bytes:
        """The root that its proof leads to: what its listener must have posted."""
        return root_from(self.receipt.leaf, self.proof)

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready values: bytes in hexadecimal."""
        r = self.receipt
        return {
            "epoch": r.epoch,
            "listener": r.listener,
            "speaker": r.speaker,
            "answers": r.answers,
            "weight": r.weight,
            "trail": r.trail.hex(),
            "listener_signature": self.listener_signature.hex(),
            "speaker_signature": self.speaker_signature.hex(),
            "proof": [node.hex() for node in self.proof],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> SignedReceipt:
        """Back from :meth:`to_json`. LedgerError where something is missing or malformed."""
        try:
            whole = {name: int(record[name]) for name in ("epoch", "listener", "speaker", "answers", "weight")}
            made = cls(
                Receipt(**whole, trail=bytes.fromhex(record["trail"])),
                bytes.fromhex(record["listener_signature"]),
                bytes.fromhex(record["speaker_signature"]),
                tuple(bytes.fromhex(node) for node in record["proof"]),
            )
            if made.to_json() != record:
                raise ValueError("not as it was written")
        except (KeyError, TypeError, ValueError) as error:
            raise LedgerError(f"this is no receipt ({error}); was the file altered or cut off?") from None
        return made


def save_receipts(path: str | os.PathLike[str], receipts: Iterable[SignedReceipt]) -> None:
    """Write receipts to a file, one JSON object a line, whole or not at all."""
    try:
        files.replace(path, "".join(json.dumps(signed.to_json()) + "\n" for signed in receipts))
    except OSError as error:
        raise LedgerError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from None


def load_receipts(path: str | os.PathLike[str]) -> list[SignedReceipt]:
    """Back from :func:`save_receipts`. LedgerError, naming the line, where a single byte is not as it was written."""
    receipts = []
    try:
        lines = Path(path).read_bytes().decode().splitlines(keepends=True)
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}; name the receipts of the run") from None
    except UnicodeDecodeError:
        raise LedgerError(f"{path} holds bytes that no receipt has; the file was altered") from None
    for number, line in enumerate(lines, 1):
        try:
            signed = SignedReceipt.from_json(json.loads(line))
        except (ValueError, LedgerError) as error:
            raise LedgerError(f"line {number} of {path} is no receipt ({error}); the file was altered") from None
        if line != json.dumps(signed.to_json()) + "\n":
            raise LedgerError(f"line {number} of {path} is not as it was written; the file was altered")
        receipts.append(signed)
    return receipts


def _parent(a: bytes, b: bytes) -> bytes:
    return bytes(keccak(a + b if a < b else b + a))


def root_from(leaf: bytes, proof: Iterable[bytes]) -> bytes:
    """The root that ``proof`` leads ``leaf`` to."""
    for node in proof:
        leaf = _parent(leaf, node)
    return leaf


def merkle(leaves: Iterable[bytes]) -> list[list[bytes]]:
    """The levels of the tree over ``leaves``, the lowest (sorted) first, the root alone in the last."""
    levels = [sorted(leaves) or [bytes(32)]]
    while len(level := levels[-1]) > 1:
        pairs = [_parent(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        levels.append(pairs + level[len(level) - len(level) % 2 :])
    return levels


def path_to_root(levels: list[list[bytes]], leaf: bytes) -> tuple[bytes, ...]:
    """The proof of ``leaf``. ValueError where it is not in the tree."""
    at, path = levels[0].index(leaf), []
    for level in levels[:-1]:
        if at ^ 1 < len(level):
            path.append(level[at ^ 1])
        at //= 2
    return tuple(path)


class ReceiptTree:
    """The Merkle tree over one listener's receipts of one epoch. Its ``root`` is what the listener posts."""

    def __init__(self, receipts: Iterable[Receipt]) -> None:
        self.receipts = tuple(receipts)
        self._levels = merkle(receipt.leaf for receipt in self.receipts)

    @property
    def root(self) -> bytes:
        """32 bytes; zeros for no receipts."""
        return self._levels[-1][0]

    def proof(self, receipt: Receipt) -> tuple[bytes, ...]:
        """The path of ``receipt`` to the root. LedgerError where it is not in the tree."""
        try:
            return path_to_root(self._levels, receipt.leaf)
        except ValueError:
            raise LedgerError("this receipt is not among those of the tree; post a root that holds it") from None
