"""From inputs to outputs: activities are weighted, summed, normalised and passed on, layer by layer.

The parts stand first, for whoever has a network of its own; :func:`build_forward` composes them for a ``Mind``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined, jit
from klopf.mind.kernels.scaling import row_heard, row_standardised
from klopf.mind.kernels.state import (
    BIAS,
    INPUTS_AT,
    SENSED,
    SENSORS_AT,
    STRIDE,
    SUMS_AT,
    UNITS,
    WEIGHTS_AT,
)

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan

RELU, LEAKY, TANH, SIGMOID, THRESHOLD, CRELU = range(6)


@jit
def weighted_sums(W, off, stride, bias, A, ao, idx, io, na, Z, zo):  # type: ignore[no-untyped-def]
    """``Z[zo:zo+stride] = bias row + sum of the active inputs' rows``, four rows at a time.

    Row ``i`` of the layer's weights begins at ``W[off + i * stride]``, the bias's is row ``bias``. Input ``i`` is
    ``A[ao + i]``; those that are not 0 are the ``na`` numbers at ``idx[io]``.
    """
    b = off + bias * stride
    z = Z[zo : zo + stride]
    w = W[b : b + stride]
    for j in range(stride):
        z[j] = w[j]
    k = 0
    while k + 4 <= na:
        i0 = idx[io + k]
        i1 = idx[io + k + 1]
        i2 = idx[io + k + 2]
        i3 = idx[io + k + 3]
        x0 = A[ao + i0]
        x1 = A[ao + i1]
        x2 = A[ao + i2]
        x3 = A[ao + i3]
        w0 = W[off + i0 * stride : off + i0 * stride + stride]
        w1 = W[off + i1 * stride : off + i1 * stride + stride]
        w2 = W[off + i2 * stride : off + i2 * stride + stride]
        w3 = W[off + i3 * stride : off + i3 * stride + stride]
        for j in range(stride):
            z[j] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j])
        k += 4
    while k < na:
        i0 = idx[io + k]
        x0 = A[ao + i0]
        w0 = W[off + i0 * stride : off + i0 * stride + stride]
        for j in range(stride):
            z[j] += x0 * w0[j]
        k += 1


@jit
def all_weighted_sums(W, off, stride, inputs, A, ao, Z, zo):  # type: ignore[no-untyped-def]
    """The same over every one of ``inputs`` inputs, where none is expected to be 0; the bias's is the row after them.
    A row may have any length."""
    b = off + inputs * stride
    z = Z[zo : zo + stride]
    w = W[b : b + stride]
    for j in range(stride):
        z[j] = w[j]
    at = off
    i = 0
    while i + 4 <= inputs:
        x0 = A[ao + i]
        x1 = A[ao + i + 1]
        x2 = A[ao + i + 2]
        x3 = A[ao + i + 3]
        w0 = W[at : at + stride]
        w1 = W[at + stride : at + 2 * stride]
        w2 = W[at + 2 * stride : at + 3 * stride]
        w3 = W[at + 3 * stride : at + 4 * stride]
        for j in range(stride):
            z[j] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j])
        at += 4 * stride
        i += 4
    while i < inputs:
        x0 = A[ao + i]
        w0 = W[at : at + stride]
        for j in range(stride):
            z[j] += x0 * w0[j]
        at += stride
        i += 1


@inlined
def activity(kind, leak, one, z):  # type: ignore[no-untyped-def]
    """What a unit says of its sum ``z``, if it is of a kind that never falls silent: leaky ReLU, tanh or sigmoid.

    ``one`` is 1 of ``z``'s type."""
    if kind == LEAKY:
        return z if z > 0 else leak * z
    if kind == TANH:
        return math.tanh(z)
    return one / (one + math.exp(-z))


@jit
def activate(kind, leak, Z, zo, units, A, ao, idx):  # type: ignore[no-untyped-def]
    """The units' activity from ``Z`` into ``A``, the list of those that can matter into ``idx``; returns its length."""
    zero = Z.dtype.type(0)
    one = Z.dtype.type(1)
    na = 0
    if kind == RELU:
        for j in range(units):
            z = Z[zo + j]
            A[ao + j] = max(z, zero)
            idx[ao + na] = j
            na += z > 0
    elif kind == CRELU:
        for j in range(units):
            z = Z[zo + j]
            A[ao + 2 * j] = max(z, zero)
            A[ao + 2 * j + 1] = max(-z, zero)
            idx[ao + na] = 2 * j + (z < 0)
            na += z != 0
    elif kind == THRESHOLD:
        for j in range(units):
            z = Z[zo + j]
            A[ao + j] = one if z > 0 else zero
            idx[ao + na] = j
            na += z > 0
    else:
        for j in range(units):
            z = Z[zo + j]
            A[ao + j] = activity(kind, leak, one, z)
            idx[ao + j] = j
        na = units
    return na


@jit
def slope(kind, leak, z, h):  # type: ignore[no-untyped-def]
    """Derivative of the activation at ``z``, where the activity is ``h``, in double precision."""
    zero = z * 0
    return slope_as(kind, leak, zero, zero + 1, z, h)


