"""The learning kernel: one pass over a stream, read from top to bottom.

``build_learn`` makes one kernel for one combination of rules. Which rules are on is fixed when it is compiled, so a
network pays only for what it uses; sizes are not, so a network may grow without compiling anything again.

``geo[l]`` of layer ``l``: 0 live inputs, 1 live units, 2 stride, 3 first weight, 4 where its inputs lie in ``A`` and
``idx``, 5 where its units lie in ``Z``, ``D``, ``C``, 6 where its units lie in the unit table, 7 row of the bias, 8 row
of the first sensor where the layer listens to the sensors too (-1 where not), 9 units it may have.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from klopf.mind._jit import jit
from klopf.mind._k_known import BLOCK, POWER, SHARED
from klopf.mind._k_parts import (
    CRELU,
    activate,
    admitted_step_size,
    all_mean_incoming,
    block_forget,
    block_learn,
    block_meet,
    block_prior,
    block_project,
    corrected_utility,
    draw_incoming,
    forward,
    is_mature,
    layer_norm,
    layer_norm_back,
    least_heard,
    longest_silence,
    meet,
    noise,
    reborn,
    record_silence,
    row_dot,
    row_dot_squares,
    row_dot_step,
    row_dot_step_loudness,
    row_loudness,
    row_step,
    row_upgd,
    row_use,
    sense,
    slope,
    softmax,
    take,
    uniform,
    updated_utility,
)
from klopf.mind._k_places import (
    ACTIVE,
    ADMITTED,
    AGE,
    BIRTH,
    BIRTHS,
    CAME,
    COPIES,
    EXPECTED,
    FADE,
    INCOMING,
    LISTENING,
    LOUDNESS,
    MATCH,
    MEAN,
    MEAN2,
    MOVEMENT,
    NEWCOMER,
    PATIENCE,
    QUICK_FADE,
    SILENCES,
    SILENT,
    STEPS,
    SURPRISE,
    UTILITY,
    WEIGHT_DEBT,
    WEIGHTS_REBORN,
)
from klopf.mind._k_share import share_learn, share_project, spread_project

SQUARED, CROSS_ENTROPY, LOGISTIC = range(3)
SGD, NLMS, IDBD, AUTOSTEP, ADAM, RMSPROP, OBGD, UPGD, KALMAN = range(9)
NO_LIFE, CONTINUAL, REDO, SNR, WEIGHTS = range(5)
CONTRIBUTION, ZERO_CONTRIBUTION, ADAPTABLE, WEIGHT, ADAPTATION = range(5)

# places in the array of hyperparameters
(
    STEP, META, TAU, BETA1, BETA2, EPSILON, KAPPA, LEAK, RATE, MATURITY, DECAY, ACTIVE_DECAY, GAIN, L2, L2_INIT,
    PERTURB, NOISE, NOISE_SHARE, PRIOR, LISTENING_PRIOR, DRIFT, HORIZON, DORMANT, CHECK, FRACTION, TAIL, PROTECT, QUIET,
    EXPLORE, FAN_IN, REWIRE, GROW, PERTURB_EVERY, ADMISSION, SURPRISE_POWER,
) = range(35)  # fmt: skip
# rows of the weight table, by rule
ALPHA, MEMORY, SCALE = 1, 2, 3
SECOND, FADE2, FIRST, FADE1 = 1, 2, 3, 4
USE, USE_FADE = 1, 2


class Rules(NamedTuple):
    """Which rules a kernel is compiled for. Two learners with equal rules share compiled code."""

    activation: int
    loss: int
    rule: int
    life: int
    utility: int
    small: bool
    """Every row fits one vector register."""
    track: bool
    """Keep the unit statistics although no rule needs them."""
    decay: bool
    """L2, L2-Init or perturbation is on."""
    layer_norm: bool
    sense: bool
    """Inputs are normalised."""
    local: bool
    """Protection, quiet units' bias or the fringe's rule is on."""
    grow: bool
    initial: int
    """Row of the initial weights, or 0."""
    connected: int
    """Row of the connections, or 0."""
    worth: int
    """Row of the weights' running |weight * gradient|, or 0."""
    blocks: bool
    """Some layer's units keep a covariance each."""
    shares: bool
    """Some layer's units share one."""
    admits: bool
    """Listeners give newborn units smaller steps at first."""


