"""Statements that say nearly the same, and what they are about: by their letters alone, where nothing is loaded and any
language will do, or by a text model (``_meanings``).

By its letters a text is the runs of three of them in it, without case and signs, weighed by how rare each is among all
(TF-IDF); two are as alike as the cosine of theirs. That finds the same sentence said a little differently, and no
meaning: what is said in other words is not found. "Is" and "is not" are alike to letters, and to text models too.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klopf.dao._meanings import Meaning, vectors
from klopf.errors import DaoError

__all__ = ["Alike", "alike", "topics"]

_RUN = 3
_MOST = 3_000
"""Texts of which all pairs are held at once."""


@dataclass(frozen=True)
class Alike:
    """Two statements, by place, and how alike they are: above 0, at most 1."""

    first: int
    second: int
    likeness: float


def alike(texts: Sequence[str], least: float = 0.6, by: str | Meaning = "letters") -> list[Alike]:
    """All pairs of ``texts`` that are at least so alike, the most alike first; two empty ones are not.

    ``by``: ``letters``, a text model's name (``_meanings.MODELS``), or a function from texts to rows of numbers.

    Raises:
        DaoError: ``least`` is not above 0 and at most 1; there is no such text model, or more texts than it compares.
        MissingExtra: what the model needs is not installed.
    """
    if not 0 < least <= 1:
        raise DaoError(f"least={least}: above 0 and at most 1")
    if by == "letters":
        return _by_letters(texts, least)
    if not texts:
        return []
    _bounded(texts)
    near = vectors(by, texts)
    cosines = np.minimum(near @ near.T, 1.0)
    first, second = np.nonzero(np.triu(cosines >= least - 1e-9, 1))
    found = [Alike(int(i), int(j), float(cosines[i, j])) for i, j in zip(first, second, strict=True)]
    return sorted(found, key=lambda one: (-one.likeness, one.first, one.second))


def topics(texts: Sequence[str], least: float = 0.2, by: str | Meaning = "letters") -> list[list[int]]:
    """What ``texts`` are about: groups of places, the largest first, in each that first which is nearest to all of it.

    The two groups that are most alike are joined, by the mean of all pairs between them (average linkage), as long as
    they are at least so alike. By a text model what all texts have in common does not count.

    Raises:
        DaoError: as ``alike``.
        MissingExtra: what the model needs is not installed.
    """
    if not 0 < least <= 1:
        raise DaoError(f"least={least}: above 0 and at most 1")
    if not texts:
        return []
    n = _bounded(texts)
    cosines = np.zeros((n, n))
    if by == "letters":
        for one in _by_letters(texts, 1e-6):
            cosines[one.first, one.second] = cosines[one.second, one.first] = one.likeness
    else:
        near = vectors(by, texts, centred=n > 2)
        cosines = near @ near.T
    np.fill_diagonal(cosines, 1.0)
    groups = _joined(cosines, least)
    inside = [sorted(one, key=lambda i: (-float(cosines[i, one].sum()), i)) for one in groups]
    return sorted(inside, key=lambda one: (-len(one), min(one)))


def _joined(cosines: NDArray[np.float64], least: float) -> list[list[int]]:
    groups = [[i] for i in range(len(cosines))]
    between = cosines.copy()
    np.fill_diagonal(between, -np.inf)
    while True:
        a, b = sorted(map(int, divmod(int(between.argmax()), len(between))))
        if not between[a, b] >= least:
            return [one for one in groups if one]
        row = (len(groups[a]) * between[a] + len(groups[b]) * between[b]) / (len(groups[a]) + len(groups[b]))
        row[[a, b]] = -np.inf
        between[a], between[:, a] = row, row
        between[b], between[:, b] = -np.inf, -np.inf
        groups[a], groups[b] = groups[a] + groups[b], []


def _bounded(texts: Sequence[str]) -> int:
    if len(texts) > _MOST:
        raise DaoError(f"{len(texts):,} texts: {_MOST:,} are compared at once")
    return len(texts)


def _by_letters(texts: Sequence[str], least: float) -> list[Alike]:
    counts = [_runs(text) for text in texts]
    among = Counter(run for one in counts for run in one)
    weights = []
    for one in counts:
        raw = {run: n * (1 + math.log(len(texts) / among[run])) for run, n in one.items()}
        size = math.sqrt(sum(w * w for w in raw.values())) or 1.0
        weights.append({run: w / size for run, w in raw.items()})
    where: dict[str, list[tuple[int, float]]] = defaultdict(list)
    found = []
    for j, own in enumerate(weights):
        near: dict[int, float] = defaultdict(float)
        for run, w in own.items():
            for i, other in where[run]:
                near[i] += w * other
            where[run].append((j, w))
        found += [Alike(i, j, min(1.0, cosine)) for i, cosine in near.items() if cosine >= least - 1e-9]
    return sorted(found, key=lambda one: (-one.likeness, one.first, one.second))


def _runs(text: str) -> Counter[str]:
    letters = " " + " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split()) + " "
    return Counter(letters[i : i + _RUN] for i in range(len(letters) - _RUN + 1)) if letters.strip() else Counter()
