"""One covariance for a whole layer: all its units hear the same inputs, so what is known about those is shared.

A layer with inputs ``x`` (the bias among them) keeps a matrix ``K`` of ``rows x rows``. Writing all of it in every step
would cost more than everything else, so the last few samples wait in a list: with ``base`` the matrix in memory,

    K = a * base + b * I - sum_p g_p * h_p * h_p'

and only when the list is full it is worked into ``base``, in one pass. In exact arithmetic nothing changes by that. The
list, like the matrix, is part of the state, so that a learner saved in the middle of it goes on to the bit.

``tail`` is where the layer's few numbers lie in the table: 0 the running power of its inputs, 1 ``a``, 2 ``b``, 3 how
many wait, 4 and on their ``g``. The waiting vectors follow them, each as long as a row.
"""

from __future__ import annotations

from klopf.mind._jit import jit
from klopf.mind._k_known import COUNT, GAINS, NUMBERS, RIDGE, SCALE, WAITING
from klopf.mind._k_parts import forward


@jit
def share_project(K, at, tail, stride, rows, A, ao, idx, io, na, H, ho):  # type: ignore[no-untyped-def]
    """``H = K x`` for a layer's covariance and its inputs with the bias; returns ``x K x``."""
    forward(K, at, stride, rows - 1, A, ao, idx, io, na, H, ho)
    h = H[ho : ho + stride]
    a = K[tail + SCALE]
    b = K[tail + RIDGE]
    if a != 1 or b != 0:
        for r in range(stride):
            h[r] *= a
        for k in range(na):
            i = idx[io + k]
            h[i] += b * A[ao + i]
        h[rows - 1] += b
    for p in range(int(K[tail + COUNT])):
        o = tail + NUMBERS + p * stride
        v = K[o : o + stride]
        along = v[rows - 1]
        for k in range(na):
            i = idx[io + k]
            along += A[ao + i] * v[i]
        along *= K[tail + GAINS + p]
        for r in range(stride):
            h[r] -= along * v[r]
    q = h[rows - 1]
    for k in range(na):
        i = idx[io + k]
        q += A[ao + i] * h[i]
    return q


@jit
def share_learn(K, at, tail, stride, rows, c, keep, gain, H, ho):  # type: ignore[no-untyped-def]
    """``K <- keep * (K - c H H') + gain * I``: the sample joins those that wait."""
    n = int(K[tail + COUNT])
    K[tail + SCALE] *= keep
    K[tail + RIDGE] = K[tail + RIDGE] * keep + gain
    for p in range(n):
        K[tail + GAINS + p] *= keep
    K[tail + GAINS + n] = c * keep
    o = tail + NUMBERS + n * stride
    for r in range(stride):
        K[o + r] = H[ho + r]
    K[tail + COUNT] = n + 1
    if n + 1 == WAITING:
        share_settle(K, at, tail, stride, rows)


@jit
def share_settle(K, at, tail, stride, rows):  # type: ignore[no-untyped-def]
    """Work the samples that wait into the matrix: eight at a time, so that a pass over it is worth its traffic."""
    a = K[tail + SCALE]
    b = K[tail + RIDGE]
    n = int(K[tail + COUNT])
    for p in range(n, WAITING):
        K[tail + GAINS + p] = 0
    o = tail + NUMBERS
    h0 = K[o : o + stride]
    h1 = K[o + stride : o + 2 * stride]
    h2 = K[o + 2 * stride : o + 3 * stride]
    h3 = K[o + 3 * stride : o + 4 * stride]
    h4 = K[o + 4 * stride : o + 5 * stride]
    h5 = K[o + 5 * stride : o + 6 * stride]
    h6 = K[o + 6 * stride : o + 7 * stride]
    h7 = K[o + 7 * stride : o + 8 * stride]
    g = K[tail + GAINS : tail + GAINS + WAITING]
    for r in range(rows):
        row = K[at + r * stride : at + (r + 1) * stride]
        c0 = g[0] * h0[r]
        c1 = g[1] * h1[r]
        c2 = g[2] * h2[r]
        c3 = g[3] * h3[r]
        c4 = g[4] * h4[r]
        c5 = g[5] * h5[r]
        c6 = g[6] * h6[r]
        c7 = g[7] * h7[r]
        for q in range(stride):
            row[q] = a * row[q] - (
                (c0 * h0[q] + c1 * h1[q])
                + (c2 * h2[q] + c3 * h3[q])
                + (c4 * h4[q] + c5 * h5[q])
                + (c6 * h6[q] + c7 * h7[q])
            )
        row[r] += b
    K[tail + SCALE] = 1
    K[tail + RIDGE] = 0
    K[tail + COUNT] = 0


@jit
def spread_project(K, at, rows, A, ao, idx, io, na):  # type: ignore[no-untyped-def]
    """``x K x`` where the layer is too wide for more than the diagonal of ``K``."""
    q = K[at + rows - 1]
    for k in range(na):
        i = idx[io + k]
        x = A[ao + i]
        q += x * x * K[at + i]
    return q
