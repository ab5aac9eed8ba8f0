"""Prediction intervals that keep their promise while the world changes: quantiles of errors, followed online.

Every error is divided by the deviation that was expected of it. Of what comes out, ``r``, a quantile ``q`` for each
level is followed in logarithms (Gibbs and Candès, *Adaptive conformal inference under distribution shift*, NeurIPS
2021, equation 2, on the quantile itself instead of the level; with a pace relative to it, so that no scale must be
known):

    log q <- log q + pace * (1[r > q] - (1 - level))

Whatever the stream, the share of errors within ``q`` then is the level, up to ``(log q_T - log q_0) / (pace * T)``.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from klopf.errors import MindError

__all__ = ["LEVELS", "Intervals", "checked_level"]

LEVELS = (*(k / 20 for k in range(1, 20)), 0.975, 0.99, 0.995)
"""The levels that are followed; between them the quantiles are interpolated."""

_PACE = 0.03
_HORIZON = 100.0


class Intervals:
    """Half-widths of intervals around predictions of one target."""

    def __init__(self) -> None:
        self.count = 0
        self._variance = 0.0
        # a normal's quantiles, to begin with
        self._log = np.log([NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS])
        self._misses = 1.0 - np.array(LEVELS)

    def deviation(self, expected: float) -> float:
        """The deviation of an error of which the learner expects this variance; 0 where it says nothing of it."""
        return math.sqrt(max(self._variance, 0.0))

    def learn(self, error: float, expected: float = 0.0) -> None:
        """One error, and the variance that was expected of it."""
        deviation = self.deviation(expected)
        if self.count > 0 and deviation > 0:
            pace = max(_PACE, 1.0 / (self.count + 1.0) ** 0.7)
            missed = math.log(max(abs(error) / deviation, 1e-12)) > self._log
            self._log += pace * (missed - self._misses)
        self.count += 1
        self._variance += max(1.0 / self.count, 1.0 / _HORIZON) * (error * error - self._variance)

    def half(self, level: float, expected: float = 0.0) -> float:
        """Half the width of the interval that holds the target with probability ``level``."""
        quantiles = np.exp(np.sort(self._log))
        return float(np.interp(checked_level(level), LEVELS, quantiles)) * self.deviation(expected)


def checked_level(level: float) -> float:
    """``level``, where it is a probability that can be promised.

    Raises:
        MindError: it is not from .05 to .995.
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not LEVELS[0] <= level <= LEVELS[-1]:
        raise MindError(f"level={level!r} must be a probability from {LEVELS[0]} to {LEVELS[-1]}")
    return float(level)
