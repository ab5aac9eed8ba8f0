"""The learning kernel: one pass over a stream, read from top to bottom.

``build_learn`` makes one kernel for one combination of rules. Which rules are on is fixed when it is compiled, so a
network pays only for what it uses; sizes are not, so a network may grow without compiling anything again.

``geo[l]`` of layer ``l``: 0 live inputs, 1 live units, 2 stride, 3 first weight, 4 where its inputs lie in ``A`` and
``idx``, 5 where its units lie in ``Z``, ``D``, ``C``, 6 where its units lie in the unit table, 7 row of the bias.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from klopf.mind._jit import jit
from klopf.mind._k_parts import (
    CRELU,
    activate,
    all_mean_incoming,
    forward,
    is_mature,
    least_heard,
    mean_incoming,
    reborn,
    row_dot,
    row_dot_step,
    row_loudness,
    row_step,
    slope,
    softmax,
    uniform,
    updated_utility,
)

SQUARED, CROSS_ENTROPY, LOGISTIC = range(3)
SGD, NLMS, IDBD, AUTOSTEP, ADAM, RMSPROP, OBGD = range(7)
NO_LIFE, CONTINUAL = range(2)
CONTRIBUTION, ZERO_CONTRIBUTION, ADAPTABLE, WEIGHT, ADAPTATION = range(5)

# places in the array of hyperparameters
STEP, META, TAU, BETA1, BETA2, EPSILON, KAPPA, LEAK, RATE, MATURITY, DECAY, ACTIVE_DECAY, GAIN, HYPERS = range(14)
# rows of the unit table
AGE, UTILITY, MEAN, MEAN2, FADE, ACTIVE, LISTENING, INCOMING = range(8)
# rows of the weight table, by rule
ALPHA, MEMORY, SCALE = 1, 2, 3
SECOND, FADE2, FIRST, FADE1 = 1, 2, 3, 4


@functools.cache
def build_infer(activation: int, loss: int) -> Any:
    """Kernel ``infer(P, geo, hyp, A, Z, idx, X, out)``: outputs, for a classifier probabilities, for every row of X."""
    ACT, LOSS = activation, loss

    def infer(P, geo, hyp, A, Z, idx, X, out):  # type: ignore[no-untyped-def]
        W = P[0]
        one = W[0] * 0 + 1
        L = geo.shape[0]
        for t in range(X.shape[0]):
            na = 0
            for i in range(X.shape[1]):
                x = X[t, i]
                A[i] = x
                idx[na] = i
                na += x != 0
            for l in range(L):
                forward(W, geo[l, 3], geo[l, 2], geo[l, 7], A, geo[l, 4], idx, geo[l, 4], na, Z, geo[l, 5])
                if l < L - 1:
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
def build_learn(activation: int, loss: int, rule: int, life: int, utility: int, small: bool) -> Any:
    """Kernel that learns from every row of ``X`` in turn.

    ``learn(P, U, births, G, rng, geo, hyp, A, Z, D, C, idx, cnt, X, Y, err, out)``: weight table, unit table, birth
    values (incoming, outgoing, units), global float64 state, random state, geometry, hyperparameters, work arrays,
    inputs ``(n, sensors)``, targets ``(n, outputs)`` or class indices ``(n,)``, and where the error and the prediction
    made before learning go. The error is the squared error summed over outputs, or 1 for a wrong class.
    """
    ACT, LOSS, RULE, LIFE, UTIL = activation, loss, rule, life, utility
    FOLD = 2 if activation == CRELU else 1
    STRIDE = 8 if small else 0  # a constant stride lets the compiler unroll rows that fill one vector register
    FUSED = rule in (SGD, NLMS)
    CURVED = rule in (IDBD, AUTOSTEP)
    DENSE = rule in (ADAM, RMSPROP)

    def learn(P, U, birth_in, birth_out, birth_unit, G, rng, geo, hyp, A, Z, D, C, idx, cnt, X, Y, err, out):  # type: ignore[no-untyped-def]
        W = P[0]
        zero = W[0] * 0
        one = zero + 1
        L = geo.shape[0]
        K = geo[L - 1, 1]
        top = geo[L - 1, 5]
        alpha = hyp[STEP]
        leak = hyp[LEAK]
        decay = hyp[DECAY]
        maturity = int(hyp[MATURITY])
        for t in range(X.shape[0]):
            # --- forward ---------------------------------------------------------------------------------------------
            na = 0
            for i in range(X.shape[1]):
                x = X[t, i]
                A[i] = x
                idx[na] = i
                na += x != 0
            for l in range(L):
                s = STRIDE if STRIDE else geo[l, 2]
                cnt[l] = na
                forward(W, geo[l, 3], s, geo[l, 7], A, geo[l, 4], idx, geo[l, 4], na, Z, geo[l, 5])
                if l < L - 1:
                    na = activate(ACT, leak, Z, geo[l, 5], geo[l, 1], A, geo[l + 1, 4], idx)
            # --- error: D is minus the derivative of the loss by Z, C the diagonal of its second derivative ----------
            if LOSS == CROSS_ENTROPY:
                softmax(Z, top, K, out, t)
                best = 0
                for k in range(K):
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
                for k in range(K):
                    z = Z[top + k]
                    if LOSS == LOGISTIC:
                        z = one / (one + math.exp(-z))
                        wrong += (z > 0.5) != (Y[t, k] > 0.5)
                    out[t, k] = z
                    e = Y[t, k] - z
                    D[top + k] = e
                    e2 += e * e
                    if CURVED:
                        C[top + k] = z * (one - z) if LOSS == LOGISTIC else one
                err[t] = e2 if LOSS == SQUARED else wrong
            # --- backward, and with plain steps learn in the same pass over memory -----------------------------------
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
                for j in range(s0):
                    D[zo0 + j] = zero
                if CURVED:
                    for j in range(s0):
                        C[zo0 + j] = zero
                for k in range(na):
                    i = idx[ao + k]
                    j = i // 2 if FOLD == 2 else i
                    h = A[ao + i]
                    b = off + i * s
                    if FUSED:
                        g = row_dot_step(W, b, s, step * h, D, zo)
                        if LIFE == CONTINUAL and FOLD == 1:
                            U[LISTENING, uo0 + j] = row_loudness(W, b, s)
                    else:
                        g = row_dot(W, b, s, D, zo)
                    f = slope(ACT, leak, Z[zo0 + j], h)
                    D[zo0 + j] = g * f
                    if CURVED:
                        c = zero
                        for q in range(s):
                            w = W[b + q]
                            c += w * w * C[zo + q]
                        C[zo0 + j] = c * f * f
                if FUSED:
                    row_step(W, off + geo[l, 7] * s, s, step, D, zo)
            # --- learn, with every other rule ------------------------------------------------------------------------
            if not FUSED:
                bound = zero
                if RULE == OBGD:
                    for l in range(L):
                        sx = one
                        sd = zero
                        for k in range(cnt[l]):
                            sx += abs(A[geo[l, 4] + idx[geo[l, 4] + k]])
                        for j in range(geo[l, 1]):
                            sd += abs(D[geo[l, 5] + j])
                        bound += sx * sd
                    # D already contains the error, so |error| * |trace| is the norm itself; see the docs page
                    e1 = zero
                    for k in range(K):
                        e1 += abs(D[top + k])
                    bound = alpha * hyp[KAPPA] * bound * max(e1, one) / max(e1, hyp[EPSILON])
                for l in range(L):
                    s = STRIDE if STRIDE else geo[l, 2]
                    off = geo[l, 3]
                    ao = geo[l, 4]
                    zo = geo[l, 5]
                    units = geo[l, 1]
                    rows = geo[l, 0] + 1 if DENSE else cnt[l] + 1
                    for k in range(rows):
                        if k == rows - 1:
                            i = geo[l, 7]
                            x = one
                        elif DENSE:
                            i = k
                            x = A[ao + i]
                        else:
                            i = idx[ao + k]
                            x = A[ao + i]
                        b = off + i * s
                        if RULE == OBGD:
                            row_step(W, b, s, alpha / max(bound, one) * x, D, zo)
                        elif RULE == IDBD:
                            for j in range(units):
                                g = D[zo + j] * x
                                a = P[ALPHA, b + j] * math.exp(hyp[META] * g * P[MEMORY, b + j])
                                P[ALPHA, b + j] = a
                                W[b + j] += a * g
                                P[MEMORY, b + j] = P[MEMORY, b + j] * max(one - a * x * x * C[zo + j], zero) + a * g
                        elif RULE == AUTOSTEP:
                            for j in range(units):
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
                        elif DENSE:
                            for j in range(units):
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
                if RULE == AUTOSTEP:
                    shrink = one / max(bound / K if LOSS == SQUARED else bound, one)
                    for l in range(L):
                        s = STRIDE if STRIDE else geo[l, 2]
                        off = geo[l, 3]
                        ao = geo[l, 4]
                        zo = geo[l, 5]
                        for k in range(cnt[l] + 1):
                            i = geo[l, 7]
                            x = one
                            if k < cnt[l]:
                                i = idx[ao + k]
                                x = A[ao + i]
                            b = off + i * s
                            for j in range(geo[l, 1]):
                                a = P[ALPHA, b + j]
                                c = x * x * C[zo + j]
                                if c > 0:
                                    a *= shrink
                                    P[ALPHA, b + j] = a
                                g = a * D[zo + j] * x
                                W[b + j] += g
                                P[MEMORY, b + j] = P[MEMORY, b + j] * (one - a * c) + g
            # --- life and death --------------------------------------------------------------------------------------
            if LIFE == CONTINUAL:
                G[0] += 1.0
                for l in range(L - 1):
                    units = geo[l, 1]
                    uo = geo[l, 6]
                    ao = geo[l + 1, 4]
                    s1 = STRIDE if STRIDE else geo[l + 1, 2]
                    off1 = geo[l + 1, 3]
                    if FOLD == 2 or not FUSED:
                        for j in range(units):
                            g = zero
                            for f in range(FOLD):
                                g += row_loudness(W, off1 + (j * FOLD + f) * s1, s1)
                            U[LISTENING, uo + j] = g
                    if UTIL in (ADAPTABLE, ADAPTATION):
                        every = max(1, geo[l, 0] * units // 2048)
                        if int(G[0]) % every == 0:
                            s0 = STRIDE if STRIDE else geo[l, 2]
                            all_mean_incoming(W, geo[l, 3], s0, geo[l, 0], U[INCOMING], uo, units)
                    mature = 0
                    for j in range(units):
                        u = uo + j
                        h = A[ao + j * FOLD]
                        U[AGE, u] += one
                        fade = U[FADE, u] * decay
                        U[FADE, u] = fade
                        mean = decay * U[MEAN, u] + (one - decay) * h
                        U[MEAN, u] = mean
                        spoken = abs(h)
                        if UTIL in (ZERO_CONTRIBUTION, ADAPTABLE):
                            spoken = abs(h - mean / (one - fade))
                        if FOLD == 2:
                            h2 = A[ao + 2 * j + 1]
                            mean2 = decay * U[MEAN2, u] + (one - decay) * h2
                            U[MEAN2, u] = mean2
                            if UTIL in (ZERO_CONTRIBUTION, ADAPTABLE):
                                spoken += abs(h2 - mean2 / (one - fade))
                            else:
                                spoken += h2
                            h += h2
                        fired = one if h != 0 else zero
                        U[ACTIVE, u] += hyp[ACTIVE_DECAY] * (fired - U[ACTIVE, u])
                        heard = U[LISTENING, u]
                        if UTIL == ADAPTABLE:
                            heard /= U[INCOMING, u] + hyp[EPSILON]
                        elif UTIL == WEIGHT:
                            spoken = one
                        elif UTIL == ADAPTATION:
                            spoken = one
                            heard = one / (U[INCOMING, u] + hyp[EPSILON])
                        U[UTILITY, u] = updated_utility(U[UTILITY, u], spoken, heard, decay)
                        mature += is_mature(int(U[AGE, u]), maturity)
                    due = hyp[RATE] * mature
                    if due > 0:
                        births = int(due)
                        births += uniform(rng) < due - births
                        for _ in range(births):
                            j = least_heard(U, UTILITY, AGE, uo, units, maturity, decay)
                            if j < 0:
                                break
                            bound0 = hyp[GAIN] * math.sqrt(3.0 / geo[l, 0])
                            reborn(P, U, birth_in, birth_out, birth_unit, geo, l, j, FOLD, MEAN, FADE, bound0, rng)
                            s0 = STRIDE if STRIDE else geo[l, 2]
                            U[INCOMING, uo + j] = mean_incoming(W, geo[l, 3], s0, geo[l, 0], j)
                            G[1] += 1.0

    return jit(learn)