@functools.cache
def build_infer(activation: int, loss: int, norm: bool, normalise: bool) -> Any:
    """Kernel ``infer(P, S, G, geo, hyp, A, Z, idx, X, out)``: outputs for every row of X; probabilities, of classes."""
    ACT, LOSS, NORM, SENSE = activation, loss, norm, normalise

    def infer(P, S, G, geo, hyp, A, Z, idx, X, out):  # type: ignore[no-untyped-def]
        W = P[0]
        one = W.dtype.type(1)
        L = geo.shape[0]
        n = X.shape[1]
        for t in range(X.shape[0]):
            na = sense(S, G, X, t, n, False, hyp[HORIZON], hyp[EPSILON], A, idx) if SENSE else take(X, t, n, A, idx)
            n0 = na
            for l in range(L):
                ao = geo[l, 4]
                if l > 0 and geo[l, 8] >= 0:
                    for i in range(n):
                        A[ao + geo[l, 8] + i] = A[i]
                    for k in range(n0):
                        idx[ao + na + k] = geo[l, 8] + idx[k]
                    na += n0
                forward(W, geo[l, 3], geo[l, 2], geo[l, 7], A, ao, idx, ao, na, Z, geo[l, 5])
                if l < L - 1:
                    if NORM:
                        layer_norm(Z, geo[l, 5], geo[l, 1])
                    na = activate(ACT, hyp[LEAK], Z, geo[l, 5], geo[l, 1], A, geo[l + 1, 4], idx)
            zo = geo[L - 1, 5]
            K = geo[L - 1, 1]
            if LOSS == CROSS_ENTROPY:
                softmax(Z, zo, K, out, t)
            else:
                for k in range(K):
                    z = Z[zo + k]
                    out[t, k] = one / (one + math.exp(-z)) if LOSS == LOGISTIC else z

    return jit(infer)


