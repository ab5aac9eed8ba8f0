"""The network that every streaming agent is made of: forward, and backward into traces.

Hidden layers: linear, layer normalisation without learned scale (epsilon 1e-5, as PyTorch's), leaky ReLU. The last
layer is linear. Elsayed, Vasan and Mahmood (2024), *Streaming deep reinforcement learning finally works*, section 3.
Sums, activities, normalisation and their derivatives are the mind's own; ``layout`` says where everything lies.
"""

from __future__ import annotations

import math

from klopf.mind.kernels.forward import LEAKY, activity, all_weighted_sums, layer_norm, layer_norm_back, slope_as
from klopf.mind.kernels.rows import row_dot
from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    ADAPTIVE,
    C_BETA2,
    C_DECAY,
    C_DELTA,
    C_EPSILON,
    C_FADE2,
    C_HIGH,
    C_LOW,
    C_META,
    C_TAU,
    FIXED,
    GRADIENT,
    INPUTS,
    INPUTS_AT,
    INTENTIONAL,
    LARGEST,
    LEAK,
    MEMORY,
    OBGD,
    PLAIN,
    SECOND,
    STEP_SIZE,
    SUMS_AT,
    TRACE,
    UNITS,
    WEIGHT,
    WEIGHTS_AT,
)


@jit
def forward(W, layers, A, hyp):  # type: ignore[no-untyped-def]
    """All layers of one network, from the inputs in ``A``; outputs at ``layers[-1, SUMS_AT]``."""
    last = layers.shape[0] - 1
    one = W.dtype.type(1)
    small = W.dtype.type(1e-5)
    leak = hyp[LEAK]
    for l in range(last):
        units = layers[l, UNITS]
        z0 = layers[l, SUMS_AT]
        h0 = layers[l + 1, INPUTS_AT]
        all_weighted_sums(W, layers[l, WEIGHTS_AT], units, layers[l, INPUTS], A, layers[l, INPUTS_AT], A, z0)
        z = A[z0 : z0 + units]
        h = A[h0 : h0 + units]
        A[z0 + units] = layer_norm(z, 0, units, small)
        for j in range(units):
            h[j] = activity(LEAKY, leak, one, z[j])
        A[h0 + units] = one
    n = layers[last, INPUTS] + 1
    for k in range(layers[last, UNITS]):
        A[layers[last, SUMS_AT] + k] = row_dot(W, layers[last, WEIGHTS_AT] + k * n, n, A, layers[last, INPUTS_AT])


