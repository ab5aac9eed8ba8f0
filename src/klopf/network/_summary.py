"""What a run came to: the one structure that the table, ``summary.json`` and ``report.html`` are made from."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

__all__ = [
    "AuditorRow",
    "Challenge",
    "Contradiction",
    "Dispute",
    "Heard",
    "Link",
    "Moment",
    "NeuronRow",
    "Payment",
    "Summary",
    "to_json",
    "tokens",
]


def to_json(value: Any) -> str:
    """JSON in which money keeps its last digit; ``json.loads(..., parse_float=Decimal)`` reads it back exactly."""
    text = json.dumps(value, indent=2, default=lambda money: f"exactly {money:f}")
    return re.sub(r'"exactly ([-0-9.]+)"', r"\1", text)


def tokens(units: int) -> Decimal:
    """Exact tokens from the ledger's smallest units (10**-18)."""
    return Decimal(units).scaleb(-18)


@dataclass(frozen=True)
class NeuronRow:
    id: int
    name: str
    model: str
    honest: bool
    standing: str
    heard: float
    """Its share of all listening that counted, over the whole run."""
    audit: dict[str, float]
    """The last audit's medians by task, in [0, 1]."""
    earned: Decimal
    slashed: Decimal


@dataclass(frozen=True)
class AuditorRow:
    id: int
    name: str
    honest: bool
    slashed: Decimal


@dataclass(frozen=True)
class Moment:
    """Scores on the held-out test set as they were in one epoch."""

    epoch: int
    network: float
    linear: float
    neurons: dict[str, float]


@dataclass(frozen=True)
class Link:
    """How much ``listener`` listened to ``speaker`` in the last epoch, in [0, 1]."""

    listener: str
    speaker: str
    weight: float


@dataclass(frozen=True)
class Heard:
    """One receipt behind a payment."""

    listener: str
    stake: Decimal
    weight: float
    counted: float
    """The weight after clipping to the column's consensus."""
    answers: int
    fee: Decimal


@dataclass(frozen=True)
class Payment:
    epoch: int
    neuron: str
    emission: Decimal
    fees: Decimal
    share: float
    """Its share of the epoch's emission."""
    consensus: float
    heard: tuple[Heard, ...]

    @property
    def amount(self) -> Decimal:
        return self.emission + self.fees


@dataclass(frozen=True)
class Dispute:
    """A receipt that a speaker says its listener signed and did not post."""

    epoch: int
    listener: str
    speaker: str
    outcome: str
    """``open``, ``answered`` (the receipt is in the listener's root) or ``upheld``."""
    voided: bool
    """The listener loses its compute reward of the epoch."""


@dataclass(frozen=True)
class Challenge:
    """A question of an audit that somebody doubted."""

    epoch: int
    auditor: str
    by: str
    neuron: str
    task: str
    question: int
    """Its place, from 0."""
    outcome: str
    """``open``, ``shown`` or ``upheld``: it was not shown, and the auditor lost stake."""


@dataclass(frozen=True)
class Contradiction:
    """A neuron signed two contrary answers to one question for ``auditor``, and lost stake."""

    epoch: int
    neuron: str
    auditor: str


@dataclass
class Summary:
    name: str
    seed: int
    seconds: float
    measure: str = "accuracy"
    """What the scores are: accuracy, or the variance explained, of which 1 is perfect."""
    unit: str = ""
    """Of numbers, where the task has one."""
    spread: float = 0.0
    """Of numbers: the standard deviation of the test targets, by which a score becomes an error."""
    neurons: list[NeuronRow] = field(default_factory=list)
    auditors: list[AuditorRow] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    challenges: list[Challenge] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    transactions: int = 0
    blocks: int = 0
    supply: Decimal = Decimal(0)
    notes: list[str] = field(default_factory=list)
    """What happened besides: processes that died and came back, participants that missed an epoch."""

    @property
    def scores(self) -> dict[str, float | None]:
        """Of the last epoch: the network, the best neuron by itself, the linear model on pooled data."""
        if not self.moments:
            return {"network": None, "best_neuron": None, "linear": None}
        last = self.moments[-1]
        honest = {row.name for row in self.neurons if row.honest}
        alone = [value for name, value in last.neurons.items() if name in honest]
        return {"network": last.network, "best_neuron": max(alone, default=None), "linear": last.linear}

    @property
    def errors(self) -> dict[str, float | None]:
        """The scores of numbers as root mean squared errors, in their unit; empty for classes."""
        if not self.spread:
            return {}
        return {k: None if v is None else self.spread * max(0.0, 1.0 - v) ** 0.5 for k, v in self.scores.items()}

    def as_dict(self) -> dict[str, Any]:
        """What ``summary.json`` holds; money in tokens."""
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            self.measure.replace(" ", "_"): {k: None if v is None else round(v, 4) for k, v in self.scores.items()},
            **({"error": {**self.errors, "unit": self.unit}} if self.errors else {}),
            "neurons": [
                {
                    "name": row.name, "model": row.model, "honest": row.honest, "standing": row.standing,
                    "heard": round(row.heard, 4), "audit": {k: round(v, 4) for k, v in row.audit.items()},
                    "earned": row.earned, "slashed": row.slashed,
                }
                for row in self.neurons
            ],
            "auditors": [{"name": row.name, "honest": row.honest, "slashed": row.slashed} for row in self.auditors],
            "disputes": [asdict(dispute) for dispute in self.disputes],
            **({"challenges": [asdict(one) for one in self.challenges]} if self.challenges else {}),
            **({"contradictions": [asdict(one) for one in self.contradictions]} if self.contradictions else {}),
            "ledger": {"transactions": self.transactions, "blocks": self.blocks, "supply": self.supply},
        }  # fmt: skip