@jit
def slope_as(kind, leak, zero, one, z, h):  # type: ignore[no-untyped-def]
    """Derivative of the activation at ``z``, where the activity is ``h``, in the precision of ``zero`` and ``one``.
    Threshold units have none."""
    if kind == RELU:
        return one if z > 0 else zero
    if kind == LEAKY:
        return one if z > 0 else leak
    if kind == TANH:
        return one - h * h
    if kind == SIGMOID:
        return h * (one - h)
    if kind == CRELU:
        return one if z > 0 else -one
    return zero


@jit
def softmax(Z, zo, K, out, t):  # type: ignore[no-untyped-def]
    """Probabilities of the K outputs into ``out[t]``."""
    top = Z[zo]
    for k in range(1, K):
        top = max(top, Z[zo + k])
    for k in range(K):
        out[t, k] = math.exp(Z[zo + k] - top)
    s = out.dtype.type(0)
    for k in range(K):  # a loop of its own: in which order it sums must not depend on where ``out`` lies
        s += out[t, k]
    for k in range(K):
        out[t, k] /= s


@jit
def layer_norm(Z, zo, units, small):  # type: ignore[no-untyped-def]
    """Normalise the units' sums to mean 0 and variance 1 over the layer, in place; returns 1 / deviation.

    ``small`` is added to the variance; its type is that in which the root is taken."""
    n = Z.dtype.type(units)
    mean = Z.dtype.type(0)
    for j in range(units):
        mean += Z[zo + j]
    mean /= n
    var = Z.dtype.type(0)
    for j in range(units):
        d = Z[zo + j] - mean
        var += d * d
    inv = Z.dtype.type(1.0 / math.sqrt(var / n + small))
    for j in range(units):
        Z[zo + j] = (Z[zo + j] - mean) * inv
    return inv


@jit
def layer_norm_back(Z, D, zo, units, inv):  # type: ignore[no-untyped-def]
    """Deltas by the normalised input become deltas by the raw one, in place."""
    n = Z.dtype.type(units)
    m = Z.dtype.type(0)
    c = Z.dtype.type(0)
    for j in range(units):
        m += D[zo + j]
        c += D[zo + j] * Z[zo + j]
    m /= n
    c /= n
    for j in range(units):
        D[zo + j] = (D[zo + j] - m - Z[zo + j] * c) * inv


@jit
def take(X, t, n, A, idx):  # type: ignore[no-untyped-def]
    """Row ``t`` of ``X`` into ``A`` as it is; returns the number of inputs other than 0, listed in ``idx``."""
    na = 0
    for i in range(n):
        x = X[t, i]
        A[i] = x
        idx[na] = i
        na += x != 0
    return na


@jit
def sense(S, G, room, X, t, n, learning, horizon, A, idx):  # type: ignore[no-untyped-def]
    """Row ``t`` of ``X`` into ``A``, normalised by what is usual (see ``scaling``); returns the active count."""
    if learning:
        G[SENSED] += 1.0
        row_heard(S, room, X[t], horizon, A)
    else:
        row_standardised(S, X[t], A)
    na = 0
    for i in range(n):
        idx[na] = i
        na += A[i] != 0
    return na


def build_forward(plan: Plan) -> Any:
    """Kernel ``forward(net, work, X, t, learning)``: row ``t`` of ``X`` through all layers, up to the outputs' sums.

    The sensors' statistics take the row in where ``learning``. ``A`` and ``Z`` then hold what every layer heard and
    summed, ``active`` and ``count`` which inputs are not 0.
    """
    ACTIVATION, NORM, SENSE, ROW = plan.activation, plan.layer_norm, plan.normalise_inputs, plan.constant_stride
    LEAK, HORIZON = plan.places("leak", "horizon")

    def forward(net, work, X, t, learning):  # type: ignore[no-untyped-def]
        W, layers, hyper, A, Z = net.W, net.layers, net.hyper, work.A, work.Z
        active, count, inverse = work.active, work.count, work.inverse
        last = layers.shape[0] - 1
        n = X.shape[1]
        if SENSE:
            na = sense(net.S, net.G, work.usual, X, t, n, learning, hyper[HORIZON], A, active)
        else:
            na = take(X, t, n, A, active)
        for l in range(last + 1):
            stride = ROW if ROW else layers[l, STRIDE]
            ao = layers[l, INPUTS_AT]
            sensors = layers[l, SENSORS_AT]
            if l > 0 and sensors >= 0:
                for i in range(n):  # zeros too: dense rules read all of A
                    A[ao + sensors + i] = A[i]
                for k in range(count[0]):
                    active[ao + na + k] = sensors + active[k]
                na += count[0]
            count[l] = na
            zo = layers[l, SUMS_AT]
            weighted_sums(W, layers[l, WEIGHTS_AT], stride, layers[l, BIAS], A, ao, active, ao, na, Z, zo)
            if l < last:
                if NORM:
                    inverse[l] = layer_norm(Z, zo, layers[l, UNITS], 1e-5)
                na = activate(ACTIVATION, hyper[LEAK], Z, zo, layers[l, UNITS], A, layers[l + 1, INPUTS_AT], active)

    return inlined(forward)
