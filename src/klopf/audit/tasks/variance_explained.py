"""How much of what is to be known about numbers is known."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import AuditTask, Score

__all__ = ["VarianceExplained"]

_NORMAL = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


class VarianceExplained(AuditTask):
    """The fraction of the targets' variance that is explained, ``1 - squared errors / squared deviations``, averaged
    over the outputs; 0 for whoever is no better than the mean, which is the control.

    The interval is that of a ratio of two means, by the delta method (for instance Cochran, *Sampling Techniques*,
    1977, chapter 6).
    """

    kinds: ClassVar[tuple[str, ...]] = ("numbers",)
    fewest: ClassVar[int] = 8
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "how much of what varies it foresees"
    judges: ClassVar[bool] = True
    mark: ClassVar[float | None] = 0.1

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        right = targets.astype(np.float64)
        deviation = (right - right.mean(axis=0)) ** 2
        variance = deviation.mean(axis=0)
        scale = np.where(variance > 0, variance, 1.0)
        missed = ((answers.astype(np.float64) - right) ** 2 / scale).mean(axis=1)
        known = (deviation / scale).mean(axis=1)
        if known.mean() == 0.0:  # all targets are alike: there is nothing to know
            return Score(0.0, 0.0, 1.0, 0.0, np.zeros(len(right)))
        ratio = missed.mean() / known.mean()
        influence = (missed - ratio * known) / known.mean()
        spread = _NORMAL * influence.std(ddof=1) / np.sqrt(len(right))
        value, low, high = np.clip((1.0 - ratio, 1.0 - ratio - spread, 1.0 - ratio + spread), 0.0, 1.0)
        return Score(float(value), float(low), float(high), 0.0, 1.0 - ratio - influence)
