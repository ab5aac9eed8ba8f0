"""How much texts are like the right ones."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import AuditTask, Score
from klopf.peers.tasks.text import likeness

__all__ = ["Likeness"]

_NORMAL = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


class Likeness(AuditTask):
    """The mean likeness (chrF) to the right texts, with the interval of a mean. The control always says the most
    frequent text."""

    kinds: ClassVar[tuple[str, ...]] = ("text",)
    fewest: ClassVar[int] = 8
    mark: ClassVar[float | None] = 0.2

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        each = np.array([likeness(str(said), str(right)) for said, right in zip(answers, targets, strict=True)])
        value, spread = float(each.mean()), float(_NORMAL * each.std(ddof=1) / np.sqrt(len(each)))
        control = self.task.score(self.task.know_nothing(targets, len(targets)), targets)
        return Score(value, max(0.0, value - spread), min(1.0, value + spread), control, each)
