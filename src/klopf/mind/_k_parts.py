"""The parts that the learning kernel is made of. Flat arrays and offsets in, nothing allocated.

A layer's weights lie row by row: row ``i`` holds the weights by which the layer's units listen to input ``i``, and the
last row is the bias, an input that is always 1. So an input of 0 is skipped with its whole row, forward and in
learning, and a row is one contiguous read. ``stride`` is the row's length, a multiple of 8; lanes past the live units
stay 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from klopf import neuron
from klopf.mind._jit import jit
from klopf.mind._k_known import BLOCK, COUNT, NUMBERS, RIDGE, SCALE, SHARED, SPREAD
from klopf.mind._k_places import BIRTH, COPIES, NEWCOMER

updated_utility: Any = jit(neuron.updated_utility)
corrected_utility: Any = jit(neuron.corrected_utility)
is_mature: Any = jit(neuron.is_mature)
moved_bias: Any = jit(neuron.moved_bias)
register_jitable(neuron.is_mature)  # which the next one calls
admitted_step_size: Any = jit(neuron.admitted_step_size)

RELU, LEAKY, TANH, SIGMOID, THRESHOLD, CRELU = range(6)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30 = np.uint64(30)
_S27 = np.uint64(27)
_S31 = np.uint64(31)
_S11 = np.uint64(11)
_S16 = np.uint64(16)
_S32 = np.uint64(32)
_S48 = np.uint64(48)
_M16 = np.uint64(0xFFFF)


@jit
def uniform(rng):  # type: ignore[no-untyped-def]
    """One float64 uniform in [0, 1) from splitmix64 (Steele et al. 2014); ``rng`` is its uint64 state, shape (1,)."""
    rng[0] += _GOLDEN
    z = rng[0]
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    z = z ^ (z >> _S31)
    return float(z >> _S11) * (1.0 / 9007199254740992.0)


@jit
def noise(rng):  # type: ignore[no-untyped-def]
    """One sample of mean 0 and variance 1: the sum of four 16-bit uniforms, which is near enough to a normal one for
    noise that is added to weights (kurtosis 2.7, never beyond 3.5) and ten times cheaper."""
    rng[0] += _GOLDEN
    z = rng[0]
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    z = z ^ (z >> _S31)
    four = (z & _M16) + ((z >> _S16) & _M16) + ((z >> _S32) & _M16) + (z >> _S48)
    return (float(four) - 131070.0) * 2.6428998e-05


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
        z = start + np.uint64(j + 1) * _GOLDEN
        z = (z ^ (z >> _S30)) * _MIX1
        z = (z ^ (z >> _S27)) * _MIX2
        z = z ^ (z >> _S31)
        four = np.int64((z & _M16) + ((z >> _S16) & _M16) + ((z >> _S32) & _M16) + (z >> _S48))
        xi = (W.dtype.type(four) - middle) * width
        u = min(max(half * v[j] / ((one - f[j]) * best), -limit), limit)
        u2 = u * u
        tanh = u * (even0 + u2 * (even1 + u2 * (even2 + u2))) / (even0 + u2 * (odd1 + u2 * (odd2 + odd3 * u2)))
        w[j] = w[j] * shrink + alpha * (d[j] * x + shake * xi) * (half - half * tanh)
    rng[0] = start + np.uint64(units) * _GOLDEN


@jit
def forward(W, off, stride, bias, A, ao, idx, io, na, Z, zo):  # type: ignore[no-untyped-def]
    """``Z[zo:zo+stride] = bias row + sum of the active inputs' rows``, four rows at a time."""
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
            if kind == LEAKY:
                A[ao + j] = z if z > 0 else leak * z
            elif kind == TANH:
                A[ao + j] = math.tanh(z)
            else:
                A[ao + j] = one / (one + math.exp(-z))
            idx[ao + j] = j
        na = units
    return na


@jit
def slope(kind, leak, z, h):  # type: ignore[no-untyped-def]
    """Derivative of the activation at ``z``, where the activity is ``h``. Threshold units have none."""
    zero = z * 0
    one = zero + 1
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
    s = Z.dtype.type(0)
    for k in range(K):
        e = math.exp(Z[zo + k] - top)
        out[t, k] = e
        s += e
    for k in range(K):
        out[t, k] /= s


