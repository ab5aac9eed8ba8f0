"""The sums of the opinion model: compiled, in one order, and without anything that a processor may do its own way.

A published model is recomputed by any member and must come out the same to the bit. So no sums are reordered or fused
(Numba's default), nothing comes from a BLAS, and ``exp`` is written out: additions, products, quotients and square
roots are the same everywhere by IEEE 754, a system's ``exp`` is not.

A row is a member or a statement; it has a Gaussian belief over ``D`` numbers, a level and ``D - 1`` places: ``mean``
(rows, D) and ``cov`` (rows, D, D). A vote of member i on statement j is agreed to with the logistic function of
``level_i + level_j + place_i . place_j``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np


def jit(function: Callable[..., Any]) -> Any:
    """Compiled, kept beside this file or where Numba keeps such; compiled anew where nothing can be kept."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError:  # no folder that can be written
        return numba.njit(function, **options)


_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 0.6931471803691238, 1.9082149292705877e-10


@jit
def exp(x):  # type: ignore[no-untyped-def]
    """e to the ``x``, within a few units of the last place: 2^k times a polynomial of what is left."""
    if x > 700.0:
        x = 700.0
    if x < -700.0:
        return 0.0
    k = math.floor(x * _LOG2E + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.0
    for n in range(14, 0, -1):
        p = 1.0 + r * p / n
    return math.ldexp(p, int(k))


@jit
def logistic(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + exp(-x)) if x >= 0 else exp(x) / (1.0 + exp(x))


@jit
def bend(xi):  # type: ignore[no-untyped-def]
    """Twice lambda of Jaakkola and Jordan (2000): the curvature of the bound on the logistic that touches at ``xi``."""
    if xi < 1e-3:
        return 0.25 - xi * xi / 48.0
    e = exp(-xi)
    return (1.0 - e) / (1.0 + e) / (2.0 * xi)


@jit
def belief(i, j, mean_a, cov_a, mean_b, cov_b):  # type: ignore[no-untyped-def]
    """Mean and variance of what decides the vote of row ``i`` of one side on row ``j`` of the other."""
    size = mean_a.shape[1]
    mean = mean_a[i, 0] + mean_b[j, 0]
    var = cov_a[i, 0, 0] + cov_b[j, 0, 0]
    for d in range(1, size):
        mean += mean_a[i, d] * mean_b[j, d]
        var += 2.0 * (cov_a[i, 0, d] * mean_b[j, d] + cov_b[j, 0, d] * mean_a[i, d])
        for e in range(1, size):
            var += mean_a[i, d] * mean_a[i, e] * cov_b[j, d, e] + cov_a[i, d, e] * (
                mean_b[j, d] * mean_b[j, e] + cov_b[j, d, e]
            )
    return mean, var


@jit
def invert(matrix, out):  # type: ignore[no-untyped-def]
    """The inverse of a small positive definite ``matrix`` (D, D) into ``out``, by Cholesky; ``matrix`` is used up."""
    size = matrix.shape[0]
    for a in range(size):
        for b in range(a + 1):
            total = matrix[a, b]
            for c in range(b):
                total -= matrix[a, c] * matrix[b, c]
            matrix[a, b] = math.sqrt(total) if a == b else total / matrix[b, b]
    for k in range(size):  # column k of the inverse: forward, then backward
        for a in range(size):
            total = 1.0 if a == k else 0.0
            for c in range(a):
                total -= matrix[a, c] * out[c, k]
            out[a, k] = total / matrix[a, a]
        for a in range(size - 1, -1, -1):
            total = out[a, k]
            for c in range(a + 1, size):
                total -= matrix[c, a] * out[c, k]
            out[a, k] = total / matrix[a, a]


@jit
def touch(who, what, mean_a, cov_a, mean_b, cov_b, xi):  # type: ignore[no-untyped-def]
    """Where each vote's bound touches now, into ``xi`` (votes,); returns the mean square of what changed."""
    moved = 0.0
    for v in range(len(who)):
        mean, var = belief(who[v], what[v], mean_a, cov_a, mean_b, cov_b)
        new = math.sqrt(mean * mean + var)
        moved += (new - xi[v]) ** 2
        xi[v] = new
    return moved / max(len(who), 1)


@jit
def learn_row(  # type: ignore[no-untyped-def]
    i, votes, other, said, weight, xi, mean_b, cov_b, prior, start, mean_a, cov_a, work
):
    """The belief of row ``i`` given the other side's, into ``mean_a[i]`` and ``cov_a[i]``.

    ``votes`` are the numbers of its votes; ``other``, ``said`` (1 or -1), ``weight`` and ``xi`` have one for each vote.
    ``prior`` (D,) are precisions and ``start`` (D,) means before any vote. ``work`` is (D + 1, D).
    """
    size = len(prior)
    for d in range(size):
        work[size, d] = prior[d] * start[d]
        for e in range(size):
            work[d, e] = prior[d] if d == e else 0.0
    for v in votes:
        j, w = other[v], weight[v]
        c, half = w * bend(xi[v]), 0.5 * w * said[v]
        level = mean_b[j, 0]
        work[size, 0] += half - c * level
        work[0, 0] += c
        for d in range(1, size):
            place = mean_b[j, d]
            work[size, d] += half * place - c * (level * place + cov_b[j, 0, d])
            work[d, 0] += c * place
            for e in range(1, d + 1):
                work[d, e] += c * (place * mean_b[j, e] + cov_b[j, d, e])
    right = work[size]
    invert(work[:size], cov_a[i])
    for d in range(size):
        total = 0.0
        for e in range(size):
            total += cov_a[i, d, e] * right[e]
        mean_a[i, d] = total


@jit
def learn_side(  # type: ignore[no-untyped-def]
    first, order, other, said, weight, xi, mean_b, cov_b, prior, start, mean_a, cov_a
):
    """``learn_row`` of every row: its votes are ``order[first[i]:first[i + 1]]``."""
    work = np.zeros((len(prior) + 1, len(prior)))
    for i in range(len(first) - 1):
        votes = order[first[i] : first[i + 1]]
        learn_row(i, votes, other, said, weight, xi, mean_b, cov_b, prior, start, mean_a, cov_a, work)


@jit
def spread(mean, cov, weight, start):  # type: ignore[no-untyped-def]
    """Mean level, and the mean square of each number around ``start`` (D,), over all rows by ``weight`` (rows,)."""
    rows, size = mean.shape
    level, square, total = 0.0, np.zeros(size), 0.0
    for i in range(rows):
        total += weight[i]
        level += weight[i] * mean[i, 0]
        for d in range(size):
            square[d] += weight[i] * ((mean[i, d] - start[d]) ** 2 + cov[i, d, d])
    return level / max(total, 1e-12), square / max(total, 1e-12)


@jit
def directions(who, what, left, a, b, times):  # type: ignore[no-untyped-def]
    """Leading directions of the sparse matrix ``left`` by subspace iteration, into ``a`` (members, K) and ``b``
    (statements, K): columns of length 1, by Gram and Schmidt."""
    for _ in range(times):
        a[:] = 0.0
        for v in range(len(who)):
            for k in range(a.shape[1]):
                a[who[v], k] += left[v] * b[what[v], k]
        _straighten(a)
        b[:] = 0.0
        for v in range(len(who)):
            for k in range(a.shape[1]):
                b[what[v], k] += left[v] * a[who[v], k]
        _straighten(b)


@jit
def _straighten(a):  # type: ignore[no-untyped-def]
    rows, columns = a.shape
    for k in range(columns):
        for before in range(k):
            along = 0.0
            for i in range(rows):
                along += a[i, k] * a[i, before]
            for i in range(rows):
                a[i, k] -= along * a[i, before]
        length = 0.0
        for i in range(rows):
            length += a[i, k] * a[i, k]
        length = math.sqrt(length)
        for i in range(rows):
            a[i, k] = a[i, k] / length if length > 1e-12 else 0.0


@jit
def strengths(who, what, mean_a, cov_a, mean_b, cov_b, out):  # type: ignore[no-untyped-def]
    """How strongly each vote is expected, into ``out`` (votes,): the mean of what decides it, less where that is unsure
    (MacKay 1992: the logistic of a Gaussian)."""
    for v in range(len(who)):
        mean, var = belief(who[v], what[v], mean_a, cov_a, mean_b, cov_b)
        out[v] = mean / math.sqrt(1.0 + math.pi * var / 8.0)


@jit
def slope(strength, said, weight, steps):  # type: ignore[no-untyped-def]
    """What strengths must be multiplied by so that votes are likeliest, by Newton's method; between .2 and 5."""
    k = 1.0
    for _ in range(steps):
        up, curve = -0.1 * (k - 1.0), 0.1  # as weak as a vote's tenth, so that few votes say little
        for v in range(len(strength)):
            p = logistic(k * strength[v])
            up += weight[v] * ((1.0 if said[v] > 0 else 0.0) - p) * strength[v]
            curve += weight[v] * p * (1.0 - p) * strength[v] ** 2
        k = min(max(k + up / curve, 0.2), 5.0)
    return k
