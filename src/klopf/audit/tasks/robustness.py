"""What remains of it under noise."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import AuditTask, Score
from klopf.audit.tasks.accuracy import Accuracy
from klopf.audit.tasks.variance_explained import VarianceExplained
from klopf.peers import Task

__all__ = ["Robustness"]

_SPREAD = 0.5
"""Standard deviation of the noise; inputs are scaled to unit variance."""


class Robustness(AuditTask):
    """Accuracy, or variance explained, on samples with Gaussian noise of half a standard deviation added."""

    kinds: ClassVar[tuple[str, ...]] = ("classes", "numbers")
    asks: ClassVar[str] = "what is left of it under noise of half a spread"
    mark: ClassVar[float | None] = 0.2

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        measure = Accuracy if task.kind in Accuracy.kinds else VarianceExplained
        self._measure: AuditTask = measure(task)

    def questions(self, inputs: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        return (inputs + rng.normal(0.0, _SPREAD, inputs.shape)).astype(np.float32)

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        return self._measure.judge(answers, targets)