@jit
def row_dot(W, b, stride, D, zo):  # type: ignore[no-untyped-def]
    """Inner product of one row of weights with the listeners' deltas."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        g += w[j] * d[j]
    return g


@jit
def row_dot_squares(W, b, stride, C, zo):  # type: ignore[no-untyped-def]
    """Sum of squared weights times the listeners' curvatures."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    c = C[zo : zo + stride]
    for j in range(stride):
        g += w[j] * w[j] * c[j]
    return g


@jit
def row_step(W, b, stride, x, D, zo):  # type: ignore[no-untyped-def]
    """One row learns: ``W[b:b+stride] += x * D[zo:zo+stride]``."""
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        w[j] += x * d[j]


@jit
def row_dot_step(W, b, stride, x, D, zo):  # type: ignore[no-untyped-def]
    """Both in one pass over memory; the inner product is with the weights as they were."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        v = w[j]
        e = d[j]
        g += v * e
        w[j] = v + x * e
    return g


@jit
def row_dot_step_loudness(W, b, stride, x, D, zo):  # type: ignore[no-untyped-def]
    """The same, and the sum of the absolute weights as they are afterwards, still in one pass."""
    g = W.dtype.type(0)
    loud = g
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        v = w[j]
        e = d[j]
        g += v * e
        v += x * e
        loud += abs(v)
        w[j] = v
    return g, loud


@jit
def row_loudness(W, b, stride):  # type: ignore[no-untyped-def]
    """Sum of the absolute weights of one row: how much this input is listened to."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    for j in range(stride):
        g += abs(w[j])
    return g


@jit
def block_project(K, at, stride, rows, A, ao, idx, io, na, H, ho):  # type: ignore[no-untyped-def]
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
def block_learn(K, at, stride, rows, c, keep, gain, H, ho):  # type: ignore[no-untyped-def]
    """``K <- keep * (K - c H H') + gain I``: one unit's covariance takes in a sample."""
    h = H[ho : ho + stride]
    for r in range(rows):
        g = c * h[r] * keep
        row = K[at + r * stride : at + (r + 1) * stride]
        for q in range(stride):
            row[q] = row[q] * keep - g * h[q]
        row[r] += gain


@jit
def all_mean_incoming(W, off, stride, rows, out, oo, units):  # type: ignore[no-untyped-def]
    """Mean absolute incoming weight of all units of a layer over ``rows`` live inputs (the bias is not an input), into
    ``out[oo:oo+units]``."""
    zero = W.dtype.type(0)
    o = out[oo : oo + units]
    for j in range(units):
        o[j] = zero
    for i in range(rows):
        w = W[off + i * stride : off + i * stride + units]
        for j in range(units):
            o[j] += abs(w[j])
    s = W.dtype.type(1.0 / max(rows, 1))
    for j in range(units):
        o[j] *= s


@jit
def least_heard(U, urow, arow, uo, units, maturity, decay):  # type: ignore[no-untyped-def]
    """Index in its layer of the mature unit of least corrected utility (first of equals), or -1.

    The same choice as ``neuron.least_heard``; a correction only ever raises a utility, so a unit that is ahead of the
    least without it need not be corrected.
    """
    least = -1
    lowest = 0.0
    for j in range(units):
        u = float(U[urow, uo + j])
        age = int(U[arow, uo + j])
        if is_mature(age, maturity) and (least < 0 or u < lowest):
            u = corrected_utility(u, age, decay)
            if least < 0 or u < lowest:
                least = j
                lowest = u
    return least


@jit
def record_silence(U, first, u, gap, most):  # type: ignore[no-untyped-def]
    """Count a silence of ``gap`` steps in unit ``u``'s histogram (rows ``first`` on); beyond ``most`` all counts halve,
    so that old silences are forgotten."""
    last = U.shape[0] - first - 1
    U[first + min(int(2.0 * math.log2(gap)), last), u] += 1
    total = U.dtype.type(0)
    for k in range(last + 1):
        total += U[first + k, u]
    if total > most:
        for k in range(last + 1):
            U[first + k, u] *= U.dtype.type(0.5)


@jit
def longest_silence(U, first, u, tail):  # type: ignore[no-untyped-def]
    """The steps that at most a share ``tail`` of unit ``u``'s silences were longer than; 0 if it had none."""
    last = U.shape[0] - first - 1
    total = U.dtype.type(0)
    for k in range(last + 1):
        total += U[first + k, u]
    longer = U.dtype.type(0)
    k = last
    while k > 0 and longer + U[first + k, u] <= tail * total:
        longer += U[first + k, u]
        k -= 1
    return 2.0 ** ((k + 1) / 2.0) if total > 0 else 0.0


