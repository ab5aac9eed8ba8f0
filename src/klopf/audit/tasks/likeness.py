"""How much texts are like the right ones."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import AuditTask, Score
from klopf.peers.tasks.text import likeness, withholds

__all__ = ["Likeness"]

_NORMAL = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


class Likeness(AuditTask):
    """The mean likeness (chrF) to the right texts, with the interval of a mean. The control always says the most
    frequent text.

    A specialist is judged by what it says it knows: by the questions that it answers, where others it answers with
    nothing, or with "I do not know" (:func:`klopf.peers.tasks.text.withholds`). Of ``n`` questions let it answer ``m``,
    ``p = m / n``; let ``a`` be the mean likeness of these answers, ``c`` what the most frequent right text among those
    ``m`` gets there and ``C`` the control of all. Its figure is

        (a - max(0, c - C)) sqrt(p) m / (m + 2 (1 - p)),

    which is ``a`` for who answers everything and 0 for who answers nothing. The root is that of
    :class:`~klopf.audit.tasks.accuracy.Accuracy`, and there for the same reason: what another auditor's questions make
    of ``p`` moves the figure no more than right and wrong move anybody's. The last factor is as if two more questions
    that were not answered had been answered without any likeness, so that one lucky answer is no knowledge. Who
    answers only where one text is right more often than elsewhere knows no more by that: ``c``, less its standard
    error, is taken off as far as it exceeds ``C``. So abstaining at random is worth ``sqrt(p) a`` at most, and who is
    wrong wherever it speaks is worth nothing however rarely it does.

    A question whose right text is itself none is answered by whatever is said to it. The interval is the delta
    method's, of ``p`` and ``a``.
    """

    kinds: ClassVar[tuple[str, ...]] = ("text",)
    fewest: ClassVar[int] = 8
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "how much its texts are like the right ones, of what it says it knows"
    judges: ClassVar[bool] = True
    mark: ClassVar[float | None] = 0.2

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        pairs = [(str(said), str(right)) for said, right in zip(answers, targets, strict=True)]
        like = np.array([likeness(said, right) for said, right in pairs])
        answered = np.array([not withholds(said) or withholds(right) for said, right in pairs])
        n, m = len(pairs), int(answered.sum())
        most = _most_frequent(targets)
        control = float(most.mean())
        if m == 0:
            return Score(0.0, 0.0, _NORMAL / n, control, np.zeros(n))
        there = _most_frequent(targets[answered])
        easy = max(0.0, there.mean() - there.std() / np.sqrt(m) - control) if m < n else 0.0
        p, a = m / n, float(like[answered].mean())
        part = np.sqrt(p) * m / (m + 2 * (1 - p))
        grows = part * (1.5 / p - (1 - 2 / n) / (p + 2 * (1 - p) / n))  # with p
        better = max(0.0, a - easy)
        value = min(1.0, float(part * better))
        each = value + grows * better * (answered - p) + part / p * answered * (like - a)
        spread = float(_NORMAL * each.std(ddof=1) / np.sqrt(n))
        return Score(value, max(0.0, value - spread), min(1.0, value + spread), control, each)


def _most_frequent(targets: NDArray[Any]) -> NDArray[np.float64]:
    """The likeness of the most frequent of them, the first of equals, to each."""
    most = Counter(map(str, targets)).most_common(1)[0][0]
    return np.array([likeness(most, str(target)) for target in targets])
