"""What a Kalman learner knows: covariances over the inputs of a layer's units, the bias last.

A unit of a narrow layer has a matrix of its own (``own_...``). In a wider one all units hear the same inputs, so what
is known about those is shared (``shared_...``): one matrix ``K`` of ``rows x rows``. Writing all of it in every step
would cost more than everything else, so the last few samples wait in a list: with ``base`` the matrix in memory,

    K = a * base + b * I - sum_p g_p * h_p * h_p'

and only when the list is full it is worked into ``base``, in one pass. In exact arithmetic nothing changes by that. The
list, like the matrix, is part of the state, so that a learner saved in the middle of it goes on to the bit. The layer's
few numbers lie in its matrix's tail (``state.POWER`` and on), the vectors that wait behind them, each as long as a row.
In the widest layers only the diagonal is kept.
"""

from __future__ import annotations

from klopf.mind._jit import jit
from klopf.mind.kernels.forward import weighted_sums
from klopf.mind.kernels.state import (
    BIAS,
    COUNT,
    COVARIANCE_AT,
    COVARIANCE_STRIDE,
    FACTOR,
    GAINS,
    KIND,
    OWN,
    RIDGE,
    STRIDE,
    TAIL,
    WAITING,
    WEIGHTS_AT,
)


@jit
def own_product(K, at, stride, rows, A, ao, idx, io, na, H, ho):  # type: ignore[no-untyped-def]
    """``H = K x`` for one unit's covariance and the input with its bias; returns ``x K x``."""
    h = H[ho : ho + stride]
    k0 = K[at + (rows - 1) * stride : at + rows * stride]
    for r in range(stride):
        h[r] = k0[r]
    for k in range(na):
        i = idx[io + k]
        x = A[ao + i]
        row = K[at + i * stride : at + (i + 1) * stride]
        for r in range(stride):
            h[r] += x * row[r]
    q = h[rows - 1]
    for k in range(na):
        i = idx[io + k]
        q += A[ao + i] * h[i]
    return q


@jit
def own_update(K, at, stride, rows, c, keep, gain, H, ho):  # type: ignore[no-untyped-def]
    """``K <- keep * (K - c H H') + gain I``: one unit's covariance takes in a sample."""
    h = H[ho : ho + stride]
    for r in range(rows):
        g = c * h[r] * keep
        row = K[at + r * stride : at + (r + 1) * stride]
        for q in range(stride):
            row[q] = row[q] * keep - g * h[q]
        row[r] += gain


@jit
def own_prior(layers, l, prior, fan_in):  # type: ignore[no-untyped-def]
    """Variance of one weight of a newborn in hidden layer ``l``: an equal part of ``prior`` for the bias and each input
    that it hears, of which there are ``fan_in`` at most (0 for all)."""
    heard = layers[l, BIAS]
    if 0 < fan_in < heard:
        heard = fan_in
    return prior / (heard + 1)


@jit
def own_input_reset(K, layers, matrices, l, j, i, variance):  # type: ignore[no-untyped-def]
    """Unit ``j`` of layer ``l`` knows nothing about its input ``i`` but this variance: 0 if it does not hear it."""
    rows = layers[l, BIAS] + 1
    ks = matrices[l, COVARIANCE_STRIDE]
    at = matrices[l, COVARIANCE_AT] + j * rows * ks
    for r in range(rows):
        K[at + r * ks + i] = 0.0
        K[at + i * ks + r] = 0.0
    K[at + i * ks + i] = variance


@jit
def own_reset(P, K, layers, matrices, connected, l, j, prior, fan_in):  # type: ignore[no-untyped-def]
    """Unit ``j`` of layer ``l`` knows as little as at birth, about the inputs that it hears."""
    rows = layers[l, BIAS] + 1
    ks = matrices[l, COVARIANCE_STRIDE]
    at = matrices[l, COVARIANCE_AT] + j * rows * ks
    for r in range(rows * ks):
        K[at + r] = 0.0
    variance = own_prior(layers, l, prior, fan_in if connected > 0 else 0)
    for r in range(rows):
        if connected == 0 or r == rows - 1 or P[connected, layers[l, WEIGHTS_AT] + r * layers[l, STRIDE] + j] > 0:
            K[at + r * ks + r] = variance


