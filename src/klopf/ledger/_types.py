"""What the contracts answer, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from klopf.ledger._parameters import task_id, task_name
from klopf.neuron import Standing

__all__ = [
    "Account",
    "Column",
    "Dispute",
    "EpochTotals",
    "Now",
    "Participant",
    "Phase",
    "Result",
    "Role",
    "Score",
    "Sent",
    "Standing",
]


class Role(IntEnum):
    """What a participant does."""

    NONE = 0
    NEURON = 1
    AUDITOR = 2
    REQUESTER = 3


class Phase(IntEnum):
    """The two halves of an epoch."""

    LISTEN = 0
    CLAIM = 1


@dataclass(frozen=True)
class Now:
    """Where the clock stands. Times are seconds since 1970; ``time`` is the chain's own."""

    epoch: int
    phase: Phase
    deadline: int
    arrived: int
    expected: int
    time: int


@dataclass(frozen=True)
class Participant:
    """One participant as it is registered now."""

    id: int
    role: Role
    standing: Standing
    owner: str
    key: str
    endpoint: str
    fingerprint: bytes
    """SHA-256 of the certificate, 32 bytes."""
    certificate: bytes
    """DER."""
    model: str
    commitment: bytes
    """Hash of the model snapshot that answers, 32 bytes; zeros before the first post."""
    utility: float
    """Bias-corrected, as of the last closed epoch."""
    age: int
    """In epochs."""
    passed: bool
    """Outcome of the last audit."""
    failed: int
    """Audits failed in a row."""
    stake: int
    accounted: int
    """Epochs of its age that its utility contains; the others nobody has collected yet."""


@dataclass(frozen=True)
class Account:
    """What a participant has at stake."""

    staked: int
    thawing: int
    ready_at: int
    slashed: int


@dataclass(frozen=True)
class Column:
    """How a speaker was heard in an epoch."""

    consensus: int
    rank: int
    fees: int
    claimed: bool
    collected: bool
    weighed: bool = False
    """How it was heard counts for its standing; its money may still wait for the dispute window."""
    voided: bool = False
    """It signed a receipt that it did not post: no compute reward."""


@dataclass(frozen=True)
class Dispute:
    """A receipt that a speaker was not paid for. ``answer_by`` is in seconds since 1970."""

    leaf: bytes
    fee: int
    answer_by: int
    open: bool


@dataclass(frozen=True)
class EpochTotals:
    """Sums over an epoch."""

    rank: int
    stake: int
    pool: int


@dataclass(frozen=True)
class Score:
    """What one auditor found in one task, and its 95 % interval, in 1/10,000."""

    value: int
    low: int
    high: int


@dataclass(frozen=True)
class Result:
    """What one auditor found about one neuron: a score for each task, by the task's name."""

    neuron: int
    scores: Mapping[str, Score]

    def as_tuple(self) -> tuple[Any, ...]:
        """As the contract has it: by task."""
        rows = sorted((task_id(task), s.value, s.low, s.high) for task, s in self.scores.items())
        return self.neuron, rows

    @classmethod
    def from_tuple(cls, row: tuple[int, Iterable[tuple[bytes, int, int, int]]]) -> Result:
        """From the contract's struct."""
        neuron, scores = row
        return cls(neuron, {task_name(task): Score(*rest) for task, *rest in scores})


@dataclass(frozen=True)
class Sent:
    """A transaction that went through."""

    hash: str
    block: int
    gas: int
    logs: tuple[dict[str, Any], ...]
