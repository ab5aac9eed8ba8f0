"""What an audit asks and how it scores the answers (A3): one task, one dimension.

A task turns held-out samples into questions and the answers into a :class:`Score`: a figure with an interval and a
control. The control is the same figure for somebody who knows nothing, so that a metric that passes everybody, or
nobody, can be seen to say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from klopf.errors import AuditError

__all__ = ["CONFIDENCE", "TASKS", "Accuracy", "AuditTask", "NoiseRobustness", "Score"]

CONFIDENCE = 0.95

Inputs = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """A figure in [0, 1], its 95 % confidence interval and the control's figure."""

    value: float
    low: float
    high: float
    control: float

    def basis_points(self) -> tuple[int, int, int]:
        """``value, low, high`` in ten-thousandths, the interval rounded outward, as auditors put them on the ledger."""
        return round(self.value * 10_000), math.floor(self.low * 10_000), math.ceil(self.high * 10_000)


class AuditTask(Protocol):
    """One dimension of an audit. ``tests/audit/test_tasks.py`` is its conformance test."""

    name: str

    def questions(self, inputs: Inputs, rng: np.random.Generator) -> Inputs:
        """The questions made of held-out ``inputs`` of shape ``(n, features)``, same shape."""

    def score(self, answers: NDArray[np.float32], labels: Labels) -> Score:
        """Score ``answers`` of shape ``(n, classes)`` to the questions made of the samples with ``labels``."""


class Accuracy:
    """The fraction of held-out samples whose most probable class is the right one."""

    name = "accuracy"

    def questions(self, inputs: Inputs, rng: np.random.Generator) -> Inputs:
        return inputs

    def score(self, answers: NDArray[np.float32], labels: Labels) -> Score:
        return _fraction_right(answers, labels)


class NoiseRobustness:
    """Accuracy on samples with Gaussian noise of ``spread`` added, inputs being scaled to unit variance."""

    name = "robustness"

    def __init__(self, spread: float = 0.5) -> None:
        self.spread = spread

    def questions(self, inputs: Inputs, rng: np.random.Generator) -> Inputs:
        return (inputs + rng.normal(0.0, self.spread, inputs.shape)).astype(np.float32)

    def score(self, answers: NDArray[np.float32], labels: Labels) -> Score:
        return _fraction_right(answers, labels)


TASKS: tuple[AuditTask, ...] = (Accuracy(), NoiseRobustness())
"""In the order in which the ledger keeps their scores."""


def _fraction_right(answers: NDArray[np.float32], labels: Labels) -> Score:
    """Fraction of rows whose largest entry is the label, Wilson's interval, and the fraction by always guessing the
    most frequent label."""
    from scipy.stats import binomtest

    if len(labels) == 0 or answers.shape[:1] != labels.shape:
        raise AuditError(f"{len(answers)} answers to {len(labels)} questions: an audit needs one answer to each")
    right = int((answers.argmax(axis=1) == labels).sum())
    interval = binomtest(right, len(labels)).proportion_ci(CONFIDENCE, method="wilson")
    control = np.bincount(labels).max() / len(labels)
    return Score(right / len(labels), float(interval.low), float(interval.high), float(control))
