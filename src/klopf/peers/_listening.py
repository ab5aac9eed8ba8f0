"""Learning whom to listen to (P4): neighbours' answers are inputs, with listening weights, step-sizes and utilities.

A listener is one layer of Klopf units, one unit a class. The voice of neighbour ``k`` for class ``c`` is the
probability ``p[k, c]`` that it answered; the unit for ``c`` gives it a weight ``a[k, c] >= 0`` and says

    z[c] = b[c] + sum over k of a[k, c] * p[k, c],        combined answer = softmax(z).

Weights follow the gradient of the cross-entropy, one sample at a time. They cannot go below zero: to listen to
somebody because he is always wrong would pay him for lying. A newcomer starts at weight zero with a small step-size
(R5); its step-size grows only with its utility (R1), which is also what it is paid by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import neuron

__all__ = ["Ear", "Listener"]

Answers = Mapping[int, NDArray[np.float32]]
"""Probabilities of shape ``(n, classes)`` by the id of the neighbour who answered."""


@dataclass
class Ear:
    """What a listener keeps about one neighbour."""

    weight: NDArray[np.float64]
    """Listening weights, shape ``(classes,)``, never negative."""
    utility: float = 0.0
    age: int = 0
    """Samples on which it has been heard."""
    tried: int = 0
    """The round in which it was last asked."""


@dataclass
class Listener:
    """Learns, from labelled samples and the neighbours' answers to them, how much to listen to each.

    Args:
        classes: number of classes answered over.
        decay: eta of the utility (R1), in steps of one sample.
        maturity: samples before a neighbour's step-size may grow.
        smallest, largest: step-sizes of a newcomer and of a neighbour with at least a fair share of the listening.
    """

    classes: int
    decay: float = 0.995
    maturity: int = 32
    smallest: float = 0.02
    largest: float = 0.2
    ears: dict[int, Ear] = field(default_factory=dict)
    bias: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    round: int = 0

    def __post_init__(self) -> None:
        if len(self.bias) == 0:
            self.bias = np.zeros(self.classes)

    # ---- choosing

    def choose(self, candidates: Sequence[int], seats: int, fringe_seats: int) -> list[int]:
        """Whom to ask in this round: the best heard, and in ``fringe_seats`` of the seats those longest not tried.

        Returns at most ``seats`` of ``candidates``; everybody, if there are seats for all. Ties go to the lower id.
        """
        self.round += 1
        best = sorted(candidates, key=lambda k: (-self.heard(k), k))[: max(0, seats - fringe_seats)]
        others = sorted((k for k in candidates if k not in best), key=lambda k: (self._last_tried(k), k))
        chosen = best + others[: seats - len(best)]
        for k in chosen:
            self._ear(k).tried = self.round
        return chosen

    def _last_tried(self, k: int) -> int:
        return self.ears[k].tried if k in self.ears else 0

    # ---- listening

    def combine(self, answers: Answers) -> NDArray[np.float64]:
        """The combined answer, shape ``(n, classes)``: gating by the listening weights. Changes nothing."""
        n = len(next(iter(answers.values()))) if answers else 0
        drive = np.tile(self.bias, (n, 1))
        for k, voice in answers.items():
            if k in self.ears:
                drive += self.ears[k].weight * voice
        return _softmax(drive)

    def learn(self, answers: Answers, labels: NDArray[np.int64]) -> float:
        """Learn from the labels of the samples answered, in order; returns the mean loss in nats before each step."""
        if not answers or len(labels) == 0:
            return 0.0
        ids = sorted(answers)
        ears = [self._ear(k) for k in ids]
        voices = np.stack([np.asarray(answers[k], dtype=np.float64) for k in ids], axis=1)  # (n, neighbours, classes)
        weights = np.stack([ear.weight for ear in ears])
        loss = 0.0
        for voice, label in zip(voices, labels, strict=True):
            said = _softmax(self.bias + (weights * voice).sum(axis=0))
            loss -= float(np.log(max(said[label], 1e-12)))
            error = -said
            error[label] += 1.0
            step = self._step_sizes(ears)
            weights = np.maximum(0.0, weights + step[:, None] * voice * error)
            self.bias += self.smallest * error
            contribution = (weights * voice).sum(axis=1)
            for ear, activity in zip(ears, contribution, strict=True):
                # The voice's classes are heard by one unit each: |activity| * |listening|, summed over them.
                ear.utility = neuron.updated_utility(ear.utility, float(activity), 1.0, self.decay)
                ear.age += 1
        for ear, weight in zip(ears, weights, strict=True):
            ear.weight = weight
        return loss / len(labels)

    def _step_sizes(self, ears: Sequence[Ear]) -> NDArray[np.float64]:
        utilities = [neuron.corrected_utility(ear.utility, ear.age, self.decay) for ear in ears]
        fair = sum(utilities) * neuron.fair_share(len(ears))
        return np.array(
            [
                neuron.admitted_step_size(ear.age, utility, fair, self.smallest, self.largest, self.maturity)
                for ear, utility in zip(ears, utilities, strict=True)
            ]
        )

    # ---- what it amounts to

    def heard(self, k: int) -> float:
        """Corrected utility of neighbour ``k``; 0 for one never heard."""
        ear = self.ears.get(k)
        return 0.0 if ear is None else neuron.corrected_utility(ear.utility, ear.age, self.decay)

    def shares(self, among: Sequence[int]) -> dict[int, float]:
        """How this listener's attention divides over ``among``: utilities normalised to sum 1 (all 0 if unheard)."""
        heard = {k: self.heard(k) for k in among}
        total = sum(heard.values())
        return {k: (h / total if total > 0 else 0.0) for k, h in heard.items()}

    def forget(self, k: int) -> None:
        """Remove a neighbour that fell silent; nothing of it is inherited by who takes its place (R6)."""
        self.ears.pop(k, None)

    def _ear(self, k: int) -> Ear:
        if k not in self.ears:
            self.ears[k] = Ear(np.zeros(self.classes))
        return self.ears[k]

    # ---- a life

    def to_json(self) -> dict[str, Any]:
        """All that is needed to go on as if nothing had happened; exact, since floats are written in full."""
        return {
            "classes": self.classes, "decay": self.decay, "maturity": self.maturity,
            "smallest": self.smallest, "largest": self.largest, "bias": self.bias.tolist(), "round": self.round,
            "ears": {str(k): {"weight": e.weight.tolist(), "utility": e.utility, "age": e.age, "tried": e.tried}
                     for k, e in self.ears.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Listener:
        ears = {
            int(k): Ear(np.array(e["weight"]), e["utility"], e["age"], e["tried"]) for k, e in saved["ears"].items()
        }
        rest = {name: saved[name] for name in ("classes", "decay", "maturity", "smallest", "largest", "round")}
        return cls(**rest, bias=np.array(saved["bias"]), ears=ears)


def _softmax(drive: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(drive - drive.max(axis=-1, keepdims=True))
    result: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return result
