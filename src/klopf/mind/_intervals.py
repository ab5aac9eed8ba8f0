"""Prediction intervals that keep their promise while the world changes, and are wide where errors are large."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind._direct import direct
from klopf.mind._memory import Owner, owned

__all__ = ["LEVELS", "Intervals", "checked_level", "learn_errors"]

LEVELS = (*(k / 20 for k in range(1, 20)), 0.975, 0.99, 0.995)
"""The levels that are followed; between them the quantiles are interpolated."""


class Intervals(Owner):
    """Bounds around predictions of one target, by the input and the prediction (``kernels/intervals.py``)."""

    def __init__(self) -> None:
        self._inputs = -1
        self._spread: Any = None

    @property
    def surprise(self) -> float:
        """The size of the last error, of what was expected where it was made."""
        from klopf.mind.kernels.intervals import SURPRISE

        return 0.0 if self._spread is None else float(self._spread.numbers[SURPRISE])

    def learn(self, inputs: ArrayLike, predicted: ArrayLike, errors: ArrayLike) -> None:
        """Errors (targets less predictions), ``(n,)``, and where they were made: ``(n, inputs)``."""
        rows, found = self._rows(inputs, predicted), np.asarray(errors, np.float64).reshape(-1)
        spread = self._room(rows.shape[1])
        kernel = _learner[0] if _learner else _load(spread, rows, found)
        kernel(spread, rows, found)

    def learn_one(self, inputs: NDArray[np.float64], predicted: float, error: float) -> None:
        """The same of one prediction; ``inputs`` is ``(inputs,)``."""
        row = np.empty((1, len(inputs) + 1))
        row[0, :-1] = inputs
        row[0, -1] = predicted
        spread, found = self._room(row.shape[1]), np.array([error], np.float64)
        kernel = _learner[0] if _learner else _load(spread, row, found)
        kernel(spread, row, found)

    def settle(self, inputs: ArrayLike, predicted: ArrayLike, errors: ArrayLike) -> None:
        """The same errors again, of a table whose order means nothing: the quantiles become those of all of them."""
        from klopf.mind.kernels.intervals import spread_at

        rows = self._rows(inputs, predicted)
        spread, wide = self._room(rows.shape[1]), np.empty(len(rows))
        spread_at(spread, rows, wide)
        spread.quantiles[:] = np.quantile(np.asarray(errors, np.float64) / np.maximum(wide, 1e-300), spread.taus)

    def bounds(self, level: float, inputs: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
        """``(n, 2)``: below and above which the target lies with probability ``(1 - level) / 2`` each."""
        from klopf.mind.kernels.intervals import spread_at

        checked_level(level)
        rows = self._rows(inputs, predicted)
        middle = rows[:, -1]
        if self._spread is None:
            return np.stack([middle, middle], 1)
        spread, wide = self._room(rows.shape[1]), np.empty(len(rows))
        spread_at(spread, rows, wide)
        low, high = np.sort(spread.quantiles).reshape(2, len(LEVELS))
        down, up = np.interp(level, LEVELS, low[::-1]), np.interp(level, LEVELS, high)
        return np.stack([middle + down * wide, middle + up * wide], 1)

    @staticmethod
    def _rows(inputs: ArrayLike, predicted: ArrayLike) -> NDArray[np.float64]:
        x = np.atleast_2d(np.asarray(inputs, np.float64))
        return np.ascontiguousarray(np.concatenate([x, np.asarray(predicted, np.float64).reshape(-1, 1)], 1))

    def _room(self, width: int) -> Any:
        """The tables, for inputs of that width; what is known of the inputs before stays."""
        if width == self._inputs:
            return self._spread
        from klopf.mind.kernels.intervals import MOST, PRIOR, Spread

        m = 2 * width if width <= MOST else 1
        taus = np.array([(1 - level) / 2 for level in LEVELS[::-1]] + [(1 + level) / 2 for level in LEVELS])
        made = Spread(
            seen=np.zeros((2, width)), weights=np.zeros(m), covariance=np.eye(m) * PRIOR, z=np.zeros(m),
            products=np.zeros(m), quantiles=np.array([NormalDist(0, 1.25).inv_cdf(tau) for tau in taus]), taus=taus,
            numbers=np.zeros(7),
        )  # fmt: skip
        made = owned(made)
        if self._spread is not None:
            old, was = self._spread, self._inputs
            places = np.append(np.arange(was - 1), width - 1)  # the prediction stands last
            made.seen[:, places] = old.seen
            if width <= MOST:
                places = np.concatenate([places, places + width])
                made.weights[places] = old.weights
                made.covariance[np.ix_(places, places)] = old.covariance
            made.quantiles[:] = old.quantiles
            made.numbers[:] = old.numbers
        self._inputs, self._spread = width, made
        return made


_learner: list[Any] = []


def _load(*given: Any) -> Any:
    """The kernel, for arguments of the types of ``given``, which are always the same."""
    from klopf.mind.kernels.intervals import learn_errors  # compiled code is loaded late: importing stays quick

    _learner.append(direct(learn_errors, *given))
    return _learner[0]


def checked_level(level: float) -> float:
    """``level``, where it is a probability that can be promised.

    Raises:
        MindError: it is not from .05 to .995.
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not LEVELS[0] <= level <= LEVELS[-1]:
        raise MindError(f"level={level!r} must be a probability from {LEVELS[0]} to {LEVELS[-1]}")
    return float(level)


def learn_errors(intervals: list[Intervals], X: Any, y: Any, predicted: Any) -> None:
    """The errors of those rows, one of ``intervals`` for each output."""
    predicted = np.reshape(predicted, (len(X), -1))
    errors = np.reshape(y, predicted.shape) - predicted
    for k, each in enumerate(intervals):
        each.learn(X, predicted[:, k], errors[:, k])
