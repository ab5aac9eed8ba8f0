"""How much is answered right, of what a neuron says it knows."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._task import CONFIDENCE, AuditTask, Score
from klopf.peers import Classes

__all__ = ["Accuracy"]

_NORMAL = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""
_FEWEST = 8
"""Questions of the classes that a neuron names, below which it is judged by all of them."""


class Accuracy(AuditTask):
    """The fraction of held-out samples whose most probable class is the right one, with Wilson's interval. The control
    always names the most frequent class.

    A specialist is judged by its classes: those that it names, by giving one of them more than any other, for at least
    one of the questions. Of ``N`` classes let it name ``k``; let ``a`` be how often it is right about samples of these,
    choosing among these, ``c`` what is got there by guessing, and ``C`` the control of all classes. Its figure is

        C + (1 - C) (a - c) / (1 - c) sqrt(k / N),

    which is ``a`` for who names every class, and the control's for who guesses between the two that it names. Only a
    part ``k / N`` of the questions is about its classes: by the root, two auditors differ about a specialist no more
    than about anybody. For the same reason ``a`` and its interval are as if two more had been answered right and two
    wrong (Agresti and Coull, The American Statistician 52, 1998), and ``c`` is the most frequent class's part less its
    standard error, at least ``1 / k``.
    """

    kinds: ClassVar[tuple[str, ...]] = ("classes",)
    side: ClassVar[Literal["quality", "safety"]] = "quality"
    asks: ClassVar[str] = "how often it is right, of what it says it knows"
    judges: ClassVar[bool] = True
    mark: ClassVar[float | None] = 0.3

    def judge(self, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
        from scipy.stats import binomtest

        if isinstance(self.task, Classes) and self.task.frequencies:
            return _balanced(self.task, answers, targets)
        control = np.bincount(targets).max() / len(targets)
        named = _named(answers)
        asked = np.isin(targets, named)
        if asked.all() or asked.sum() < _FEWEST or len(np.unique(targets[asked])) < 2:
            right = (self.task.decide(answers) == targets).astype(np.float64)
            interval = binomtest(int(right.sum()), len(right)).proportion_ci(CONFIDENCE, method="wilson")
            return Score(float(right.mean()), float(interval.low), float(interval.high), float(control), right)
        right = named[answers[asked][:, named].argmax(axis=1)] == targets[asked]
        a, n, k = (right.sum() + 2) / (len(right) + 4), len(right) + 4, len(named)
        most, reach = np.bincount(targets[asked]).max() / len(right), _NORMAL * np.sqrt(a * (1 - a) / n)
        guess = max(1 / k, most - np.sqrt(most * (1 - most) / len(right)))
        slope = (1 - control) / (1 - guess) * np.sqrt(k / answers.shape[1])
        value, low, high = (_within(control + slope * (x - guess)) for x in (a, a - reach, a + reach))
        return Score(value, low, high, float(control))


def _balanced(task: Classes, answers: NDArray[Any], targets: NDArray[Any]) -> Score:
    """Each class counts alike, however many questions are of it; the control's figure is that of any constant."""
    each = (task.decide(answers) == targets) * task.counting(targets)
    value, reach = min(1.0, float(each.mean())), _NORMAL * float(each.std()) / np.sqrt(len(each))
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    return Score(value, low, high, 1 / len(np.unique(targets)), each)


def _named(answers: NDArray[Any]) -> NDArray[np.int64]:
    """The classes that are the most probable of some question, and alone so, in order."""
    best = answers.max(axis=1, keepdims=True)
    alone = (answers == best).sum(axis=1) == 1
    return np.unique(answers[alone].argmax(axis=1)).astype(np.int64)


def _within(figure: float) -> float:
    return float(min(max(figure, 0.0), 1.0))
