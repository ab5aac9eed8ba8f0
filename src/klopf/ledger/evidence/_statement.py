"""What a neuron signs for an auditor: its answers to what it was asked, with which model, in which epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._receipts import Domain, merkle, path_to_root

__all__ = ["TOLERANCE", "Said", "Statement", "answer_hash", "contrary"]

TOLERANCE = 10_000
"""By how much two answers may differ beside a hundredth of the larger one, in millionths."""
_SAID = keccak(b"Said(uint32 epoch,uint32 neuron,uint32 auditor,bytes32 model,bytes32 root)")
_FIELDS = ("bytes32", "uint32", "uint32", "uint32", "bytes32", "bytes32")


def answer_hash(values: Sequence[int]) -> bytes:
    """Of an answer in numbers, each in millionths: that of ``abi.encode(int256[])``."""
    words = [32, len(values), *values]
    return bytes(keccak(b"".join(word.to_bytes(32, "big", signed=True) for word in words)))


def contrary(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two answers, in millionths, cannot both be one model's: rounding does not bring them so far apart."""
    if len(first) != len(second):
        return True
    return any(abs(a - b) > TOLERANCE + max(abs(a), abs(b)) // 100 for a, b in zip(first, second, strict=True))


@dataclass(frozen=True)
class Said:
    """A neuron's answers to what an auditor asked at once, under one root."""

    epoch: int
    neuron: int
    auditor: int
    model: bytes
    """32 bytes: commitment of the model that answered."""
    pairs: tuple[tuple[bytes, bytes], ...]
    """The hashes of each question and of the answer to it, 32 bytes each; one pair at least."""

    @cached_property
    def _leaves(self) -> list[bytes]:
        return [bytes(keccak(keccak(question + answer))) for question, answer in self.pairs]

    @cached_property
    def _levels(self) -> list[list[bytes]]:
        return merkle(self._leaves)

    @property
    def root(self) -> bytes:
        """Over all pairs."""
        return self._levels[-1][0]

    def proof(self, place: int) -> tuple[bytes, ...]:
        """That a pair is under the root."""
        return tuple(path_to_root(self._levels, self._leaves[place]))

    def digest(self, domain: Domain) -> bytes:
        """What the neuron signs, in the domain of ``Challenges``."""
        said = (_SAID, self.epoch, self.neuron, self.auditor, self.model, self.root)
        return domain.digest(bytes(keccak(encode(_FIELDS, said))))


@dataclass(frozen=True)
class Statement:
    """One of the answers that a neuron signed, in numbers."""

    said: Said
    signature: bytes
    place: int
    """Of its pair."""
    values: tuple[int, ...]
    """In millionths."""

    @property
    def pair(self) -> tuple[bytes, bytes]:
        """The hashes of question and answer."""
        return self.said.pairs[self.place]

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        said = self.said
        return said.auditor, said.root, list(self.values), list(said.proof(self.place)), self.signature
