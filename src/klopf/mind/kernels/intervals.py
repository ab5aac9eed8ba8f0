"""How large errors are, where: the spread of a target around its predictions, and quantiles of what comes, followed.

The spread at an input is ``base * exp(w'z)``: ``z`` are the input's numbers and the prediction, in deviations from
their means, and their squares; ``w`` follows the likelihood of a Laplace distribution by Newton's steps (its log-scale
has information 1, so the precision is that of recursive least squares), ``base`` the mean error of late. Beside it
stands the mean error of late alone. Each is listened to by how well it foretold the errors, so that a spread which is
the same everywhere costs nothing.

Errors over their spread are compared with two quantiles for each level, one to each side, which move by

    q <- q + pace * max(|q|, 1) * (1[r > q] - (1 - tau))

(Gibbs and Candes, *Adaptive conformal inference under distribution shift*, NeurIPS 2021, on the quantile instead of the
level): whatever the stream, the share of errors below ``q`` comes to ``tau``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from klopf.mind._jit import jit

MOST = 24
"""Inputs of which each has a weight; of more, their mean square has one."""
COUNT, BASE, FITTED, FITTED_LOSS, PLAIN_LOSS, OUT, SURPRISE = range(7)
PRIOR = 0.05
"""Variance of a weight before anything is known."""
KEEP = 0.9995
PACE = 0.02
HORIZON = 100.0
BOUND = 3.0
SOON, OUTLIER = 20, 5.0
"""From so many samples on an error counts for at most so many times the mean."""
FAR = 6.0
"""From then on an input counts for at most so many deviations."""
RUN = 5
"""More outliers in a row are none."""


class Spread(NamedTuple):
    """What is kept: means and variances of the inputs ``(2, d)``, ``w`` ``(m,)`` and its covariance ``(m, m)``, room
    for ``z`` and for products, the quantiles ``(levels,)`` and what they are quantiles of, and seven numbers."""

    seen: Any
    weights: Any
    covariance: Any
    z: Any
    products: Any
    quantiles: Any
    taus: Any
    numbers: Any


@jit
def sense(spread, x):  # type: ignore[no-untyped-def]
    """``z`` of an input; what is missing is as usual."""
    z, seen = spread.z, spread.seen
    d = x.shape[0]
    wide = d > MOST
    if wide:
        z[0] = 0.0
    for i in range(d):
        v = 0.0
        if x[i] == x[i] and seen[1, i] > 0:
            v = min(max((x[i] - seen[0, i]) / math.sqrt(seen[1, i]), -BOUND), BOUND)
        if wide:
            z[0] += v * v / d
        else:
            z[i] = v
            z[d + i] = v * v - 1.0
    if wide:
        z[0] -= 1.0


@jit
def log_spread(spread, fitted):  # type: ignore[no-untyped-def]
    """The logarithm of the spread where ``w'z`` is ``fitted``."""
    numbers = spread.numbers
    better = numbers[PLAIN_LOSS] - numbers[FITTED_LOSS]
    trust = 1.0 / (1.0 + math.exp(-min(max(better, -30.0), 30.0)))
    plain = math.log(max(numbers[BASE], 1e-300))
    return plain + trust * (math.log(max(numbers[FITTED], 1e-300)) + fitted - plain)


@jit
def fitted_at(spread, x):  # type: ignore[no-untyped-def]
    """``w'z`` at an input, bounded."""
    sense(spread, x)
    total = 0.0
    for i in range(spread.weights.shape[0]):
        total += spread.weights[i] * spread.z[i]
    return min(max(total, -BOUND), BOUND)


@jit
def spread_at(spread, X, out):  # type: ignore[no-untyped-def]
    """The spread at every row of ``X``, ``(n, d)``, into ``out``, ``(n,)``."""
    for t in range(X.shape[0]):
        out[t] = math.exp(log_spread(spread, fitted_at(spread, X[t])))


@jit
def learn_errors(spread, X, errors):  # type: ignore[no-untyped-def]
    """Take in the errors, ``(n,)``, that were made at the rows of ``X``, one after another."""
    numbers, q = spread.numbers, spread.quantiles
    for t in range(X.shape[0]):
        x = X[t]
        size = abs(errors[t])
        fitted = fitted_at(spread, x)
        n = numbers[COUNT] + 1.0
        if n > 2 and numbers[BASE] > 0:
            r = errors[t] / math.exp(log_spread(spread, fitted))
            numbers[SURPRISE] = abs(r)
            pace = max(PACE, 0.5 / n**0.6)
            for k in range(q.shape[0]):
                q[k] += pace * max(abs(q[k]), 1.0) * ((r > q[k]) - (1.0 - spread.taus[k]))
        if n > 2 and numbers[BASE] > 0 and numbers[FITTED] > 0:
            logs = math.log(numbers[BASE])
            one = math.log(numbers[FITTED]) + fitted
            numbers[PLAIN_LOSS] += min(size / numbers[BASE], 10.0) + logs
            numbers[FITTED_LOSS] += min(size / math.exp(one), 10.0) + one
            least = min(numbers[PLAIN_LOSS], numbers[FITTED_LOSS])
            numbers[PLAIN_LOSS] = 0.995 * (numbers[PLAIN_LOSS] - least)
            numbers[FITTED_LOSS] = 0.995 * (numbers[FITTED_LOSS] - least)
            _follow(spread, min(size / math.exp(one), 5.0) - 1.0)
        numbers[OUT] = numbers[OUT] + 1.0 if size > OUTLIER * numbers[BASE] else 0.0
        rate = max(1.0 / n, 1.0 / HORIZON)
        for k in (BASE, FITTED):
            come = size if k == BASE else size / math.exp(fitted)
            if n > SOON and numbers[OUT] <= RUN and numbers[k] > 0:
                come = min(come, OUTLIER * numbers[k])
            numbers[k] += rate * (come - numbers[k])
        numbers[COUNT] = n
        for i in range(x.shape[0]):
            if x[i] == x[i]:
                d = x[i] - spread.seen[0, i]
                if n > SOON and spread.seen[1, i] > 0:  # one input far out is not to hide all others for good
                    most = FAR * math.sqrt(spread.seen[1, i])
                    d = min(max(d, -most), most)
                rate = max(1.0 / n, 1e-3)
                spread.seen[0, i] += rate * d
                spread.seen[1, i] = (1.0 - rate) * (spread.seen[1, i] + rate * d * d)


@jit
def _follow(spread, gradient):  # type: ignore[no-untyped-def]
    """One step of ``w`` and its covariance."""
    w, P, z, h = spread.weights, spread.covariance, spread.z, spread.products
    m = w.shape[0]
    total = 1.0
    for i in range(m):
        h[i] = 0.0
        for j in range(m):
            h[i] += P[i, j] * z[j]
        total += z[i] * h[i]
    for i in range(m):
        w[i] += gradient * h[i] / total
        for j in range(m):
            P[i, j] -= h[i] * h[j] / total
    for i in range(m):
        P[i, i] = KEEP * P[i, i] + (1.0 - KEEP) * PRIOR