@jit
def listen_to_new_input(P, K, layers, matrices, connected, l, k, i, prior, fan_in):  # type: ignore[no-untyped-def]
    """A new input ``i`` for unit ``k`` of hidden layer ``l``: it listens if it does not hear ``fan_in`` others yet."""
    heard = 0
    for r in range(layers[l, BIAS]):
        if r != i and P[connected, layers[l, WEIGHTS_AT] + r * layers[l, STRIDE] + k] > 0:
            heard += 1
    listens = heard < fan_in
    P[connected, layers[l, WEIGHTS_AT] + i * layers[l, STRIDE] + k] = 1.0 if listens else 0.0
    if matrices[l, KIND] == OWN:
        own_input_reset(K, layers, matrices, l, k, i, own_prior(layers, l, prior, fan_in) if listens else 0.0)


@jit
def shared_product(K, at, tail, stride, rows, A, ao, idx, io, na, H, ho):  # type: ignore[no-untyped-def]
    """``H = K x`` for a layer's covariance and its inputs with the bias; returns ``x K x``."""
    weighted_sums(K, at, stride, rows - 1, A, ao, idx, io, na, H, ho)
    h = H[ho : ho + stride]
    a = K[tail + FACTOR]
    b = K[tail + RIDGE]
    if a != 1 or b != 0:
        for r in range(stride):
            h[r] *= a
        for k in range(na):
            i = idx[io + k]
            h[i] += b * A[ao + i]
        h[rows - 1] += b
    for p in range(int(K[tail + COUNT])):
        o = tail + TAIL + p * stride
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
def shared_update(K, at, tail, stride, rows, c, keep, gain, H, ho):  # type: ignore[no-untyped-def]
    """``K <- keep * (K - c H H') + gain * I``: the sample joins those that wait."""
    n = int(K[tail + COUNT])
    K[tail + FACTOR] *= keep
    K[tail + RIDGE] = K[tail + RIDGE] * keep + gain
    for p in range(n):
        K[tail + GAINS + p] *= keep
    K[tail + GAINS + n] = c * keep
    o = tail + TAIL + n * stride
    for r in range(stride):
        K[o + r] = H[ho + r]
    K[tail + COUNT] = n + 1
    if n + 1 == WAITING:
        shared_rewrite(K, at, tail, stride, rows)


@jit
def shared_rewrite(K, at, tail, stride, rows):  # type: ignore[no-untyped-def]
    """Work the samples that wait into the matrix: eight at a time, so that a pass over it is worth its traffic."""
    a = K[tail + FACTOR]
    b = K[tail + RIDGE]
    n = int(K[tail + COUNT])
    for p in range(n, WAITING):
        K[tail + GAINS + p] = 0
    o = tail + TAIL
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
    K[tail + FACTOR] = 1
    K[tail + RIDGE] = 0
    K[tail + COUNT] = 0


@jit
def shared_input_reset(K, at, tail, stride, rows, i, variance):  # type: ignore[no-untyped-def]
    """Input ``i`` has a newborn behind it: what was known about it goes, its variance is ``variance`` again."""
    for p in range(int(K[tail + COUNT])):
        K[tail + TAIL + p * stride + i] = 0
    for r in range(rows):
        K[at + r * stride + i] = 0
        K[at + i * stride + r] = 0
    K[at + i * stride + i] = (variance - K[tail + RIDGE]) / K[tail + FACTOR]


@jit
def diagonal_product(K, at, rows, A, ao, idx, io, na):  # type: ignore[no-untyped-def]
    """``x K x`` where the layer is too wide for more than the diagonal of ``K``."""
    q = K[at + rows - 1]
    for k in range(na):
        i = idx[io + k]
        x = A[ao + i]
        q += x * x * K[at + i]
    return q
