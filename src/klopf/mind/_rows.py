"""Rows of a table, dense or sparse, for a learner that takes them one after another.

A sparse table (SciPy's CSR) is made dense a block at a time; it is never whole in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks", "dense", "keys", "roomy", "visits"]

MOST_VISITS = 16
"""How often a row is learned at most in one pass, however heavy it is; what is left is in its weight."""

_NUMBERS = 1 << 20  # in one block: 8 MB


def dense(X: Any, rows: Any) -> NDArray[Any]:
    """Those rows of ``X``, dense: ``(n, columns)``."""
    part = X[rows]
    out: NDArray[Any] = part.toarray() if hasattr(part, "toarray") else part
    return out


def blocks(order: NDArray[np.int64], columns: int) -> Iterator[NDArray[np.int64]]:
    """``order`` cut into pieces so small that as many dense rows fit into a few megabytes."""
    size = max(1, _NUMBERS // max(columns, 1))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def keys(X: Any) -> NDArray[np.uint64]:
    """A number for each row that depends on what is in it and on nothing else: not on where it stands, nor on whether
    the table is sparse. Shape ``(n,)``."""
    with np.errstate(over="ignore"):
        if not hasattr(X, "indptr"):
            x = np.ascontiguousarray(X, np.float64)
            places = _mixed(np.arange(1, x.shape[1] + 1, dtype=np.uint64))
            out = np.zeros(len(x), np.uint64)
            for rows in blocks(np.arange(len(x)), x.shape[1]):
                part = x[rows[0] : rows[-1] + 1]
                out[rows] = (_mixed(part.view(np.uint64) ^ places) * (part != 0)).sum(1, dtype=np.uint64)
            return out
        values = np.ascontiguousarray(X.data, np.float64)
        columns = _mixed(X.indices.astype(np.uint64) + np.uint64(1))
        mixed = np.append(np.uint64(0), (_mixed(values.view(np.uint64) ^ columns) * (values != 0)).cumsum())
        return np.asarray(mixed[X.indptr[1:]] - mixed[X.indptr[:-1]], np.uint64)


def visits(weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How often each row is to be learned, and with which weight each time, so that together it is its own.

    A whole number is as many visits of weight 1: as if the row were there so often.

    >>> visits(np.array([0.0, 0.5, 1.0, 3.0, 2.5]))[0].tolist()
    [0, 1, 1, 3, 3]
    """
    often = np.minimum(np.ceil(weights), MOST_VISITS).astype(np.int64)
    return often, np.divide(weights, often, out=np.zeros(len(weights)), where=often > 0)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A 64-bit finaliser: Steele, Lea and Flood, *Fast splittable pseudorandom number generators* (2014), section 4."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def roomy(n: int) -> int:
    """The next power of two, so that what arrives one after another widens a network seldom.

    >>> [roomy(n) for n in (1, 2, 3, 9)]
    [1, 2, 4, 16]
    """
    return 1 << (max(n, 1) - 1).bit_length()