@jit
def trace(rule, P, at, rows, n, X, xo, V, vo, C):  # type: ignore[no-untyped-def]
    """``rows`` rows of ``n`` weights from ``at`` take their gradient, ``X[xo+row] * V[vo:vo+n]``, into their traces.

    Returns the two sums that the rule's step is made of; see ``updates``.
    """
    zero = P.dtype.type(0)
    one = P.dtype.type(1)
    s1 = zero
    s2 = zero
    decay = C[C_DECAY]
    traces = P[TRACE]
    d = V[vo : vo + n]
    if rule == OBGD:
        for r in range(rows):
            x = X[xo + r]
            e = traces[at : at + n]
            for j in range(n):
                v = decay * e[j] + x * d[j]
                e[j] = v
                s1 += abs(v)
            at += n
    elif rule == FIXED:
        gradients = P[GRADIENT]
        for r in range(rows):
            x = X[xo + r]
            e = traces[at : at + n]
            g = gradients[at : at + n]
            for j in range(n):
                v = x * d[j]
                g[j] = v
                e[j] = decay * e[j] + v
            at += n
    elif rule == PLAIN:
        gradients = P[GRADIENT]
        for r in range(rows):
            x = X[xo + r]
            g = gradients[at : at + n]
            for j in range(n):
                g[j] = x * d[j]
            at += n
    elif rule == ADAPTIVE:
        squares = P[SECOND]
        beta = C[C_BETA2]
        rest = one - beta
        fade = C[C_FADE2]
        delta = C[C_DELTA]
        eps = C[C_EPSILON]
        for r in range(rows):
            x = X[xo + r]
            e = traces[at : at + n]
            m = squares[at : at + n]
            for j in range(n):
                v = decay * e[j] + x * d[j]
                e[j] = v
                u = delta * v
                q = beta * m[j] + rest * u * u
                m[j] = q
                s1 += abs(v) / math.sqrt(q * fade + eps)
            at += n
    elif rule == INTENTIONAL:
        squares = P[SECOND]
        beta = C[C_BETA2]
        rest = one - beta
        fade = C[C_FADE2]
        eps = C[C_EPSILON]
        for r in range(rows):
            x = X[xo + r]
            e = traces[at : at + n]
            m = squares[at : at + n]
            for j in range(n):
                g0 = x * d[j]
                v = decay * e[j] + g0
                e[j] = v
                q = beta * m[j] + rest * g0 * g0
                m[j] = q
                scale = one / (math.sqrt(q * fade) + eps)
                s1 += v * v * scale
                s2 += g0 * g0 * scale
            at += n
    else:
        theta = C[C_META]
        delta = C[C_DELTA]
        rate = C[C_TAU]
        low = C[C_LOW]
        high = C[C_HIGH]
        tiny = P.dtype.type(1e-30)
        for r in range(rows):
            x = X[xo + r]
            e = traces[at : at + n]
            g = P[GRADIENT][at : at + n]
            alpha = P[STEP_SIZE][at : at + n]
            memory = P[MEMORY][at : at + n]
            mean = P[LARGEST][at : at + n]
            for j in range(n):
                g0 = x * d[j]
                g[j] = g0
                v = decay * e[j] + g0
                e[j] = v
                m0 = delta * g0 * memory[j]
                size = abs(m0)
                q = max(size, mean[j] + rate * (size - mean[j]))
                mean[j] = q
                a = alpha[j] * (one + theta * m0 / (q + tiny))
                a = min(max(a, low), high)
                alpha[j] = a
                s1 += a * abs(v)
            at += n
    return s1, s2


@jit
def backward(rule, P, layers, A, D, hyp, C):  # type: ignore[no-untyped-def]
    """From the gradient of the outputs, at ``D[layers[-1, SUMS_AT]]``, through the network into all traces.

    Returns the rule's two sums over all weights.
    """
    last = layers.shape[0] - 1
    W = P[WEIGHT]
    zero = W.dtype.type(0)
    one = W.dtype.type(1)
    leak = hyp[LEAK]
    n = layers[last, INPUTS]
    x0 = layers[last, INPUTS_AT]
    dx = D[x0 : x0 + n]
    for i in range(n):
        dx[i] = zero
    if last > 0:
        for k in range(layers[last, UNITS]):
            g = D[layers[last, SUMS_AT] + k]
            at = layers[last, WEIGHTS_AT] + k * (n + 1)
            w = W[at : at + n]
            for i in range(n):
                dx[i] += g * w[i]
    s1, s2 = trace(rule, P, layers[last, WEIGHTS_AT], layers[last, UNITS], n + 1, D, layers[last, SUMS_AT], A, x0, C)
    for q in range(last):
        l = last - 1 - q
        units = layers[l, UNITS]
        x0 = layers[l + 1, INPUTS_AT]
        z0 = layers[l, SUMS_AT]
        dh = D[x0 : x0 + units]
        h = A[x0 : x0 + units]
        z = A[z0 : z0 + units]
        d = D[z0 : z0 + units]
        for j in range(units):
            d[j] = dh[j] * slope_as(LEAKY, leak, zero, one, z[j], h[j])
        layer_norm_back(z, d, 0, units, A[z0 + units])
        n = layers[l, INPUTS]
        at = layers[l, WEIGHTS_AT]
        x0 = layers[l, INPUTS_AT]
        if l > 0:
            for i in range(n):
                D[x0 + i] = row_dot(W, at + i * units, units, D, z0)
        a, b = trace(rule, P, at, n + 1, units, A, x0, D, z0, C)
        s1 += a
        s2 += b
    return s1, s2
