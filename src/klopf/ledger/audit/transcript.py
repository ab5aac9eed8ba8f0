"""The transcript of an audit: what was asked and answered, question by question, under one root.

The root is that of a Merkle sum tree: every node stands for so many questions, the sum of their scores and of the
squares of these, and its hash covers those of both its children. Whoever opens one leaf thereby shows what all others
add up to: what an auditor reveals is what its leaves add up to, or there is a question that it cannot open. The tree is
sorted by question, and a node covers the first and the last below it, too: no two places open with one question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger.audit.audits import Counts

__all__ = ["Answered", "Node", "Transcript"]

_LEAF = ("bytes32", "bytes32", "uint32", "int64", "bytes32")
_INNER = ("bytes32", "uint16", "int64", "uint64", "bytes32", "bytes32") * 2


@dataclass(frozen=True)
class Answered:
    """One question of a transcript."""

    question: bytes
    """32 bytes: the hash of what was asked."""
    answer: bytes
    """32 bytes: the hash of what was answered."""
    right: int
    """The right class, counted from 1; 0 where what is right is no class."""
    score: int
    """In 1/10,000."""
    said: bytes = bytes(32)
    """32 bytes: the root of what the neuron signed; zeros where it signed nothing."""

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return self.question, self.answer, self.right, self.score, self.said

    @property
    def node(self) -> Node:
        """Its leaf, hashed twice, so that no inner node can pass for one."""
        return Node(
            bytes(keccak(keccak(encode(_LEAF, self.as_tuple())))),
            1,
            self.score,
            self.score**2,
            self.question,
            self.question,
        )


@dataclass(frozen=True)
class Node:
    """A node of the tree: its hash, what the questions below it add up to, and between which they lie."""

    hash: bytes
    asked: int
    sum: int
    squares: int
    first: bytes
    """32 bytes: the least hash of a question below it."""
    last: bytes
    """32 bytes: the greatest."""

    def as_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return self.hash, self.asked, self.sum, self.squares, self.first, self.last

    def __add__(self, right: Node) -> Node:
        """The parent of two."""
        digest = bytes(keccak(encode(_INNER, (*self.as_tuple(), *right.as_tuple()))))
        asked, squares = self.asked + right.asked, self.squares + right.squares
        return Node(digest, asked, self.sum + right.sum, squares, self.first, right.last)


class Transcript:
    """The tree over an audit's questions in one task, by question, each once; one at least. Of a question that is there
    twice the first counts."""

    def __init__(self, answered: Sequence[Answered]) -> None:
        each = {one.question: one for one in reversed(answered)}
        self.answered = tuple(each[question] for question in sorted(each))

    @cached_property
    def _levels(self) -> list[list[Node]]:
        levels = [[one.node for one in self.answered]]
        while len(level := levels[-1]) > 1:
            pairs = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
            levels.append(pairs + level[len(level) - len(level) % 2 :])
        return levels

    @property
    def counts(self) -> Counts:
        """What is revealed of it."""
        (root,) = self._levels[-1]
        return Counts(root.asked, root.sum, root.squares, root.hash)

    def proof(self, place: int) -> list[Node]:
        """What stands beside the path from a question to the root; the place says on which side."""
        path, at = [], place
        for level in self._levels[:-1]:
            if at ^ 1 < len(level):
                path.append(level[at ^ 1])
            at //= 2
        return path
