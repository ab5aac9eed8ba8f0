"""A network that learns from batches: forward and backward through layers of tanh or ReLU units, and Adam.

Everything is flat. ``layers[n, l]`` is a row of inputs, units, where its weights begin (inputs by units, one input's
together; then the biases), where its records of units begin. Activities of layer ``l`` of network ``n`` are rows of
``wide`` numbers in ``H`` from ``place(...)`` on; ``H`` of layer 0 is what is seen.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.batch_layout import AT, FIRST, GRADIENT, IN, OUT, SECOND, TANH, WEIGHT

NARROW = 8
"""Numbers that a register holds: of fewer columns a product goes the other way round."""


@jit
def add_product(A, a0, ai, ak, B, b0, bk, C, c0, ci, rows, inner, columns):  # type: ignore[no-untyped-def]
    """``C[i, j] += sum_k A[i, k] * B[k, j]``, the three in flat arrays: of ``A`` both strides are given, of the others
    a row's. Two rows and four terms at once is what sixteen registers hold."""
    for i in range(0, rows - 1, 2):
        x = C[c0 + i * ci : c0 + i * ci + columns]
        y = C[c0 + (i + 1) * ci : c0 + (i + 1) * ci + columns]
        for k in range(0, inner - 3, 4):
            p = a0 + i * ai + k * ak
            q = p + ai
            a, b, c, d = A[p], A[p + ak], A[p + 2 * ak], A[p + 3 * ak]
            e, f, g, h = A[q], A[q + ak], A[q + 2 * ak], A[q + 3 * ak]
            o = b0 + k * bk
            r = B[o : o + columns]
            s = B[o + bk : o + bk + columns]
            t = B[o + 2 * bk : o + 2 * bk + columns]
            u = B[o + 3 * bk : o + 3 * bk + columns]
            for j in range(columns):
                x[j] += a * r[j] + b * s[j] + c * t[j] + d * u[j]
                y[j] += e * r[j] + f * s[j] + g * t[j] + h * u[j]
        for k in range(inner - inner % 4, inner):
            a, e = A[a0 + i * ai + k * ak], A[a0 + (i + 1) * ai + k * ak]
            r = B[b0 + k * bk : b0 + k * bk + columns]
            for j in range(columns):
                x[j] += a * r[j]
                y[j] += e * r[j]
    if rows % 2:
        i = rows - 1
        x = C[c0 + i * ci : c0 + i * ci + columns]
        for k in range(0, inner - 3, 4):
            p = a0 + i * ai + k * ak
            a, b, c, d = A[p], A[p + ak], A[p + 2 * ak], A[p + 3 * ak]
            o = b0 + k * bk
            r = B[o : o + columns]
            s = B[o + bk : o + bk + columns]
            t = B[o + 2 * bk : o + 2 * bk + columns]
            u = B[o + 3 * bk : o + 3 * bk + columns]
            for j in range(columns):
                x[j] += a * r[j] + b * s[j] + c * t[j] + d * u[j]
        for k in range(inner - inner % 4, inner):
            a = A[a0 + i * ai + k * ak]
            r = B[b0 + k * bk : b0 + k * bk + columns]
            for j in range(columns):
                x[j] += a * r[j]


@jit
def add_narrow(A, a0, ai, T, C, c0, ci, rows, inner, columns):  # type: ignore[no-untyped-def]
    """``add_product`` where ``C`` has so few columns that a row of them fills no register: ``T`` is ``B`` with its
    columns as rows, and along these it is summed."""
    for i in range(rows):
        x = A[a0 + i * ai : a0 + i * ai + inner]
        for j in range(columns):
            w = T[j * inner : (j + 1) * inner]
            total = C[c0 + i * ci + j]
            for k in range(inner):
                total += x[k] * w[k]
            C[c0 + i * ci + j] = total


@jit
def turned(A, a0, rows, columns, T):  # type: ignore[no-untyped-def]
    """A table of ``rows`` by ``columns`` at ``a0`` of ``A``, with its columns as rows, into ``T``."""
    for j in range(columns):
        for i in range(rows):
            T[j * rows + i] = A[a0 + i * columns + j]


@jit
def place(layers, n, l, batch, wide):  # type: ignore[no-untyped-def]
    """Where in a table of activities those of network ``n`` before its layer ``l`` begin."""
    return (n * (layers.shape[1] + 1) + l) * batch * wide


@jit
def tanh(x):  # type: ignore[no-untyped-def]
    """Of numbers whose kind is kept: Lambert's continued fraction of an eighth, doubled three times by
    tanh 2a = 2 tanh a / (1 + tanh^2 a), twice of them as a fraction, since a division takes as long as ten products.
    Right to 1e-15 in double precision, and without a call, so eight go at once."""
    kind = type(x)
    y = min(kind(20), max(kind(-20), x)) * kind(0.125)
    z = y * y
    up = kind(135135) + z * (kind(17325) + z * (kind(378) + z))
    down = kind(135135) + z * (kind(62370) + z * (kind(3150) + z * kind(28)))
    t = y * up / down
    up, down = t + t, kind(1) + t * t
    up, down = kind(2) * up * down, down * down + up * up
    return kind(2) * up * down / (down * down + up * up)


