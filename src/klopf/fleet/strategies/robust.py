"""The default: what is wrong was refused before; norms are clipped, then MultiKrum chooses, or a trimmed mean
averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from klopf.fleet.strategies._strategy import Combined, Strategy

__all__ = ["Robust", "bounded", "clipped", "krum", "trimmed_mean"]

_LOUDEST = 3.0
"""How many times the usual weight one update may weigh: how many records it has is what it says itself."""
_HONEST = 2 / 3
"""What this part of all stay below is the usual, so that under a third of liars do not raise it, and many small names
(of one data set, say), which may be more than half of all, do not push it down."""


class Robust(Strategy):
    """Clip each norm to the usual norm; MultiKrum (Blanchard et al. 2017) keeps the n - f updates that lie closest to
    their n - f - 2 nearest, and whoever is proven, f = n // 5, where n >= 2 f + 3; else the mean without the f highest
    and lowest of each number, or of all where all are proven."""

    def combine(self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> Combined:
        names = list(changes)
        rows = clipped(np.stack([changes[name] for name in names]))
        n, f = len(names), len(names) // 5
        if n < 2 * f + 3 and not self.proven.issuperset(names):
            return Combined(trimmed_mean(rows, f), dict.fromkeys(names, 1 / n))
        near = krum(rows, f) if not self.proven.issuperset(names) else []
        kept = sorted({*near, *(i for i, name in enumerate(names) if name in self.proven)})
        bound = bounded(weights)
        heavy = np.array([bound[names[i]] for i in kept])
        heavy = heavy / heavy.sum()
        change = np.asarray(heavy @ rows[kept].astype(np.float64), np.float32)
        used = {names[i]: float(w) for i, w in zip(kept, heavy, strict=True)}
        return Combined(change, used, {name: "far from the others" for name in names if name not in used})


def _usual(values: Sequence[float] | NDArray[np.float64]) -> float:
    return max(float(np.median(values)), float(np.quantile(values, _HONEST, method="lower")))


def bounded(weights: Mapping[str, float]) -> dict[str, float]:
    """None above three times the usual.

    >>> bounded({"a": 1.0, "b": 1.0, "c": 9.0})
    {'a': 1.0, 'b': 1.0, 'c': 3.0}
    """
    most = _LOUDEST * _usual(list(weights.values()))
    return {name: min(weight, most) for name, weight in weights.items()}


def clipped(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows ``(n, numbers)``, none longer than is usual."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    bound = _usual(lengths)
    return np.asarray(rows * np.minimum(1, bound / np.maximum(lengths, 1e-30))[:, None], np.float32)


def krum(rows: NDArray[np.float32], f: int) -> list[int]:
    """Which n - f rows have the least sum of squared distances to their n - f - 2 nearest; in order of place.

    >>> krum(np.array([[0.0], [0.1], [9.0], [-0.1], [0.2]], np.float32), 1)
    [0, 1, 3, 4]
    """
    wide = rows.astype(np.float64)
    squares = (wide**2).sum(1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * wide @ wide.T, 0)
    np.fill_diagonal(distances, np.inf)
    n = len(rows)
    nearest = np.sort(distances, axis=1)[:, : max(n - f - 2, 1)]
    order = np.argsort(nearest.sum(1), kind="stable")
    return sorted(int(i) for i in order[: n - f])


def trimmed_mean(rows: NDArray[np.float32], f: int) -> NDArray[np.float32]:
    """The mean of each column without its ``f`` highest and lowest; shape ``(numbers,)``."""
    ordered = np.sort(rows, axis=0)[f : len(rows) - f]
    return np.asarray(ordered.mean(0, dtype=np.float64), np.float32)
