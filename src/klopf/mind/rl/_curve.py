"""The returns of all episodes so far, in bounded memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curve"]

LIMIT = 4096


class Curve:
    """Episodes' returns as points of one or more episodes each; when there are too many points, neighbours merge.

    >>> c = Curve()
    >>> for k in range(10): c.add(step=10 * k, total=float(k), length=10)
    >>> c.last(0.2)
    8.5
    """

    def __init__(self, points: NDArray[Any] | None = None) -> None:
        self._points: list[list[float]] = [] if points is None else [list(map(float, p)) for p in points]

    def __len__(self) -> int:
        return len(self._points)

    @property
    def episodes(self) -> int:
        """How many episodes ended."""
        return int(sum(p[0] for p in self._points))

    def add(self, step: int, total: float, length: int) -> None:
        """An episode of ``length`` steps ended at ``step`` with the sum of rewards ``total``."""
        self._points.append([1.0, float(step), float(total), float(length)])
        if len(self._points) >= LIMIT:
            self._points = [_merged(a, b) for a, b in zip(self._points[::2], self._points[1::2], strict=True)]

    def array(self) -> NDArray[Any]:
        """Shape ``(points, 4)``: episodes in the point, step at its last end, mean return, mean length."""
        return np.array(self._points, np.float64).reshape(-1, 4)

    def last(self, share: float) -> float:
        """Mean return of the last ``share`` of the episodes, at least one; NaN if none ended."""
        wanted = max(1.0, math.floor(self.episodes * share))
        left, total = wanted, 0.0
        for count, _, mean, _ in reversed(self._points):
            took = min(count, left)
            total += took * mean
            left -= took
            if left <= 0:
                return total / wanted
        return math.nan

    def rate(self, share: float, total: float = 0.0, length: int = 0) -> float:
        """Mean reward a step over the last ``share`` of all steps; NaN if there are none.

        ``total`` and ``length`` are the sum of rewards and the steps since the last point.
        """
        wanted = share * (sum(p[0] * p[3] for p in self._points) + length)
        earned, steps = total, float(length)
        for count, _, mean, mean_length in reversed(self._points):
            if steps and steps >= wanted:
                break
            earned += count * mean
            steps += count * mean_length
        return earned / steps if steps else math.nan


def _merged(a: list[float], b: list[float]) -> list[float]:
    count = a[0] + b[0]
    return [count, b[1], (a[0] * a[2] + b[0] * b[2]) / count, (a[0] * a[3] + b[0] * b[3]) / count]
