"""Many learners side by side on all cores: kernels release the interpreter, so threads are enough."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import Diverged, MindError

if TYPE_CHECKING:
    from klopf.mind._mind import Mind

__all__ = ["learn_together"]


def learn_together(minds: Sequence[Mind], X: ArrayLike, y: ArrayLike, cores: int | None = None) -> NDArray[Any]:
    """Let every learner learn the same stream, ``cores`` at a time (all by default).

    Args:
        minds: different learners: seeds, settings, sizes as you like.
        X: inputs, ``(n, sensors)``.
        y: classes or targets, as for ``Mind.learn``.

    Returns:
        Errors, shape ``(len(minds), n)``; the same as from each one's ``learn`` alone. Those of a learner that diverges
        are NaN, with a warning that says so.

    Raises:
        MindError: the same learner is given twice, the stream cannot be learned, or ``cores`` is below 1.
    """
    if cores is not None and cores < 1:
        raise MindError(f"cores={cores}: at least 1 is needed")
    if len({id(m) for m in minds}) != len(minds):
        raise MindError("the same learner was given twice; give each its own place")
    if not minds:
        raise MindError("no learners were given")
    for m in minds:
        m.prepare()  # compiling is not thread-safe work worth repeating
    with ThreadPoolExecutor(cores or os.cpu_count() or 1) as pool:
        return np.stack(list(pool.map(lambda m: _learned(m, X, y), minds)))


def _learned(m: Mind, X: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    try:
        return m.learn(X, y)
    except Diverged as error:  # the others go on
        warnings.warn(f"{m!r}: {error}", RuntimeWarning, stacklevel=2)
        return np.full(len(np.asarray(y)), np.nan)