@jit
def draw_incoming(P, copies, connected, geo, l, j, gain, fan_in, rng):  # type: ignore[no-untyped-def]
    """Fresh incoming weights for unit ``j`` of layer ``l``: uniform in +-gain*sqrt(3/fan-in), bias 0.

    With ``fan_in`` above 0 the unit listens to that many inputs only, drawn without replacement. Returns their mean
    absolute value. One pass: in a wide layer every weight of a unit lies in a memory page of its own.
    """
    off = geo[l, 3]
    stride = geo[l, 2]
    rows = geo[l, 0]
    left = rows
    if fan_in > 0:
        left = min(fan_in, rows)
    bound = gain * math.sqrt(3.0 / max(left, 1))
    total = 0.0
    for i in range(rows):
        at = off + i * stride + j
        w = (2.0 * uniform(rng) - 1.0) * bound
        P[0, at] = w
        if connected > 0:
            if uniform(rng) * (rows - i) < left:
                left -= 1
                P[connected, at] = 1.0
            else:
                P[connected, at] = 0.0
                P[0, at] = 0.0
                w = 0.0
        total += abs(w)
    at = off + geo[l, 7] * stride + j
    P[0, at] = 0.0
    for q in range(P.shape[0]):
        if copies[q] > 0:
            for i in range(rows):
                P[q, off + i * stride + j] = P[0, off + i * stride + j]
            P[q, at] = 0.0
    return total / max(rows, 1)


@jit
def block_prior(geo, l, prior, fan_in):  # type: ignore[no-untyped-def]
    """Variance of one weight of a newborn in hidden layer ``l``: an equal part of ``prior`` for the bias and each input
    that it hears, of which there are ``fan_in`` at most (0 for all)."""
    heard = geo[l, 7]
    if 0 < fan_in < heard:
        heard = fan_in
    return prior / (heard + 1)


@jit
def block_meet(K, geo, ko, l, j, i, variance):  # type: ignore[no-untyped-def]
    """Unit ``j`` of layer ``l`` knows nothing about its input ``i`` but this variance: 0 if it does not hear it."""
    rows = geo[l, 7] + 1
    ks = ko[l, 1]
    at = ko[l, 0] + j * rows * ks
    for r in range(rows):
        K[at + r * ks + i] = 0.0
        K[at + i * ks + r] = 0.0
    K[at + i * ks + i] = variance


@jit
def block_forget(P, K, geo, ko, connected, l, j, prior, fan_in):  # type: ignore[no-untyped-def]
    """Unit ``j`` of layer ``l`` knows as little as at birth, about the inputs that it hears."""
    rows = geo[l, 7] + 1
    ks = ko[l, 1]
    at = ko[l, 0] + j * rows * ks
    for r in range(rows * ks):
        K[at + r] = 0.0
    variance = block_prior(geo, l, prior, fan_in if connected > 0 else 0)
    for r in range(rows):
        if connected == 0 or r == rows - 1 or P[connected, geo[l, 3] + r * geo[l, 2] + j] > 0:
            K[at + r * ks + r] = variance


@jit
def meet(P, K, geo, ko, connected, l, k, i, prior, fan_in):  # type: ignore[no-untyped-def]
    """A new input ``i`` for unit ``k`` of hidden layer ``l``: it listens if it does not hear ``fan_in`` others yet."""
    heard = 0
    for r in range(geo[l, 7]):
        if r != i and P[connected, geo[l, 3] + r * geo[l, 2] + k] > 0:
            heard += 1
    listens = heard < fan_in
    P[connected, geo[l, 3] + i * geo[l, 2] + k] = 1.0 if listens else 0.0
    if ko[l, 3] == BLOCK:
        block_meet(K, geo, ko, l, k, i, block_prior(geo, l, prior, fan_in) if listens else 0.0)


@jit
def share_forget(K, at, tail, stride, rows, i, variance):  # type: ignore[no-untyped-def]
    """Input ``i`` has a newborn behind it: what was known about it goes, its variance is ``variance`` again."""
    for p in range(int(K[tail + COUNT])):
        K[tail + NUMBERS + p * stride + i] = 0
    for r in range(rows):
        K[at + r * stride + i] = 0
        K[at + i * stride + r] = 0
    K[at + i * stride + i] = (variance - K[tail + RIDGE]) / K[tail + SCALE]


