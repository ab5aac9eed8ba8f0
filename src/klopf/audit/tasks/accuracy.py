"""How much is answered right."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import CONFIDENCE, AuditTask, Score

__all__ = ["Accuracy"]


class Accuracy(AuditTask):
    """The fraction of held-out samples whose most probable class is the right one, with Wilson's interval. The control
    always names the most frequent class."""

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    mark: ClassVar[float | None] = 0.3

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        from scipy.stats import binomtest

        each = (self.task.decide(answers) == targets).astype(np.float64)
        right = int(each.sum())
        interval = binomtest(right, len(targets)).proportion_ci(CONFIDENCE, method="wilson")
        control = np.bincount(targets).max() / len(targets)
        return Score(right / len(targets), float(interval.low), float(interval.high), float(control), each)
