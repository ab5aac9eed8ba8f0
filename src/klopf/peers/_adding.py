"""Who adds something: whoever says what is a mixture of what others say is not listened to, and not paid.

A listener knows what ``k`` neighbours answered to the same questions. Let ``v[j]`` be what ``j`` said, without its
mean, and let

    u[j] = min over x >= 0 of |v[j] - sum over others i of x[i]·v[i]|² / |v[j]|²

be how much of it no mixture of the others' voices explains (for classes the least over the voice as it is and its
softened forms, so that to be louder than others is nothing new). A copy, a clone and an average of others have
``u = 0``, also where a tenth of it is noise; whoever learned something of its own does not, and is no mixture of the
others although the average is one that holds its voice, since no weight is negative.

The listener's own model is not among the voices: on its own samples, which it has learned by heart, whoever is right
would look like its copy.

What is usual among those who add, ``U``, is the upper quartile of ``u``, at most 0.4. As long as somebody's ``u`` is
under a quarter of that, the least of them is left out, and all others are compared again without it; of two that repeat
each other the one goes that was heard less before, or, of equals, that registered later, so that the copy of a neuron
does not take its pay. Whoever is left
counts with ``(u/U - 1/4)·2``, from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.peers.tasks import Task

__all__ = ["adding"]

REPEATS, ADDS = 0.25, 0.75
"""Under which part of what is usual somebody only repeats, and from which on it counts in full."""
MOST_USUAL = 0.4
"""Some who answer at random are unlike anybody: they must not make all others look alike."""
QUARTILE = 0.75
ROWS = 4
"""Numbers that were heard, for each voice, without which nothing can be told."""
ALIKE = 32
"""Of more others, so many that are most alike somebody are what it is compared with."""


def adding(task: Task, answers: Mapping[int, NDArray[Any]], heard: Mapping[int, float]) -> dict[int, float]:
    """How much each neighbour adds to what the others say, from 0 to 1, by its id.

    Args:
        answers: to the same ``n`` questions, by neighbour; who has a lower id registered earlier.
        heard: how much each was heard before; who is not in it was not.

    Where too little was heard to tell, and where voices cannot be mixed (text), everybody adds: 1.
    """
    ids = sorted(answers, key=lambda k: (-heard.get(k, 0.0), k))
    said = [task.guises(answers[k]) for k in ids]
    plain = [_centred(forms[0]) for forms in said if forms]
    if len(plain) < 2 or len(plain[0]) < ROWS * len(ids):
        return dict.fromkeys(ids, 1.0)
    voices = np.column_stack(plain)
    forms = [np.column_stack([_centred(one) for one in form]) for form in zip(*said, strict=True)]
    # All that is needed are inner products, which few rows have as well as many.
    short = np.asarray(np.linalg.qr(np.column_stack([voices, *forms]), mode="r"))
    table = _Table(short[:, : len(ids)], np.split(short[:, len(ids) :], len(forms), axis=1))
    return {ids[j]: counts for j, counts in enumerate(_left_out(table, len(ids)))}


def _left_out(table: _Table, voices: int) -> list[float]:
    """Leave out who repeats, the least first; how much each counts then."""
    there = list(range(voices))
    found = {j: table.explained(j, there) for j in there}
    while True:
        usual = min(MOST_USUAL, float(np.quantile([found[j].left for j in there], QUARTILE)))
        least = min(there, key=lambda j: (found[j].left, -j))
        if found[least].left >= REPEATS * usual or len(there) == 1:
            break
        twin = found[least].mostly
        if twin in there and twin > least and found[twin].left < REPEATS * usual:
            least = twin
        there.remove(least)
        found |= {j: table.explained(j, there) for j in there if least in found[j].by}
    counts = {j: (found[j].left / usual - REPEATS) / (ADDS - REPEATS) if usual > 0 else 1.0 for j in there}
    return [float(min(1.0, max(0.0, counts.get(j, 0.0)))) for j in range(voices)]


@dataclass(frozen=True)
class _Found:
    left: float
    """Which part is explained by nobody."""
    mostly: int
    """Who explains the most of it."""
    by: frozenset[int]
    """All who explain some of it."""


@dataclass(frozen=True)
class _Table:
    voices: NDArray[np.float64]
    """A column each."""
    forms: list[NDArray[np.float64]]
    """The same in each of its forms."""

    def explained(self, j: int, there: list[int]) -> _Found:
        """What those who are ``there`` explain of voice ``j``."""
        from scipy.optimize import nnls

        others = np.array([i for i in there if i != j], np.int64)
        best = _Found(1.0, -1, frozenset())
        for form in self.forms:
            voice = form[:, j]
            size = float(voice @ voice)
            if size <= 0.0:  # who says the same to every question adds nothing
                return _Found(0.0, -1, frozenset())
            if not len(others):
                continue
            if len(others) > ALIKE:
                alike = voice @ self.voices[:, others] / (np.linalg.norm(self.voices[:, others], axis=0) + 1e-12)
                others = others[np.argsort(-alike, kind="stable")[:ALIKE]]
            mixture, missed = nnls(self.voices[:, others], voice)
            left = float(missed**2) / size
            if left < best.left:
                by = others[mixture > 0]
                best = _Found(left, int(others[mixture.argmax()]), frozenset(by.tolist()))
        return best


def _centred(voice: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(voice - voice.mean(axis=0)).ravel()
