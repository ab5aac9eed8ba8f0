"""The life of a batch learner's hidden units by the shared rule: how much each is heard, who is admitted and reborn.

A step of life is a step of Adam; what a unit says is its mean over the minibatch. Continual backpropagation (Dohare et
al., *Nature* 632, 2024); a unit of more than ``PROTECTED`` times its layer's mean utility is backbone and stays (R2);
with ``SMALLEST`` under 1 the listeners of one that was born later move their weights for it by that part of a step, and
once it is mature by its share of a fair utility (R5).
"""

from __future__ import annotations

import math

from klopf.mind.kernels.random import noise, symmetric, whole_births
from klopf.mind.kernels.shared import admitted_step_size, corrected_utility, is_mature, moved_bias, updated_utility
from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.batch import adam, place
from klopf.mind.rl._kernels.batch_layout import (
    AGE,
    AT,
    BIRTHS,
    BORN,
    FIRST,
    GRADIENT,
    IN,
    MATURITY,
    MEAN,
    NOISE,
    OUT,
    PROTECTED,
    RATE,
    SECOND,
    SMALLEST,
    UNITS_AT,
    UTILITY,
    UTILITY_DECAY,
    WEIGHT,
)


@jit
def mean_utility(U, first, units, decay):  # type: ignore[no-untyped-def]
    """Mean corrected utility of the ``units`` whose records begin at ``first``."""
    total = 0.0
    for j in range(units):
        total += corrected_utility(U[UTILITY, first + j], int(U[AGE, first + j]), decay)
    return total / units


@jit
def admit_rows(P, layers, U, hyp, step, b1, b2, root, eps, decay, shrink):  # type: ignore[no-untyped-def]
    """A step of Adam, in which each unit's listeners move their weights for it as far as it is admitted (R5)."""
    cast = P.dtype.type
    done = 0
    for n in range(layers.shape[0]):
        for l in range(layers.shape[1] - 1):
            units, u0 = layers[n, l, OUT], layers[n, l, UNITS_AT]
            at, listeners = layers[n, l + 1, AT], layers[n, l + 1, OUT]
            adam(P, done, at - done, step, b1, b2, root, eps, decay, shrink)
            fair = mean_utility(U, u0, units, hyp[UTILITY_DECAY])
            for j in range(units):
                part = 1.0
                if U[BORN, u0 + j] > 0.0:
                    age = int(U[AGE, u0 + j])
                    heard = corrected_utility(U[UTILITY, u0 + j], age, hyp[UTILITY_DECAY])
                    part = admitted_step_size(age, heard, fair, hyp[SMALLEST], 1.0, int(hyp[MATURITY]))
                adam(P, at + j * listeners, listeners, step * cast(part), b1, b2, root, eps, decay, shrink)
            done = at + units * listeners
    adam(P, done, P.shape[1] - done, step, b1, b2, root, eps, decay, shrink)


@jit
def listen(P, layers, U, H, batch, wide, rows, hyp, counts, rng):  # type: ignore[no-untyped-def]
    """After a step: noise on the weights, if any; every hidden unit is a step older; the least heard may be reborn."""
    if hyp[NOISE] > 0.0:
        for n in range(layers.shape[0]):
            for l in range(layers.shape[1]):
                at, many = layers[n, l, AT], layers[n, l, IN] * layers[n, l, OUT]
                size = hyp[NOISE] / math.sqrt(float(layers[n, l, IN]))
                for k in range(at, at + many):
                    P[WEIGHT, k] += P.dtype.type(size * noise(rng))
    if hyp[RATE] <= 0.0:
        return
    decay, maturity = hyp[UTILITY_DECAY], int(hyp[MATURITY])
    for n in range(layers.shape[0]):
        for l in range(layers.shape[1] - 1):
            units, u0 = layers[n, l, OUT], layers[n, l, UNITS_AT]
            h0 = place(layers, n, l + 1, batch, wide)
            at, listeners = layers[n, l + 1, AT], layers[n, l + 1, OUT]
            mature = 0
            for j in range(units):
                size = 0.0
                said = 0.0
                for i in range(rows):
                    h = float(H[h0 + i * wide + j])
                    size += abs(h)
                    said += h
                listened = 0.0
                for k in range(listeners):
                    listened += abs(float(P[WEIGHT, at + j * listeners + k]))
                U[AGE, u0 + j] += 1.0
                U[MEAN, u0 + j] = decay * U[MEAN, u0 + j] + (1.0 - decay) * said / rows
                U[UTILITY, u0 + j] = updated_utility(U[UTILITY, u0 + j], size / rows, listened, decay)
                mature += is_mature(int(U[AGE, u0 + j]), maturity)
            for _ in range(whole_births(hyp[RATE] * mature, rng)):
                j = least(U, u0, units, maturity, decay, hyp[PROTECTED])
                if j < 0:
                    break
                reborn(P, layers, U, n, l, j, decay, rng)
                counts[BIRTHS] += 1.0


@jit
def least(U, first, units, maturity, decay, protected):  # type: ignore[no-untyped-def]
    """Which unit is to be replaced: the least heard mature one, if it is not backbone; or -1 (R2)."""
    chosen = -1
    lowest = math.inf
    if protected > 0.0:
        lowest = protected * mean_utility(U, first, units, decay)
    for j in range(units):
        age = int(U[AGE, first + j])
        if is_mature(age, maturity):
            heard = corrected_utility(U[UTILITY, first + j], age, decay)
            if heard < lowest:
                chosen, lowest = j, heard
    return chosen


@jit
def reborn(P, layers, U, n, l, j, decay, rng):  # type: ignore[no-untyped-def]
    """Unit ``j`` of hidden layer ``l`` is replaced by a newborn, with everything that belongs to it (R6).

    What it said on average moves into its listeners' biases, its outgoing weights are zero, its incoming ones drawn
    anew; nothing stays in Adam but, for squared gradients, the mean of its neighbours', since with none its first steps
    would be far too long."""
    inputs, units, at = layers[n, l, IN], layers[n, l, OUT], layers[n, l, AT]
    listeners, after = layers[n, l + 1, OUT], layers[n, l + 1, AT]
    u = layers[n, l, UNITS_AT] + j
    mean = U[MEAN, u] / (1.0 - decay ** U[AGE, u])
    for k in range(listeners):
        bias = after + units * listeners + k
        w = after + j * listeners + k
        P[WEIGHT, bias] = P.dtype.type(moved_bias(float(P[WEIGHT, bias]), mean, float(P[WEIGHT, w])))
        P[WEIGHT, w] = P.dtype.type(0)
        forget(P, w, after + k, listeners, units)
    bound = 1.0 / math.sqrt(float(inputs))
    for i in range(inputs + 1):
        w = at + i * units + j
        P[WEIGHT, w] = P.dtype.type(symmetric(bound, rng) if i < inputs else 0.0)
        forget(P, w, at + i * units, 1, units)
    for q in range(U.shape[0]):
        U[q, u] = 0.0
    U[BORN, u] = 1.0


@jit
def forget(P, w, first, apart, units):  # type: ignore[no-untyped-def]
    """Adam keeps nothing of weight ``w``; its squares are the mean of its neighbours', ``apart`` from ``first`` on."""
    square = 0.0
    for i in range(units):
        if first + i * apart != w:
            square += float(P[SECOND, first + i * apart])
    P[GRADIENT, w] = P.dtype.type(0)
    P[FIRST, w] = P.dtype.type(0)
    P[SECOND, w] = P.dtype.type(square / max(units - 1, 1))
