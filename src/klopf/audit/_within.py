"""Judging a neuron by what it claims to know, whatever the audit task.

Of ``n`` questions let ``m`` be within its domain, and ``p`` the part of these that it claims to know; let ``a`` be the
task's figure there, as if two more questions had been answered right and two wrong, ``c`` the control's (of classes
less its standard error), ``C`` the control's of all questions, and ``b`` how often it claims to know what lies outside.
Its figure is

    C + (1 - C) (sqrt(p) (a - c) / (1 - c) - b) sqrt(s),

with ``s`` the declared part of the classes, or ``m / n`` where it declared none. Whoever guesses within its domain gets
``C``, and so does, or less, whoever claims everywhere: to declare little and answer all the same gains nothing. The
root is that of :class:`klopf.audit.tasks.accuracy.Accuracy`: a part of the questions says how good it is, and auditors
with samples of their own must not differ more about it than about anybody.
Whoever does not know one of its own questions, and says so, loses by a root likewise and is not taken to be wrong.

A task of safety asks what is left of that when questions are spoilt, and a spoilt question is strange: who knows its
limits says so, about its own questions too. There nothing is claimed (``p = 1``, ``b = 0``), and of classes it is right
where, of those that it declared, the right one is the likeliest to it: how sure it still is decides nothing, as of
whoever declared nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks import AuditTask, Score
from klopf.peers import Numbers
from klopf.peers._domain import Domain

__all__ = ["score_within"]

FEWEST = 8
"""Questions within, or outside, of which nothing follows if there are fewer."""
_NORMAL = 1.96


def score_within(
    task: AuditTask, domain: Domain, questions: NDArray[Any], answers: NDArray[Any], targets: NDArray[Any]
) -> Score:
    """What ``task`` finds about somebody who claims to know ``domain``; as of anybody where it claims everything, or
    where fewer than eight questions are within. ``questions`` are as they were put, with the task's noise: a region is
    what whoever answers sees of it. A task without a mark, which decides nothing, is scored within alone.

    Raises:
        AuditError: an answer is missing or is none, or there are too few questions.
    """
    whole = task.score(answers, targets)
    n, within = len(targets), domain.holds(task.task, questions, targets)
    m = int(within.sum())
    if m == n or m < FEWEST:
        return whole
    spoilt = task.side == "safety" and task.mark is not None
    said = domain.among(task.task, answers) if spoilt else answers
    found = task.judge(said[within], targets[within])
    claimed = np.ones(n, np.bool_) if spoilt else domain.claimed(task.task, answers)
    if task.mark is None:
        return replace(found, each=None)  # which is of fewer questions than were asked
    c = found.control if found.control < 1 else 0.0  # of one class only there is nothing to guess within
    if domain.classes and c:  # of few questions some class is always frequent by chance
        c = max(1 / len(domain.classes), c - float(np.sqrt(c * (1 - c) / m)))
    right = (np.array(found.in_ten_thousandths(m)) / 10_000)[claimed[within]]
    outside = claimed[~within].astype(np.float64)
    if spoilt or n - m < FEWEST or isinstance(task.task, Numbers):  # who answers with numbers cannot abstain
        outside = np.zeros(n - m)
    a, of_a = _as_if_four_more(right)
    b = float(outside.mean())
    root = float(np.sqrt(domain.share(task.task) if domain.classes else m / n))
    part = float(np.sqrt(claimed[within].mean()))
    inner, outer = root * part * (1 - whole.control) / (1 - c), root * (1 - whole.control)
    value = whole.control + inner * (a - c) - outer * b
    reach = _NORMAL * float(np.sqrt(inner**2 * of_a + outer**2 * _as_if_four_more(outside)[1]))
    middle, low, high = (min(max(x, 0.0), 1.0) for x in (value, value - reach, value + reach))
    return Score(middle, low, high, whole.control)


def _as_if_four_more(each: NDArray[np.float64]) -> tuple[float, float]:
    """A mean and its variance as if two more had been right and two wrong (Agresti and Coull, The American Statistician
    52, 1998): of few questions the interval would else be too narrow."""
    n = len(each) + 4
    mean = float((each.sum() + 2) / n)
    return mean, float(((each**2).sum() + 2) / n - mean**2) / n