@jit
def reborn(  # type: ignore[no-untyped-def]
    P,
    U,
    K,
    births,
    birth_unit,
    geo,
    ko,
    l,
    j,
    fold,
    mean_row,
    fade_row,
    connected,
    gain,
    fan_in,
    prior,
    listening,
    admission,
    rng,
):
    """Replace unit ``j`` of hidden layer ``l`` by a newborn (R6): every row of every table is reset.

    Its average contribution moves into the listeners' biases first. ``fold`` is 2 where a unit speaks through two
    inputs (concatenated ReLU; the second half's mean stands one row below), else 1. The rows of ``births`` are named in
    ``_k_places``. A hidden layer whose units hear only some inputs (``connected``) hears the newborn where it heard the
    dead. ``prior`` and ``listening`` are the uncertainties of a newborn's and of an output's input, of which its
    inputs get equal parts; listeners give it ``admission`` of theirs. Returns its mean absolute incoming weight.
    """
    off = geo[l, 3]
    stride = geo[l, 2]
    bias = geo[l, 7]
    u = geo[l, 6] + j
    rows = geo[l, 0]
    off2 = geo[l + 1, 3]
    stride2 = geo[l + 1, 2]
    bias2 = geo[l + 1, 7]
    units2 = geo[l + 1, 1]
    seen = 1.0 - U[fade_row, u]
    for f in range(fold):
        mean = 0.0
        if seen > 0.0:
            mean = U[mean_row + f, u] / seen
        i = j * fold + f
        b = off2 + i * stride2
        b2 = off2 + bias2 * stride2
        for k in range(units2):
            P[0, b2 + k] = moved_bias(P[0, b2 + k], mean, P[0, b + k])
        for q in range(P.shape[0]):
            if q > 0 and q == connected and l + 2 < geo.shape[0]:
                continue  # who listened still does, and nobody else
            for k in range(units2):
                P[q, b + k] = births[NEWCOMER, q]
        # what the listeners thought they knew about the dead unit's voice
        fresh = admission * (listening if l + 1 == geo.shape[0] - 1 else prior)
        ks = ko[l + 1, 1]
        if ko[l + 1, 3] == SHARED:
            share_forget(K, ko[l + 1, 0], ko[l + 1, 4], ks, bias2 + 1, i, fresh)
        elif ko[l + 1, 3] == SPREAD:
            K[ko[l + 1, 0] + i] = fresh
        elif ko[l + 1, 3] == BLOCK:
            for k in range(units2):
                variance = fresh / (bias2 + 1)
                if connected > 0 and l + 2 < geo.shape[0]:
                    variance = block_prior(geo, l + 1, fresh, fan_in) * P[connected, b + k]
                block_meet(K, geo, ko, l + 1, k, i, variance)
    for q in range(1, P.shape[0]):  # row 0, the weights, is drawn below
        for i in range(rows):
            P[q, off + i * stride + j] = births[BIRTH, q]
        P[q, off + bias * stride + j] = births[BIRTH, q]
    for q in range(U.shape[0]):
        U[q, u] = birth_unit[q]
    incoming = draw_incoming(P, births[COPIES], connected, geo, l, j, gain, fan_in, rng)
    if ko[l, 3] == BLOCK:  # what a layer shares is about its inputs, and stays
        block_forget(P, K, geo, ko, connected, l, j, prior, fan_in)
    return incoming


@jit
def sense(S, G, X, t, n, learning, horizon, epsilon, A, idx):  # type: ignore[no-untyped-def]
    """Row ``t`` of ``X`` into ``A``, normalised by the running mean and variance in ``S``; returns the active count."""
    if learning:
        G[2] += 1.0
    rate = A.dtype.type(max(1.0 / max(G[2], 1.0), 1.0 / horizon))
    na = 0
    for i in range(n):
        x = X[t, i]
        d = x - S[0, i]
        if learning:
            S[0, i] += rate * d
            S[1, i] = (1 - rate) * (S[1, i] + rate * d * d)
            d = x - S[0, i]
        x = d / math.sqrt(S[1, i] + epsilon)
        A[i] = x
        idx[na] = i
        na += x != 0
    return na


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
def layer_norm(Z, zo, units):  # type: ignore[no-untyped-def]
    """Normalise the units' input to mean 0 and variance 1 over the layer, in place; returns 1 / deviation."""
    n = Z.dtype.type(units)
    mean = Z.dtype.type(0)
    for j in range(units):
        mean += Z[zo + j]
    mean /= n
    var = Z.dtype.type(0)
    for j in range(units):
        d = Z[zo + j] - mean
        var += d * d
    inv = Z.dtype.type(1.0 / math.sqrt(var / n + 1e-5))
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
