"""Whether probabilities mean what they say."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import CONFIDENCE, AuditTask, Score

__all__ = ["Calibration"]

_BINS = 10
_RESAMPLED = 400


class Calibration(AuditTask):
    """One less the expected calibration error: how far the confidence in an answer lies from how often it is right, by
    ten equal bins of confidence, weighted by how many answers are in each (Guo et al., ICML 2017).

    The interval is the bootstrap's, from a fixed seed, widened to hold the value where the small sample's bias moves it
    away. The control answers every question with how frequent each class is: it is calibrated, and says nothing. So
    this figure is to be read beside the accuracy, and has no mark of its own.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    fewest: ClassVar[int] = 20
    asks: ClassVar[str] = "whether it is as often right as it is sure"

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        value = 1.0 - _error(answers, targets)
        rng = np.random.default_rng(0)
        again = rng.integers(0, len(targets), (_RESAMPLED, len(targets)))
        tried = [1.0 - _error(answers[rows], targets[rows]) for rows in again]
        low, high = np.quantile(tried, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        control = 1.0 - _error(self.task.know_nothing(targets, len(targets)), targets)
        return Score(value, min(float(low), value), max(float(high), value), control, 1.0 - _errors(answers, targets))


def _error(answers: NDArray[Any], targets: NDArray[Any]) -> float:
    """The expected calibration error, in [0, 1]."""
    return float(_errors(answers, targets).mean())


def _errors(answers: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
    """What each question adds to that error, ``(n,)``: by how much its confidence misses, in the direction in which its
    bin does."""
    confidence = np.minimum(answers.max(axis=1).astype(np.float64), 1.0)
    right = answers.argmax(axis=1) == targets
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=_BINS)
    each: NDArray[np.float64] = np.sign(gaps)[bins] * (right - confidence)
    return each
