"""An audit task for numbers: how often is an answer close to what is right?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from klopf.audit import CONFIDENCE, AuditTask, Score


class Closeness(AuditTask):
    """The fraction of answers that miss by less than half the targets' standard deviation, in every number asked for.

    With Wilson's interval; the control is the fraction for somebody who always says the mean.
    """

    kinds = ("numbers",)
    fewest = 20

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        close = self._close(answers, targets)
        interval = binomtest(int(close.sum()), len(close)).proportion_ci(CONFIDENCE, method="wilson")
        control = self._close(self.task.know_nothing(targets, len(targets)), targets)
        return Score(float(close.mean()), float(interval.low), float(interval.high), float(control.mean()))

    def _close(self, answers: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        missed = np.abs(answers.astype(np.float64) - targets)
        near: NDArray[np.bool_] = (missed < 0.5 * targets.std(axis=0)).all(axis=1)
        return near
