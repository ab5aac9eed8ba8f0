"""Who adds something: whoever says what is a mixture of what others say is not listened to, and not paid.

A listener knows what ``k`` neighbours answered to the same questions. Let ``v[j]`` be what ``j`` said, without its
mean. What others say is all their voices, and their mean also louder; what no mixture of that explains is new:

    r[j] = v[j] - sum over others i of x[i]·v[i], with the x >= 0 that leave the least,    u[j] = |r[j]|² / |v[j]|²

(for classes the least over the voice as it is and its softened forms, so that to be louder than others is nothing new).
A copy, a clone and an average of others have ``u = 0``, also where a tenth of it is noise; whoever learned something
of its own does not, and is no mixture of the others although the average is one that holds its voice, since no weight
is negative.

What is usual among those who add, ``U``, is the upper quartile of ``u``, at most 0.4. As long as somebody's ``u`` is
under a quarter of that, the least of them is left out, and all others are compared again without it; of two that repeat
each other the one goes that was heard less before, or, of equals, that registered later, so that the copy of a neuron
does not take its pay.

What is new may be noise or errors. Let ``e[j]`` be what the best mixture of the others misses of the right answers, and

    c[j] = the cosine of the angle between r[j] and e[j].

Whoever helps has ``c > 0``: what only it says points to where the others are wrong. Of ``c``, cut to 0.1 and -0.1,
a mean is kept in which half is of the last 128 samples: so few do not tell noise from a little help. All who are left
are heard, and each counts with ``(u/U - 1/4)·2`` times ``c/C``, both from 0 to 1, where ``C`` is 0.05, or the upper
quartile of ``c`` if that is less; where even that is not above 0 nobody helps more than chance, and ``u`` alone counts.

So who counts is told by what only it says. How much is told by what it is worth (``_sharing``), so that of two honest
ones who know nearly the same each has its half of that, and not next to nothing. A listener pays for worth times count.

Whoever turns, for the better or the worse, is told by how like what is right its voice is (the cosine); if that changes
by more than 0.3 from what it was of late it is learned anew (``Listener.judge``).

The listener's own model is not among the voices: on its own samples, which it has learned by heart, whoever is right
would look like its copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.peers._listening import Listener
from klopf.peers._sharing import worths
from klopf.peers.tasks import Task

__all__ = ["adding"]

REPEATS, ADDS = 0.25, 0.75
"""Under which part of what is usual somebody only repeats, and from which on it counts in full."""
MOST_USUAL = 0.4
"""Some who answer at random are unlike anybody: they must not make all others look alike."""
HELPS = 0.05
"""A cosine from which on somebody helps in full."""
MOST_HELP = 0.1
"""To which the cosine of one round is cut."""
QUARTILE = 0.75
ROWS = 4
"""Numbers that were heard, for each voice, without which nothing can be told."""
MOST = 256
"""Of more questions, so many are compared."""
ALIKE = 32
"""Of more others, so many that are most alike somebody are what it is compared with."""

Vector = NDArray[np.float64]


def adding(
    task: Task, answers: Mapping[int, NDArray[Any]], listener: Listener, targets: NDArray[Any]
) -> tuple[list[int], dict[int, float]]:
    """Which neighbours say something that is new, and how much each of all adds to what the others say, from 0 to 1.

    Args:
        answers: to the same ``n`` questions, by neighbour; who has a lower id registered earlier.
        listener: how much it heard each before, and how much each helped it; the latter it learns here.
        targets: what is right, for the first of the questions or for all.

    Where too little was heard to tell, and where voices cannot be mixed (text), everybody adds: 1.
    """
    ids = sorted(answers, key=lambda k: (-listener.heard(k), k))
    before = {k for k in ids if k in listener.neighbours and listener.neighbours[k].recalled}
    listener.recall(ids, min(MOST, len(answers[ids[0]])) if ids else 0)
    said = [task.guises(answers[k][:MOST]) for k in ids]
    if len(ids) < 2 or not all(said) or said[0][0].size < ROWS * len(ids):
        return ids, dict.fromkeys(ids, 1.0)
    company = _Company(task, said, list(range(len(ids))))
    right = task.aim(targets[:MOST])
    known = right.size >= ROWS * len(ids) and bool(np.ptp(right, axis=0).any())
    if known:
        for j, k in enumerate(ids):
            if listener.judge(k, company.right(j, right), len(right)):
                before.discard(k)
    counts = _left_out(company)
    if known:
        worth = dict(zip(company.there, company.worths(right, listener.round), strict=True))
        helps = {j: listener.helps(ids[j], company.helps(j, right), worth[j], len(right)) for j in company.there}
        enough = min(HELPS, float(np.quantile([*helps.values()], QUARTILE)))
        if enough > 0:
            counts = {j: count * _part(helps[j] / enough) for j, count in counts.items()}
    for j, k in enumerate(ids):
        one, now = listener.known(k), counts.get(j, 0.0)
        one.adds = now if known and k not in before else max(now, one.adds / 2)  # nobody lives off being unknown
    return [ids[j] for j in company.there], {k: counts.get(j, 0.0) for j, k in enumerate(ids)}


def _left_out(company: _Company) -> dict[int, float]:
    """Leave out who repeats, the least first; how much each counts then who is left."""
    while True:
        there, found = company.there, {j: company.explained(j) for j in company.there}
        usual = min(MOST_USUAL, float(np.quantile([found[j].left for j in there], QUARTILE)))
        least = min(there, key=lambda j: (found[j].left, -j))
        if found[least].left >= REPEATS * usual or len(there) == 1:
            break
        twin = found[least].mostly
        if twin > least and found[twin].left < REPEATS * usual:
            least = twin
        there.remove(least)
    return {j: _part((found[j].left / usual - REPEATS) / (ADDS - REPEATS)) if usual > 0 else 1.0 for j in there}


def _part(count: float) -> float:
    return min(1.0, max(0.0, count))


@dataclass(frozen=True)
class _Found:
    left: float
    """Which part is explained by nobody."""
    mostly: int
    """Who explains the most of it; -1 where nobody does."""


@dataclass(frozen=True)
class _Company:
    """Voices that are compared with one another."""

    task: Task
    said: list[tuple[Vector, ...]]
    """What each said, ``(n, outputs)``, in all its forms, first as it is."""
    there: list[int]
    """Who has not been left out."""

    def explained(self, j: int) -> _Found:
        """What those who are there explain of voice ``j``."""
        best, others = _Found(1.0, -1), self._others(j)
        heard = self._heard(j, others, len(self.said[j][0])) if others else None
        for form in self.said[j]:
            voice = _centred(form)
            size = float(voice @ voice)
            if size <= 0.0:  # who says the same to every question adds nothing
                return _Found(0.0, -1)
            if heard is None:
                continue
            mixture, left = _mixture(heard, voice)
            if float(left @ left) / size < best.left:
                best = _Found(float(left @ left) / size, others[int(mixture[: len(others)].argmax())])
        return best

    def helps(self, j: int, right: Vector) -> float:
        """The cosine of what only ``j`` says and of what the others miss of ``right``, cut to ``MOST_HELP``."""
        others, n = self._others(j), len(right)
        if not others:
            return 1.0
        heard = self._heard(j, others, n)
        _, new = _mixture(heard, _centred(self.said[j][0][:n]))
        _, missed = _mixture(heard, _centred(right))
        return min(MOST_HELP, max(-MOST_HELP, _cosine(new, missed)))

    def right(self, j: int, right: Vector) -> float:
        """How like ``right`` what ``j`` says is: a cosine."""
        return _cosine(_centred(self.said[j][0][: len(right)]), _centred(right))

    def worths(self, right: Vector, seed: int) -> Vector:
        """What each of those who are there is worth, in their order."""
        voices = np.column_stack([_centred(self.said[j][0][: len(right)]) for j in self.there])
        return worths(voices, _centred(right), seed)

    def _others(self, j: int) -> list[int]:
        """With whom ``j`` is compared."""
        others = [i for i in self.there if i != j]
        if len(others) <= ALIKE:
            return others
        voices = np.stack([_centred(self.said[i][0]) for i in others])
        alike = voices @ _centred(self.said[j][0]) / (np.linalg.norm(voices, axis=1) + 1e-12)
        return [others[i] for i in np.argsort(-alike, kind="stable")[:ALIKE]]

    def _heard(self, j: int, others: list[int], n: int) -> Vector:
        """What ``others`` say to the first ``n`` questions, a column each, and what they say together, louder."""
        voices = [self.said[i][0][:n] for i in others]
        together = self.task.together(np.stack([self.said[i][0][:n] for i in self.there if i != j]))
        return np.column_stack([_centred(one) for one in (*voices, *together)])


def _cosine(one: Vector, other: Vector) -> float:
    return float(one @ other) / (float(np.linalg.norm(one) * np.linalg.norm(other)) or 1.0)


def _mixture(heard: Vector, voice: Vector) -> tuple[Vector, Vector]:
    """The best mixture of the columns ``heard``, and what it leaves of ``voice``."""
    from scipy.optimize import nnls

    parts, _ = nnls(heard, voice)
    return parts, np.asarray(voice - heard @ parts)


def _centred(voice: Vector) -> Vector:
    return np.asarray(voice - voice.mean(axis=0)).ravel()