@functools.cache
def build_learn(rules: Rules) -> Any:
    """Kernel that learns from every row of ``X`` in turn.

    Its arguments are the tables (weights ``P``, units ``U``, covariances ``K``, sensors ``S``), values at birth, global
    float64 state ``G``, random state, geometry, hyperparameters, work arrays, inputs ``(n, sensors)``, targets
    ``(n, outputs)`` or class indices ``(n,)``, and where the error and the prediction made before learning go. The
    error is the squared error summed over outputs, 1 for a wrong class, or the number of wrong yes/no outputs.
    """
    ACT, LOSS, RULE, LIFE, UTIL = rules.activation, rules.loss, rules.rule, rules.life, rules.utility
    DECAYS, NORM, SENSE, LOCAL, GROWS = rules.decay, rules.layer_norm, rules.sense, rules.local, rules.grow
    INITIAL, CONNECTED, WORTH, ADMITS = rules.initial, rules.connected, rules.worth, rules.admits
    BLOCKS, SHARES = rules.blocks, rules.shares
    FOLD = 2 if rules.activation == CRELU else 1
    STRIDE = 8 if rules.small else 0  # a constant stride lets the compiler unroll rows that fill one vector register
    FUSED = rules.rule in (SGD, NLMS)
    CURVED = rules.rule in (IDBD, AUTOSTEP, KALMAN)
    DENSE = rules.rule in (ADAM, RMSPROP, UPGD)
    MOVES_ALL = DENSE or rules.decay or rules.rule == KALMAN  # weights of silent inputs move too
    LMS = rules.rule in (NLMS, IDBD, AUTOSTEP, OBGD, KALMAN)  # their papers follow the error, not the loss's derivative
    TRACK = rules.track or rules.life in (CONTINUAL, REDO, SNR) or rules.local
    FULL_TRACK = rules.track or rules.local
    KEEPS_SUMS = FUSED and FOLD == 1 and not rules.decay  # a row's loudness changes only when the row learns
    NEEDS_INCOMING = rules.utility in (ADAPTABLE, ADAPTATION)
    CENTRED = rules.utility in (ZERO_CONTRIBUTION, ADAPTABLE)

    def learn(P, U, K, S, births, birth_unit, G, rng, geo, ko, hyp, A, Z, D, C, H, idx, cnt, X, Y, err, out):  # type: ignore[no-untyped-def]
        W = P[0]
        zero = W.dtype.type(0)  # of the state's type, as all arithmetic here must be
        one = W.dtype.type(1)
        three = W.dtype.type(3)
        tiny = W.dtype.type(1e-12)
        L = geo.shape[0]
        NK = geo[L - 1, 1]
        top = geo[L - 1, 5]
        n = X.shape[1]
        alpha = hyp[STEP]
        leak = hyp[LEAK]
        decay = hyp[DECAY]
        maturity = hyp[MATURITY]
        fan_in = int(hyp[FAN_IN])
        inv = np.ones(L, P.dtype)
        scale = np.ones(L, P.dtype)  # of a layer that shares a covariance: 1 / power of its inputs
        doubt = np.ones(L, P.dtype)  # variance of its units' inputs
        curved = np.ones(L, P.dtype)  # sum of its units' curvatures
        refresh = np.empty(L, np.int64)
        for l in range(L):
            every = 16  # by the size it may grow to, so that where a stream is cut makes no difference
            while every * 2048 < geo[l, 7] * geo[l, 9]:
                every *= 2
            refresh[l] = every - 1
        spoken = np.empty(U.shape[1], U.dtype)
        off_mean = np.empty(U.shape[1], U.dtype)
        if LIFE == WEIGHTS:
            pool = np.empty(P.shape[1], P.dtype)
        for t in range(X.shape[0]):
            G[STEPS] += 1.0
            now = int(G[STEPS])
            # --- forward ---------------------------------------------------------------------------------------
            na = sense(S, G, X, t, n, True, hyp[HORIZON], hyp[EPSILON], A, idx) if SENSE else take(X, t, n, A, idx)
            for l in range(L):
                s = STRIDE if STRIDE else geo[l, 2]
                ao = geo[l, 4]
                if l > 0 and geo[l, 8] >= 0:
                    for i in range(n):  # zeros too: dense rules read all of A
                        A[ao + geo[l, 8] + i] = A[i]
                    for k in range(cnt[0]):
                        idx[ao + na + k] = geo[l, 8] + idx[k]
                    na += cnt[0]
                cnt[l] = na
                forward(W, geo[l, 3], s, geo[l, 7], A, ao, idx, ao, na, Z, geo[l, 5])
                if l < L - 1:
                    if NORM:
                        inv[l] = layer_norm(Z, geo[l, 5], geo[l, 1])
                    na = activate(ACT, leak, Z, geo[l, 5], geo[l, 1], A, geo[l + 1, 4], idx)
            # --- error: D is minus the derivative of the loss by Z, C the diagonal of its second derivative --------
            if LOSS == CROSS_ENTROPY:
                softmax(Z, top, NK, out, t)
                best = 0
                for k in range(NK):
                    p = out[t, k]
                    if p > out[t, best]:
                        best = k
                    D[top + k] = -p
                    if CURVED:
                        C[top + k] = p * (one - p)
                D[top + Y[t]] += one
                err[t] = best != Y[t]
            else:
                e2 = zero
                wrong = 0
                for k in range(NK):
                    z = Z[top + k]
                    if LOSS == LOGISTIC:
                        z = one / (one + math.exp(-z))
                        wrong += (z > 0.5) != (Y[t, k] > 0.5)
                    out[t, k] = z
                    e = Y[t, k] - z
                    e2 += e * e
                    D[top + k] = e if (LMS or LOSS == LOGISTIC) else e + e
                    if CURVED:
                        C[top + k] = z * (one - z) if LOSS == LOGISTIC else one
                err[t] = e2 if LOSS == SQUARED else wrong
            # --- backward, and with plain steps learn in the same pass over memory ----------------------------------
            for l in range(L - 1, -1, -1):
                s = STRIDE if STRIDE else geo[l, 2]
                off = geo[l, 3]
                ao = geo[l, 4]
                zo = geo[l, 5]
                na = cnt[l]
                step = alpha
                if RULE == NLMS:
                    power = one
                    for k in range(na):
                        x = A[ao + idx[ao + k]]
                        power += x * x
                    step = alpha / (hyp[EPSILON] + power)
                if l == 0:
                    if FUSED:
                        for k in range(na):
                            i = idx[ao + k]
                            row_step(W, off + i * s, s, step * A[ao + i], D, zo)
                        row_step(W, off + geo[l, 7] * s, s, step, D, zo)
                    continue
                s0 = STRIDE if STRIDE else geo[l - 1, 2]
                zo0 = geo[l - 1, 5]
                uo0 = geo[l - 1, 6]
                units0 = geo[l - 1, 1] * FOLD
                for j in range(s0):
                    D[zo0 + j] = zero
                if CURVED:
                    for j in range(s0):
                        C[zo0 + j] = zero
                for k in range(na):
                    i = idx[ao + k]
                    h = A[ao + i]
                    b = off + i * s
                    if i >= units0:  # a sensor that this layer listens to directly
                        if FUSED:
                            row_step(W, b, s, step * h, D, zo)
                        continue
                    j = i // 2 if FOLD == 2 else i
                    if FUSED:
                        x = step * h
                        if ADMITS:
                            x *= U[ADMITTED, uo0 + j]
                        if TRACK and KEEPS_SUMS:
                            g, U[LISTENING, uo0 + j] = row_dot_step_loudness(W, b, s, x, D, zo)
                        else:
                            g = row_dot_step(W, b, s, x, D, zo)
                    else:
                        g = row_dot(W, b, s, D, zo)
                    f = slope(ACT, leak, Z[zo0 + j], h)
                    D[zo0 + j] = g * f
                    if CURVED:
                        C[zo0 + j] = row_dot_squares(W, b, s, C, zo) * f * f
                if FUSED:
                    row_step(W, off + geo[l, 7] * s, s, step, D, zo)
                if LOCAL:
                    units = geo[l - 1, 1]
                    total = zero
                    for j in range(units):
                        total += U[MOVEMENT, uo0 + j]
                    for j in range(units):
                        u = uo0 + j
                        seen = max(one - U[QUICK_FADE, u], zero + 1e-6)
                        if total > 0:  # the backbone learns in smaller steps
                            D[zo0 + j] /= one + hyp[PROTECT] * U[MOVEMENT, u] * units / total
                        if U[ACTIVE, u] < hyp[QUIET] * seen:  # too quiet: come nearer to speaking
                            W[geo[l - 1, 3] + geo[l - 1, 7] * s0 + j] += alpha * (hyp[QUIET] - U[ACTIVE, u] / seen)
                        if l == L - 1 and hyp[EXPLORE] > 0:  # the fringe seeks what its listeners still get wrong
                            e = D[top + j % NK]
                            h = A[ao + j * FOLD]
                            m = U[MATCH, u] + hyp[ACTIVE_DECAY] * (h * e - U[MATCH, u])
                            U[MATCH, u] = m
                            if U[MOVEMENT, u] * units <= 0.1 * total:
                                f = slope(ACT, leak, Z[zo0 + j], h)
                                D[zo0 + j] += hyp[EXPLORE] * (one if m > 0 else -one) * e * f
                if NORM:
                    layer_norm_back(Z, D, zo0, geo[l - 1, 1], inv[l - 1])
                    if CURVED:
                        for j in range(geo[l - 1, 1]):
                            C[zo0 + j] *= inv[l - 1] * inv[l - 1]
            # --- learn, with every other rule ------------------------------------------------------------------------
            if RULE == OBGD:
                size = zero
                for l in range(L):
                    sx = one
                    sd = zero
                    for k in range(cnt[l]):
                        sx += abs(A[geo[l, 4] + idx[geo[l, 4] + k]])
                    for j in range(geo[l, 1]):
                        sd += abs(D[geo[l, 5] + j])
                    size += sx * sd
                e1 = zero
                for k in range(NK):
                    e1 += abs(D[top + k])
                if e1 > 0:  # D contains the error: the trace of the paper is the gradient divided by it
                    size /= e1
                step = alpha / max(alpha * hyp[KAPPA] * max(e1, one) * size, one)
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    for k in range(cnt[l]):
                        i = idx[ao + k]
                        row_step(W, geo[l, 3] + i * s, s, step * A[ao + i], D, geo[l, 5])
                    row_step(W, geo[l, 3] + geo[l, 7] * s, s, step, D, geo[l, 5])
            if RULE == IDBD:
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    for k in range(cnt[l] + 1):
                        i = idx[ao + k] if k < cnt[l] else geo[l, 7]
                        x = A[ao + i] if k < cnt[l] else one
                        b = geo[l, 3] + i * s
                        for j in range(geo[l, 1]):
                            g = D[zo + j] * x
                            a = P[ALPHA, b + j] * math.exp(hyp[META] * g * P[MEMORY, b + j])
                            P[ALPHA, b + j] = a
                            W[b + j] += a * g
                            P[MEMORY, b + j] = P[MEMORY, b + j] * max(one - a * x * x * C[zo + j], zero) + a * g
            if RULE == AUTOSTEP:
                bound = zero
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    for k in range(cnt[l] + 1):
                        i = idx[ao + k] if k < cnt[l] else geo[l, 7]
                        x = A[ao + i] if k < cnt[l] else one
                        b = geo[l, 3] + i * s
                        for j in range(geo[l, 1]):
                            c = x * x * C[zo + j]
                            a = P[ALPHA, b + j]
                            m = D[zo + j] * x * P[MEMORY, b + j]
                            v = P[SCALE, b + j]
                            v = max(abs(m), v + a * c * (abs(m) - v) / hyp[TAU])
                            P[SCALE, b + j] = v
                            if v > 0:
                                a *= math.exp(hyp[META] * m / v)
                                P[ALPHA, b + j] = a
                            bound += a * c
                shrink = one / max(bound / NK if LOSS == SQUARED else bound, one)
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    for k in range(cnt[l] + 1):
                        i = idx[ao + k] if k < cnt[l] else geo[l, 7]
                        x = A[ao + i] if k < cnt[l] else one
                        b = geo[l, 3] + i * s
                        for j in range(geo[l, 1]):
                            a = P[ALPHA, b + j]
                            c = x * x * C[zo + j]
                            if c > 0:
                                a *= shrink
                                P[ALPHA, b + j] = a
                            g = a * D[zo + j] * x
                            W[b + j] += g
                            P[MEMORY, b + j] = P[MEMORY, b + j] * (one - a * c) + g
            if RULE == KALMAN:
                # a unit, or a layer that shares a covariance, is an estimator; they have one denominator
                blur = hyp[NOISE]
                e2 = zero
                expected = zero
                for k in range(NK):
                    e2 += D[top + k] * D[top + k]
                    expected += C[top + k]
                if LOSS == SQUARED:
                    G[SURPRISE] += max(0.001, 1.0 / G[STEPS]) * (e2 / NK - G[SURPRISE])
                    blur = hyp[NOISE_SHARE] * G[SURPRISE] + hyp[EPSILON]
                below = zero  # expected squared change of the output by the hidden units' uncertainty
                above = zero  # by the output units' own
                for l in range(L):
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    ks = ko[l, 1]
                    rows = geo[l, 7] + 1
                    ho = ko[l, 2]
                    units = geo[l, 1]
                    total = zero
                    if BLOCKS and ko[l, 3] == BLOCK:
                        for j in range(units):
                            if C[zo + j] == 0 and D[zo + j] == 0:
                                continue
                            at = ko[l, 0] + j * rows * ks
                            q = block_project(K, at, ks, rows, A, ao, idx, ao, cnt[l], H, ho + j * ks)
                            total += C[zo + j] * q
                    else:
                        power = one
                        for k in range(cnt[l]):
                            x = A[ao + idx[ao + k]]
                            power += x * x
                        tail = ko[l, 4]
                        K[tail + POWER] += max(1e-3, 1.0 / G[STEPS]) * (power - K[tail + POWER])
                        scale[l] = one / max(K[tail + POWER], power)
                        if SHARES and ko[l, 3] == SHARED:
                            q = share_project(K, ko[l, 0], tail, ks, rows, A, ao, idx, ao, cnt[l], H, ho)
                        else:
                            q = spread_project(K, ko[l, 0], rows, A, ao, idx, ao, cnt[l])
                        doubt[l] = max(q, zero) * scale[l]
                        for j in range(units):
                            total += C[zo + j]
                        curved[l] = total
                        total *= doubt[l]
                    if l < L - 1:
                        below += total
                    else:
                        above = total
                if LOSS != CROSS_ENTROPY:
                    below /= NK
                    above /= NK
                denom = blur + below + above
                pace = float(hyp[DRIFT])
                if LOSS != SQUARED:
                    G[CAME] += 0.1 * (e2 - G[CAME])
                    G[EXPECTED] += 0.1 * (expected - G[EXPECTED])
                if LOSS != SQUARED and hyp[SURPRISE_POWER] > 0:
                    # the world has changed if errors are larger than expected: drift faster
                    ratio = (G[CAME] + 1e-9) / (G[EXPECTED] + 1e-9)
                    pace = min(pace * ratio ** hyp[SURPRISE_POWER], max(pace, 0.1))
                drift = zero + W.dtype.type(pace)
                keep = one - drift
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    ks = ko[l, 1]
                    rows = geo[l, 7] + 1
                    ho = ko[l, 2]
                    # no sample moves a unit's input by more than three of its own standard deviations; numbers as
                    # targets may be of any size, so there the denominator alone is the bound
                    bounded = l < L - 1 or LOSS != SQUARED
                    prior = hyp[LISTENING_PRIOR] if l == L - 1 else hyp[PRIOR]
                    if BLOCKS and ko[l, 3] == BLOCK:
                        if CONNECTED > 0 and l < L - 1:
                            prior = W.dtype.type(block_prior(geo, l, prior, fan_in))
                        else:
                            prior /= W.dtype.type(rows)
                        for j in range(geo[l, 1]):
                            if C[zo + j] == 0 and D[zo + j] == 0:
                                continue
                            at = ko[l, 0] + j * rows * ks
                            hj = ho + j * ks
                            d = D[zo + j] / denom
                            c = C[zo + j] / denom
                            q = H[hj + geo[l, 7]]
                            for k in range(cnt[l]):
                                i = idx[ao + k]
                                q += A[ao + i] * H[hj + i]
                            if bounded and d * d * q > 9:
                                d = math.copysign(three / math.sqrt(q), d)
                            for r in range(geo[l, 7]):
                                W[geo[l, 3] + r * s + j] += d * H[hj + r]
                            W[geo[l, 3] + geo[l, 7] * s + j] += d * H[hj + geo[l, 7]]
                            if c * q < 1e-3:  # a sample that tells this unit nothing: what it knows stays as it is
                                continue
                            block_learn(K, at, ks, rows, c, keep, drift * prior, H, hj)
                            if CONNECTED > 0 and l < L - 1:  # no drift towards inputs that it does not hear
                                for r in range(geo[l, 7]):
                                    if P[CONNECTED, geo[l, 3] + r * s + j] == 0:
                                        K[at + r * ks + r] = zero
                        continue
                    most = three / math.sqrt(max(doubt[l], tiny))
                    for j in range(s):
                        d = D[zo + j] / denom
                        if bounded:
                            d = min(max(d, -most), most)
                        D[zo + j] = d * scale[l]
                    c = curved[l] / denom
                    told = c * doubt[l] >= 1e-3
                    c *= scale[l]
                    if SHARES and ko[l, 3] == SHARED:
                        for r in range(rows):
                            h = H[ho + r]
                            if h != 0:
                                row_step(W, geo[l, 3] + r * s, s, h, D, zo)
                        if told:
                            share_learn(K, ko[l, 0], ko[l, 4], ks, rows, c, keep, drift * prior, H, ho)
                    else:
                        for k in range(cnt[l] + 1):
                            i = idx[ao + k] if k < cnt[l] else geo[l, 7]
                            x = A[ao + i] if k < cnt[l] else one
                            v = K[ko[l, 0] + i]
                            row_step(W, geo[l, 3] + i * s, s, v * x, D, zo)
                            if told:
                                v -= min(c * v * x * x, one) * v
                                K[ko[l, 0] + i] = keep * v + drift * prior
            if DENSE:
                best_use = zero
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    for i in range(geo[l, 7] + 1):
                        x = A[ao + i] if i < geo[l, 7] else one
                        b = geo[l, 3] + i * s
                        if RULE == UPGD:
                            use = row_use(W, P[USE], P[USE_FADE], b, geo[l, 1], x, D, zo, hyp[BETA2])
                            best_use = max(best_use, use)
                            continue
                        for j in range(geo[l, 1]):
                            g = D[zo + j] * x
                            v = hyp[BETA2] * P[SECOND, b + j] + (one - hyp[BETA2]) * g * g
                            P[SECOND, b + j] = v
                            f2 = P[FADE2, b + j] * hyp[BETA2]
                            P[FADE2, b + j] = f2
                            if RULE == ADAM:
                                m = hyp[BETA1] * P[FIRST, b + j] + (one - hyp[BETA1]) * g
                                P[FIRST, b + j] = m
                                f1 = P[FADE1, b + j] * hyp[BETA1]
                                P[FADE1, b + j] = f1
                                g = m / (one - f1)
                            W[b + j] += alpha * g / (math.sqrt(v / (one - f2)) + hyp[EPSILON])
                if RULE == UPGD:
                    best_use = max(best_use, tiny)
                    for l in range(L):
                        s = STRIDE if STRIDE else geo[l, 2]
                        ao = geo[l, 4]
                        zo = geo[l, 5]
                        for i in range(geo[l, 7] + 1):
                            x = A[ao + i] if i < geo[l, 7] else one
                            b = geo[l, 3] + i * s
                            row_upgd(
                                W, P[USE], P[USE_FADE], b, geo[l, 1], x, D, zo,
                                alpha, one - alpha * hyp[L2], hyp[NOISE], best_use, rng,
                            )  # fmt: skip
            if DECAYS:
                l2 = zero if RULE == UPGD else hyp[L2]  # UPGD decays by L2 in its own step
                shrink = one - alpha * (l2 + hyp[L2_INIT])
                pull = alpha * hyp[L2_INIT]
                every = int(hyp[PERTURB_EVERY])
                shake = zero
                if hyp[PERTURB] > 0 and now % every == 0:
                    shake = hyp[PERTURB] * math.sqrt(float(every))
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    for i in range(geo[l, 7] + 1):
                        b = geo[l, 3] + i * s
                        for j in range(geo[l, 1]):
                            w = W[b + j] * shrink
                            if INITIAL > 0:
                                w += pull * P[INITIAL, b + j]
                            W[b + j] = w
                        if shake > 0:
                            for j in range(geo[l, 1]):
                                W[b + j] += shake * noise(rng)
            if CONNECTED > 0:
                for l in range(L - 1):
                    s = STRIDE if STRIDE else geo[l, 2]
                    for k in range(geo[l, 7] if MOVES_ALL else cnt[l]):
                        b = geo[l, 3] + (k if MOVES_ALL else idx[geo[l, 4] + k]) * s
                        for j in range(s):
                            W[b + j] *= P[CONNECTED, b + j]
                    if hyp[REWIRE] > 0:
                        due = hyp[REWIRE] * geo[l, 1]
                        births_due = int(due)
                        births_due += uniform(rng) < due - births_due
                        for _ in range(births_due):  # a unit turns from the input it hears least to one it never heard
                            j = int(uniform(rng) * geo[l, 1])
                            least = -1
                            fresh = -1
                            absent = 0
                            for i in range(geo[l, 0]):
                                at = geo[l, 3] + i * s + j
                                if P[CONNECTED, at] > 0:
                                    if least < 0 or abs(W[at]) < abs(W[geo[l, 3] + least * s + j]):
                                        least = i
                                else:
                                    absent += 1
                                    if uniform(rng) * absent < 1.0:
                                        fresh = i
                            if least >= 0 and fresh >= 0:
                                for q in range(P.shape[0]):
                                    P[q, geo[l, 3] + least * s + j] = births[BIRTH, q]
                                    P[q, geo[l, 3] + fresh * s + j] = births[BIRTH, q]
                                W[geo[l, 3] + least * s + j] = zero
                                W[geo[l, 3] + fresh * s + j] = zero
                                P[CONNECTED, geo[l, 3] + least * s + j] = zero
                                if BLOCKS and ko[l, 3] == BLOCK:
                                    block_meet(K, geo, ko, l, j, least, zero)
                                    block_meet(K, geo, ko, l, j, fresh, block_prior(geo, l, hyp[PRIOR], fan_in))
            # --- what every unit's record says -----------------------------------------------------------------------
            if TRACK:
                for l in range(L - 1):
                    units = geo[l, 1]
                    uo = geo[l, 6]
                    ao = geo[l + 1, 4]
                    s1 = STRIDE if STRIDE else geo[l + 1, 2]
                    off1 = geo[l + 1, 3]
                    if not KEEPS_SUMS:
                        for j in range(units):
                            g = zero
                            for f in range(FOLD):
                                g += row_loudness(W, off1 + (j * FOLD + f) * s1, s1)
                            U[LISTENING, uo + j] = g
                    # moves slowly and costs a pass over all weights: refreshed every 2**k steps
                    if NEEDS_INCOMING and now & refresh[l] == 0:
                        s0 = STRIDE if STRIDE else geo[l, 2]
                        all_mean_incoming(W, geo[l, 3], s0, geo[l, 0], U[INCOMING], uo, units)
                    # short loops over whole rows: each is a few vector instructions
                    quick = hyp[ACTIVE_DECAY]
                    h = A[ao : ao + units * FOLD]
                    age = U[AGE, uo : uo + units]
                    fade = U[FADE, uo : uo + units]
                    mean = U[MEAN, uo : uo + units]
                    heard = U[LISTENING, uo : uo + units]
                    mature = 0
                    for j in range(units):
                        age[j] += one
                        mature += is_mature(age[j], maturity)
                    for j in range(units):
                        fade[j] *= decay
                    for j in range(units):
                        mean[j] = decay * mean[j] + (one - decay) * h[j * FOLD]
                    for j in range(units):
                        spoken[j] = abs(h[j * FOLD])
                    if CENTRED or FULL_TRACK:
                        for j in range(units):
                            off_mean[j] = abs(h[j * FOLD] - mean[j] / (one - fade[j]))
                    if FOLD == 2:
                        mean2 = U[MEAN2, uo : uo + units]
                        for j in range(units):
                            mean2[j] = decay * mean2[j] + (one - decay) * h[2 * j + 1]
                            spoken[j] += h[2 * j + 1]
                            if CENTRED or FULL_TRACK:
                                off_mean[j] += abs(h[2 * j + 1] - mean2[j] / (one - fade[j]))
                    if FULL_TRACK:
                        for j in range(units):
                            fired = one if spoken[j] != 0 else zero
                            U[ACTIVE, uo + j] += quick * (fired - U[ACTIVE, uo + j])
                            U[MOVEMENT, uo + j] += quick * (off_mean[j] * heard[j] - U[MOVEMENT, uo + j])
                    if FULL_TRACK or LIFE == REDO:
                        for j in range(units):
                            U[QUICK_FADE, uo + j] *= one - quick
                            U[LOUDNESS, uo + j] += quick * (spoken[j] - U[LOUDNESS, uo + j])
                    if LIFE == SNR:
                        for j in range(units):
                            u = uo + j
                            if spoken[j] != 0:
                                record_silence(U, SILENCES, u, U[SILENT, u] + one, one / quick)
                                U[SILENT, u] = zero
                            else:
                                if U[SILENT, u] == 0:
                                    U[PATIENCE, u] = longest_silence(U, SILENCES, u, hyp[TAIL])
                                U[SILENT, u] += one
                    if LIFE == CONTINUAL:
                        said = off_mean if CENTRED else spoken
                        worth = U[UTILITY, uo : uo + units]
                        incoming = U[INCOMING, uo : uo + units]
                        for j in range(units):
                            if UTIL == ADAPTABLE:
                                worth[j] = updated_utility(
                                    worth[j], said[j], heard[j] / (incoming[j] + hyp[EPSILON]), decay
                                )
                            elif UTIL == WEIGHT:
                                worth[j] = updated_utility(worth[j], one, heard[j], decay)
                            elif UTIL == ADAPTATION:
                                worth[j] = updated_utility(worth[j], one, one / (incoming[j] + hyp[EPSILON]), decay)
                            else:
                                worth[j] = updated_utility(worth[j], said[j], heard[j], decay)
                    if ADMITS:
                        fair = zero
                        for j in range(units):
                            fair += worth[j]
                        for j in range(units):
                            if U[ADMITTED, uo + j] < one:
                                useful = corrected_utility(float(worth[j]), int(age[j]), decay)
                                share = admitted_step_size(
                                    int(age[j]), useful, fair / units, hyp[ADMISSION], one, maturity
                                )
                                U[ADMITTED, uo + j] = max(U[ADMITTED, uo + j], share)
                    # --- and who is replaced -------------------------------------------------------------------------
                    due = 0.0
                    if LIFE == CONTINUAL:
                        due = hyp[RATE] * mature
                        if RULE == KALMAN and LOSS != SQUARED:
                            # births follow surprise: the rate itself where errors exceed the expected by a tenth
                            excess = min(max(G[CAME] - G[EXPECTED], 0.0), 1.0)
                            due *= 100.0 * excess * excess
                    check = False
                    if LIFE == REDO:
                        check = now % int(hyp[CHECK]) == 0
                    if LIFE == SNR:
                        check = True
                    layer_loudness = zero
                    if LIFE == REDO and check:
                        for j in range(units):
                            layer_loudness += U[LOUDNESS, uo + j] / (one - U[QUICK_FADE, uo + j])
                        layer_loudness /= max(units, 1)
                    births_due = 0
                    if due > 0:
                        births_due = int(due)
                        births_due += uniform(rng) < due - births_due
                    if check:
                        births_due = units
                    for q in range(births_due):
                        if LIFE == CONTINUAL:
                            j = least_heard(U, UTILITY, AGE, uo, units, maturity, decay)
                            if j < 0:
                                break
                        else:
                            j = q
                            if not is_mature(U[AGE, uo + j], maturity):
                                continue
                            if LIFE == REDO:
                                seen = one - U[QUICK_FADE, uo + j]
                                if U[LOUDNESS, uo + j] / seen > hyp[DORMANT] * layer_loudness:
                                    continue
                            if LIFE == SNR:
                                longest = U[PATIENCE, uo + j] if U[PATIENCE, uo + j] > 0 else maturity
                                if U[SILENT, uo + j] <= longest:
                                    continue
                        U[INCOMING, uo + j] = reborn(
                            P, U, K, births, birth_unit, geo, ko, l, j,
                            FOLD, MEAN, FADE, CONNECTED, hyp[GAIN], fan_in,
                            hyp[PRIOR], hyp[LISTENING_PRIOR], hyp[ADMISSION], rng,
                        )  # fmt: skip
                        G[BIRTHS] += 1.0
            if WORTH > 0:
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    for i in range(geo[l, 0]):
                        x = abs(A[geo[l, 4] + i])
                        b = geo[l, 3] + i * s
                        for j in range(geo[l, 1]):
                            use = abs(W[b + j] * D[geo[l, 5] + j]) * x
                            P[WORTH, b + j] = decay * P[WORTH, b + j] + (one - decay) * use
            if LIFE == WEIGHTS and now % int(hyp[CHECK]) == 0:
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    ao = geo[l, 4]
                    rows = geo[l, 0]
                    count = 0
                    for i in range(rows):
                        for j in range(geo[l, 1]):
                            at = geo[l, 3] + i * s + j
                            if CONNECTED > 0 and P[CONNECTED, at] == 0:
                                continue
                            pool[count] = abs(P[WORTH, at])
                            count += 1
                    G[WEIGHT_DEBT] += hyp[FRACTION] * count  # less than one weight is left for the layer after
                    reset = min(int(G[WEIGHT_DEBT]), count)
                    if reset < 1:
                        continue
                    G[WEIGHT_DEBT] -= reset
                    limit = np.sort(pool[:count])[reset - 1]
                    fan = rows
                    if CONNECTED > 0 and l < L - 1:
                        fan = min(fan_in, rows)
                    bound0 = (one if l == L - 1 else hyp[GAIN]) * math.sqrt(3.0 / fan)
                    for i in range(rows):
                        for j in range(geo[l, 1]):
                            at = geo[l, 3] + i * s + j
                            if CONNECTED > 0 and P[CONNECTED, at] == 0:
                                continue
                            if abs(P[WORTH, at]) <= limit and reset > 0:
                                reset -= 1
                                for q in range(P.shape[0]):
                                    P[q, at] = births[BIRTH, q]
                                W[at] = (2.0 * uniform(rng) - 1.0) * bound0
                                for q in range(P.shape[0]):
                                    if births[COPIES, q] > 0:
                                        P[q, at] = W[at]
                                G[WEIGHTS_REBORN] += 1.0
            # --- growth ----------------------------------------------------------------------------------------------
            if GROWS and now % int(hyp[GROW]) == 0:
                smallest = -1
                for l in range(L - 1):
                    if geo[l, 1] < geo[l, 9] and (smallest < 0 or geo[l, 1] < geo[smallest, 1]):
                        smallest = l
                if smallest >= 0:
                    l = smallest
                    j = geo[l, 1]
                    geo[l, 1] += 1
                    if geo[l + 1, 8] < 0:
                        geo[l + 1, 0] += FOLD
                    draw_incoming(P, births[COPIES], CONNECTED, geo, l, j, hyp[GAIN], fan_in, rng)
                    if BLOCKS and CONNECTED > 0 and ko[l, 3] == BLOCK:
                        block_forget(P, K, geo, ko, CONNECTED, l, j, hyp[PRIOR], fan_in)
                    for f in range(FOLD):  # rules that move all weights moved those of the unborn too
                        at = geo[l + 1, 3] + (j * FOLD + f) * geo[l + 1, 2]
                        for k in range(geo[l + 1, 1]):
                            for q in range(P.shape[0]):
                                P[q, at + k] = births[NEWCOMER, q]
                            if CONNECTED > 0 and l + 1 < L - 1:
                                meet(P, K, geo, ko, CONNECTED, l + 1, k, j * FOLD + f, hyp[PRIOR], fan_in)
                    G[BIRTHS] += 1.0

    return jit(learn)
