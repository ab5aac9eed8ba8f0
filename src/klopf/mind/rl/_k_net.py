"""The network that every streaming agent is made of: forward, backward into traces, and the step.

Hidden layers: linear, layer normalisation without learned scale (epsilon 1e-5, as PyTorch's), leaky ReLU. The last
layer is linear. Elsayed, Vasan and Mahmood (2024), *Streaming deep reinforcement learning finally works*, section 3.

Several networks (value, policy) share one input and lie in the same flat arrays. ``layers[l]`` of one network's layer:
0 inputs, 1 units, 2 first weight, 3 where its inputs lie in the activations, 4 where its units lie there, 5 its units
in the unit table. A hidden layer's weights lie row by row of inputs (so a row is what one input says to all units), the
last layer's row by row of outputs; the bias is one more input, which is always 1. Behind a layer's inputs stands that
1, behind a hidden layer's units their 1 / deviation.

``P[q]`` is a table of weights: row 0 the weight, row 1 its trace, further rows as the update rule needs (``_updates``).
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._k_layout import (
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
    TRACE,
    UNITS,
    UNITS_AT,
    WEIGHT,
    WEIGHTS_AT,
)


@jit
def hidden_forward(W, layer, A, norm):  # type: ignore[no-untyped-def]
    """One hidden layer: from its inputs to its units, normalised, and behind them their 1 / deviation."""
    n = layer[INPUTS]
    units = layer[UNITS]
    z = A[layer[UNITS_AT] : layer[UNITS_AT] + units]
    b = layer[WEIGHTS_AT] + n * units
    w = W[b : b + units]
    for j in range(units):
        z[j] = w[j]
    i = 0
    x0 = layer[INPUTS_AT]
    at = layer[WEIGHTS_AT]
    while i + 4 <= n:
        a0 = A[x0 + i]
        a1 = A[x0 + i + 1]
        a2 = A[x0 + i + 2]
        a3 = A[x0 + i + 3]
        w0 = W[at : at + units]
        w1 = W[at + units : at + 2 * units]
        w2 = W[at + 2 * units : at + 3 * units]
        w3 = W[at + 3 * units : at + 4 * units]
        for j in range(units):
            z[j] += (a0 * w0[j] + a1 * w1[j]) + (a2 * w2[j] + a3 * w3[j])
        at += 4 * units
        i += 4
    while i < n:
        a0 = A[x0 + i]
        w0 = W[at : at + units]
        for j in range(units):
            z[j] += a0 * w0[j]
        at += units
        i += 1
    zero = W.dtype.type(0)
    one = W.dtype.type(1)
    count = W.dtype.type(units)
    mean = zero
    for j in range(units):
        mean += z[j]
    mean /= count
    var = zero
    for j in range(units):
        d = z[j] - mean
        z[j] = d
        var += d * d
    inv = one / math.sqrt(var / count + norm)
    for j in range(units):
        z[j] *= inv
    A[layer[UNITS_AT] + units] = inv


@jit
def forward(W, layers, A, hyp):  # type: ignore[no-untyped-def]
    """All layers of one network, from the inputs in ``A``; outputs at ``layers[-1, UNITS_AT]``."""
    last = layers.shape[0] - 1
    one = W.dtype.type(1)
    leak = hyp[LEAK]
    norm = W.dtype.type(1e-5)
    for l in range(last):
        hidden_forward(W, layers[l], A, norm)
        units = layers[l, UNITS]
        z = A[layers[l, UNITS_AT] : layers[l, UNITS_AT] + units]
        h = A[layers[l + 1, INPUTS_AT] : layers[l + 1, INPUTS_AT] + units]
        for j in range(units):
            h[j] = max(z[j], leak * z[j])
        A[layers[l + 1, INPUTS_AT] + units] = one
    n = layers[last, INPUTS] + 1
    x = A[layers[last, INPUTS_AT] : layers[last, INPUTS_AT] + n]
    for k in range(layers[last, UNITS]):
        at = layers[last, WEIGHTS_AT] + k * n
        w = W[at : at + n]
        y = W.dtype.type(0)
        for i in range(n):
            y += w[i] * x[i]
        A[layers[last, UNITS_AT] + k] = y


@jit
def row_dot(W, at, n, D, do):  # type: ignore[no-untyped-def]
    """Inner product of ``n`` weights from ``at`` with ``D`` from ``do``."""
    g = W.dtype.type(0)
    w = W[at : at + n]
    d = D[do : do + n]
    for j in range(n):
        g += w[j] * d[j]
    return g


@jit
def trace(rule, P, at, rows, n, X, xo, V, vo, C):  # type: ignore[no-untyped-def]
    """``rows`` rows of ``n`` weights from ``at`` take their gradient, ``X[xo+row] * V[vo:vo+n]``, into their traces.

    Returns the two sums that the rule's step is made of; see ``_k_updates``.
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
    """From the gradient of the outputs, at ``D[layers[-1, UNITS_AT]]``, through the network into all traces.

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
            g = D[layers[last, UNITS_AT] + k]
            at = layers[last, WEIGHTS_AT] + k * (n + 1)
            w = W[at : at + n]
            for i in range(n):
                dx[i] += g * w[i]
    s1, s2 = trace(rule, P, layers[last, WEIGHTS_AT], layers[last, UNITS], n + 1, D, layers[last, UNITS_AT], A, x0, C)
    for q in range(last):
        l = last - 1 - q
        units = layers[l, UNITS]
        x0 = layers[l + 1, INPUTS_AT]
        z0 = layers[l, UNITS_AT]
        dh = D[x0 : x0 + units]
        z = A[z0 : z0 + units]
        d = D[z0 : z0 + units]
        m1 = zero
        m2 = zero
        for j in range(units):
            g = dh[j] * (one if z[j] > zero else leak)
            d[j] = g
            m1 += g
            m2 += g * z[j]
        count = W.dtype.type(units)
        m1 /= count
        m2 /= count
        inv = A[z0 + units]
        for j in range(units):
            d[j] = inv * (d[j] - m1 - z[j] * m2)
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
