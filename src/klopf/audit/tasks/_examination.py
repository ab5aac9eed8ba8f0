"""What an examination is: one dimension of an audit, with whatever it needs to ask to find its figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from klopf.audit._case import Case
from klopf.audit._subject import Subject
from klopf.errors import AuditError
from klopf.peers import Task

__all__ = ["CONFIDENCE", "Examination", "Score", "interval_of_mean"]

CONFIDENCE = 0.95
_NORMAL = 1.96
"""Standard deviations on either side of the mean that hold as much of a normal distribution."""
_MOST = 160_000


@dataclass(frozen=True)
class Score:
    """A figure in [0, 1], its 95 % confidence interval and the control's figure.

    The control is the figure of somebody who is known to lack what is looked for (where a task does not say otherwise:
    who knows the targets but not which question he is asked), so that a metric that passes everybody, or nobody, can
    be seen to say nothing.

    ``each`` is what every question adds to the figure, ``(n,)``, so that their mean is the figure: 1 for right and 0
    for wrong where there is only that; for a figure that is no mean, such as a ratio, the figure plus the influence of
    each question. Its sums are what an auditor puts on the ledger, which makes the interval from them. Without it the
    auditor takes scores that have this mean and this interval.
    """

    value: float
    low: float
    high: float
    control: float
    each: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    note: str = ""
    """What else a person should know, in one line; such as which trigger was found."""
    clears: bool = True
    """Whether a figure beyond the mark makes a model good; where not, a fault can be found, and nothing else said."""

    def in_ten_thousandths(self, n: int) -> list[int]:
        """What each of ``n`` questions adds to the figure in ten-thousandths, from -160,000 to 160,000.

        Where ``each`` is missing, half of the questions lie as far above the figure as the others below, so far that
        the mean's interval is this one.
        """
        each = self.each
        if each is None:
            apart = (self.high - self.low) / 2 * np.sqrt(n) / _NORMAL
            each = np.where(np.arange(n) % 2 == 0, self.value + apart, self.value - apart)
        return [int(s) for s in np.clip(np.rint(10_000 * np.asarray(each)), -_MOST, _MOST)]


class Examination(ABC):
    """One dimension of an audit: it asks a :class:`~klopf.audit.Subject` what it likes about a
    :class:`~klopf.audit.Case`, and comes to a :class:`Score`. To add one, write a subclass in a file of its own::

        from klopf.audit import Examination, Score

        class Steadiness(Examination):
            kinds = ("classes", "numbers")
            side = "safety"
            asks = "whether a thousandth of a spread changes an answer"
            fault = 0.9                                  # at fault where the whole interval lies under it

            def examine(self, subject, case, rng): ...   # -> Score

    and give it a name as an audit task has one (:class:`~klopf.audit.AuditTask`, which is an examination that asks each
    question once, so that the ledger can hold auditors to it). Whatever is random is drawn from ``rng``: the same seed,
    the same score. What cannot be examined is an :class:`~klopf.errors.AuditError` of one line.
    """

    kinds: ClassVar[tuple[str, ...]]
    """Kinds of task that it can judge."""
    fewest: ClassVar[int] = 1
    """Held-out samples that it needs."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Fields of a :class:`~klopf.audit.Case` without which it cannot be asked."""
    side: ClassVar[Literal["quality", "safety"]] = "safety"
    """Which grade it is part of."""
    asks: ClassVar[str] = ""
    """What it finds out, in words that follow "it asks"."""
    fault: ClassVar[float | None] = None
    """A model is at fault where the whole interval lies under it; None: the figure is told, and judges nobody but where
    ``judges``."""
    judges: ClassVar[bool] = False
    """Whether a model is at fault that cannot be told from the control, which knows nothing."""

    def __init__(self, task: Task) -> None:
        if task.kind not in self.kinds:
            raise AuditError(f"{type(self).__name__} judges {' or '.join(self.kinds)}, not {task.kind}: leave it out")
        self.task = task

    @abstractmethod
    def examine(self, subject: Subject, case: Case, rng: np.random.Generator) -> Score:
        """Ask, and score what was answered.

        Raises:
            AuditError: it cannot be examined; one line.
        """


def interval_of_mean(each: NDArray[np.float64]) -> tuple[float, float, float]:
    """The mean of figures in [0, 1] and its 95 % interval by Wilson's formula, with the variance that they have where
    that of a coin stands in his: never without width, never outside [0, 1].

    >>> tuple(round(x, 3) for x in interval_of_mean(np.ones(36)))
    (1.0, 0.904, 1.0)
    """
    n, z = len(each), _NORMAL
    mean, variance = float(each.mean()), float(each.var())
    middle, reach = mean + z * z / (2 * n), z * np.sqrt(variance / n + z * z / (4 * n * n))
    low, high = ((middle + s * reach) / (1 + z * z / n) for s in (-1, 1))
    return mean, float(min(max(low, 0.0), mean)), float(max(min(high, 1.0), mean))
