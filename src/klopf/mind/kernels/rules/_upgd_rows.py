"""One row of weights learns by UPGD; see ``upgd``."""

from __future__ import annotations

import numpy as np

from klopf.mind._jit import jit
from klopf.mind.kernels.random import GOLDEN, four_sixteenths, mixed


@jit
def row_use(W, V, F, b, units, x, D, zo, beta):  # type: ignore[no-untyped-def]
    """Uses ``-g w`` of one row of weights, averaged, and what corrects their bias; returns the largest, corrected."""
    w = W[b : b + units]
    v = V[b : b + units]
    f = F[b : b + units]
    d = D[zo : zo + units]
    one = W.dtype.type(1)
    rest = one - beta
    best = W.dtype.type(0)
    for j in range(units):
        fade = f[j] * beta
        use = beta * v[j] + rest * (d[j] * x) * w[j]
        f[j] = fade
        v[j] = use
        use /= one - fade
        best = use if use > best else best
    return best


@jit
def row_upgd(W, V, F, b, units, x, D, zo, alpha, shrink, shake, best, rng):  # type: ignore[no-untyped-def]
    """One row of weights learns by UPGD: noise as from :func:`noise`, gates as ``1 - sigmoid(use / best)``.

    The gate is a quotient of polynomials (Lambert's continued fraction of tanh), within 1e-4 everywhere and 1e-7 where
    uses are positive, because an exponential for each weight would cost more than all the rest.
    """
    start = rng[0]
    w = W[b : b + units]
    v = V[b : b + units]
    f = F[b : b + units]
    d = D[zo : zo + units]
    one = W.dtype.type(1)
    half = W.dtype.type(0.5)
    limit = W.dtype.type(4.9)
    even0, even1, even2 = W.dtype.type(135135), W.dtype.type(17325), W.dtype.type(378)
    odd1, odd2, odd3 = W.dtype.type(62370), W.dtype.type(3150), W.dtype.type(28)
    middle, width = W.dtype.type(131070), W.dtype.type(2.6428998e-05)
    for j in range(units):
        z = start + np.uint64(j + 1) * GOLDEN
        four = np.int64(four_sixteenths(mixed(z)))
        xi = (W.dtype.type(four) - middle) * width
        u = min(max(half * v[j] / ((one - f[j]) * best), -limit), limit)
        u2 = u * u
        tanh = u * (even0 + u2 * (even1 + u2 * (even2 + u2))) / (even0 + u2 * (odd1 + u2 * (odd2 + odd3 * u2)))
        w[j] = w[j] * shrink + alpha * (d[j] * x + shake * xi) * (half - half * tanh)
    rng[0] = start + np.uint64(units) * GOLDEN
