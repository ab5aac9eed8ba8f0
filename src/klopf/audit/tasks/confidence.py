"""Whether it is surer than it is right."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._examination import Score
from klopf.audit.tasks._task import AuditTask

__all__ = ["Confidence"]

_NORMAL = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


class Confidence(AuditTask):
    """One less by how much its mean confidence exceeds how often it is right; who is less sure than it could be is not
    blamed, as calibration blames it. The interval is that of a mean.

    The control answers how frequent each class is: as sure as it is right.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    fewest: ClassVar[int] = 20
    asks: ClassVar[str] = "whether it is surer than it is right"
    fault: ClassVar[float | None] = 0.92

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        sure = np.minimum(answers.max(axis=1).astype(np.float64), 1.0)
        each = 1.0 - (sure - (self.task.decide(answers) == targets))
        value, reach = float(each.mean()), float(_NORMAL * each.std(ddof=1) / np.sqrt(len(each)))
        low, high, value = (float(np.clip(x, 0, 1)) for x in (value - reach, value + reach, value))
        return Score(value, low, high, 1.0, each)