@jit
def forward(W, layers, n, H, T, batch, wide, rows, kind):  # type: ignore[no-untyped-def]
    """All layers of network ``n``, for ``rows`` rows of ``H``, which has room for ``batch``; ``T`` has it for a layer's
    weights."""
    last = layers.shape[1] - 1
    zero = W.dtype.type(0)
    for l in range(last + 1):
        inputs, units, at = layers[n, l, IN], layers[n, l, OUT], layers[n, l, AT]
        x0, y0 = place(layers, n, l, batch, wide), place(layers, n, l + 1, batch, wide)
        bias = W[at + inputs * units : at + inputs * units + units]
        for i in range(rows):
            y = H[y0 + i * wide : y0 + i * wide + units]
            for j in range(units):
                y[j] = bias[j]
        if units < NARROW and rows > 1:
            turned(W, at, inputs, units, T)
            add_narrow(H, x0, wide, T, H, y0, wide, rows, inputs, units)
        else:
            add_product(H, x0, wide, 1, W, at, units, H, y0, wide, rows, inputs, units)
        if l < last:
            for i in range(rows):
                y = H[y0 + i * wide : y0 + i * wide + units]
                if kind == TANH:
                    for j in range(units):
                        y[j] = tanh(y[j])
                else:
                    for j in range(units):
                        y[j] = max(y[j], zero)


@jit
def backward(P, layers, n, H, D, T, batch, wide, rows, kind):  # type: ignore[no-untyped-def]
    """From the gradients of the outputs, in ``D`` where ``H`` has the outputs, into row ``GRADIENT`` of ``P``, which is
    written, not added to. ``T`` has room for a layer's weights."""
    W, G = P[WEIGHT], P[GRADIENT]
    one = P.dtype.type(1)
    zero = P.dtype.type(0)
    last = layers.shape[1] - 1
    for q in range(last + 1):
        l = last - q
        inputs, units, at = layers[n, l, IN], layers[n, l, OUT], layers[n, l, AT]
        x0, y0 = place(layers, n, l, batch, wide), place(layers, n, l + 1, batch, wide)
        G[at : at + (inputs + 1) * units] = zero
        bias = G[at + inputs * units : at + (inputs + 1) * units]
        for i in range(rows):
            d = D[y0 + i * wide : y0 + i * wide + units]
            for j in range(units):
                bias[j] += d[j]
        if units < NARROW:
            T[: inputs * units] = zero
            add_product(D, y0, 1, wide, H, x0, wide, T, 0, inputs, units, rows, inputs)
            for j in range(units):
                for i in range(inputs):
                    G[at + i * units + j] = T[j * inputs + i]
        else:
            add_product(H, x0, 1, wide, D, y0, wide, G, at, units, inputs, rows, units)
        if l == 0:
            break
        turned(W, at, inputs, units, T)
        for i in range(rows):
            D[x0 + i * wide : x0 + i * wide + inputs] = zero
        add_product(D, y0, wide, 1, T, 0, inputs, D, x0, wide, rows, units, inputs)
        for i in range(rows):
            h = H[x0 + i * wide : x0 + i * wide + inputs]
            d = D[x0 + i * wide : x0 + i * wide + inputs]
            if kind == TANH:
                for j in range(inputs):
                    d[j] *= one - h[j] * h[j]
            else:
                for j in range(inputs):
                    d[j] = d[j] if h[j] > zero else zero


@jit
def adam(P, first, count, step, beta1, beta2, root, epsilon, decay, shrink):  # type: ignore[no-untyped-def]
    """Adam (Kingma and Ba, 2015) on ``count`` weights from ``first``, as PyTorch has it: ``step`` is the step-size over
    ``1 - beta1**t``, ``root`` is ``sqrt(1 - beta2**t)``, ``decay`` is added to gradients (L2), which are multiplied by
    ``shrink`` before."""
    one = P.dtype.type(1)
    w = P[WEIGHT, first : first + count]
    g = P[GRADIENT, first : first + count]
    m = P[FIRST, first : first + count]
    v = P[SECOND, first : first + count]
    rest1, rest2, down = one - beta1, one - beta2, one / root
    for k in range(count):
        d = g[k] * shrink + decay * w[k]
        m1 = beta1 * m[k] + rest1 * d
        v1 = beta2 * v[k] + rest2 * d * d
        m[k] = m1
        v[k] = v1
        w[k] -= step * m1 / (math.sqrt(v1) * down + epsilon)
