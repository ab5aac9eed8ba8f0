"""Statements that say nearly the same, by their letters alone: nothing is loaded, and any language will do.

A text is the runs of three letters in it, without case and signs, weighed by how rare each is among all (TF-IDF);
two are as alike as the cosine of theirs. That finds the same sentence said a little differently, and no meaning:
what is said in other words is not found, and "is" and "is not" are alike.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from klopf.errors import DaoError

__all__ = ["Alike", "alike"]

_RUN = 3


@dataclass(frozen=True)
class Alike:
    """Two statements, by place, and how alike their letters are: above 0, at most 1."""

    first: int
    second: int
    likeness: float


def alike(texts: Sequence[str], least: float = 0.6) -> list[Alike]:
    """All pairs of ``texts`` that are at least so alike, the most alike first.

    Raises:
        DaoError: ``least`` is not above 0 and at most 1.
    """
    if not 0 < least <= 1:
        raise DaoError(f"least={least}: above 0 and at most 1")
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
