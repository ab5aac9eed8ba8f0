"""What a learner is given, as its kernels take it, or refused in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind.kernels.state import MOST

__all__ = ["checked_inputs", "checked_targets", "checked_weights"]


def checked_inputs(X: ArrayLike, sensors: int, dtype: Any) -> NDArray[Any]:
    """``X`` as the kernels take it: ``(n, sensors)``, finite, none beyond ``MOST``.

    Raises:
        MindError: it is not that.
    """
    try:
        with np.errstate(over="ignore"):  # beyond float32 it becomes infinite, and is refused below
            x = np.ascontiguousarray(X, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise MindError(f"an input must be numbers: {error}") from error
    if x.ndim != 2:
        raise MindError(
            f"inputs must have the shape (n, {sensors}), not {np.shape(X)}; one input has a call of its own"
        )
    if x.shape[1] != sensors:
        raise MindError(f"an input has {x.shape[1]} numbers where this learner has {sensors} sensors")
    if x.size and not np.abs(x).max() <= MOST:  # NaN is not either
        row = int(np.argmin((np.abs(x) <= MOST).all(1)))
        raise MindError(
            f"the input in row {row} contains NaN, infinity or more than {MOST:g}; drop, fill or scale it first"
        )
    return x


def checked_targets(y: ArrayLike, rows: int, outputs: int, output: str, dtype: Any) -> NDArray[Any]:
    """``y`` as the kernels take it, for ``rows`` inputs: class numbers ``(rows,)``, or numbers ``(rows, outputs)``.

    Raises:
        MindError: it is not that.
    """
    if output == "softmax":
        given = np.asarray(y)
        if given.shape != (rows,):
            raise MindError(f"{rows} inputs need {rows} class numbers, not an array of shape {given.shape}")
        try:
            with np.errstate(invalid="ignore"):  # NaN is no whole number: refused below
                labels = np.ascontiguousarray(given, dtype=np.int64)
            whole = bool((labels == given).all())
        except (TypeError, ValueError, OverflowError):
            whole = False
        if not whole:
            raise MindError("a class must be a whole number; number the classes from 0")
        if labels.min() < 0 or labels.max() >= outputs:
            bad = int(labels.min() if labels.min() < 0 else labels.max())
            raise MindError(f"class {bad} was never declared: this learner has classes 0 to {outputs - 1}")
        return labels
    try:
        with np.errstate(over="ignore"):
            numbers = np.ascontiguousarray(y, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise MindError(f"a target must be a number: {error}") from error
    if numbers.size != rows * outputs or numbers.shape[:1] != (rows,):
        raise MindError(f"{rows} inputs need {rows} x {outputs} targets, not the shape {numbers.shape}")
    if not np.abs(numbers).max() <= MOST:
        raise MindError(f"a target is NaN, infinite or beyond {MOST:g}; drop or scale it first")
    if output == "logistic" and not (numbers.min() >= 0 and numbers.max() <= 1):
        raise MindError("a target of a yes/no output must be from 0 (no) to 1 (yes)")
    return numbers.reshape(rows, outputs)


def checked_weights(weights: ArrayLike | None, rows: int, dtype: Any) -> NDArray[Any]:
    """How much each of ``rows`` samples counts, ``(rows,)``: finite, not negative; ones for None.

    Raises:
        MindError: they are not that.
    """
    if weights is None:
        return np.ones(rows, dtype)
    try:
        with np.errstate(over="ignore"):
            given = np.ascontiguousarray(weights, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise MindError(f"a sample's weight must be a number: {error}") from error
    if given.shape != (rows,):
        raise MindError(f"{rows} samples need {rows} weights, not an array of shape {given.shape}")
    if not (given >= 0).all() or not given.max() <= MOST:
        raise MindError(f"a sample's weight is negative, NaN or beyond {MOST:g}; 0 leaves a sample out")
    return given
