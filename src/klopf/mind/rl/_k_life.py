"""The life and death of an agent's hidden units: continual backpropagation (Dohare et al., *Nature* 632, 2024).

A unit's utility is how loudly it speaks times how much it is listened to (R1); the least useful mature ones are
replaced at a set rate, and with a unit goes everything that belongs to it: weights, traces, step-sizes, statistics
(R6).
"""

from __future__ import annotations

import math

from klopf.mind.kernels.random import uniform
from klopf.mind.kernels.shared import corrected_utility, is_mature, moved_bias, updated_utility
from klopf.mind.rl._jit import jit
from klopf.mind.rl._k_layout import (
    ADAPTIVE,
    AGE,
    INPUTS,
    INPUTS_AT,
    INTENTIONAL,
    MATURITY,
    MEAN,
    N_BIRTHS,
    O_RULE,
    O_UTILITY,
    RATE,
    RECORDS_AT,
    SECOND,
    SPARSITY,
    UNITS,
    UTILITY,
    UTILITY_DECAY,
    WEIGHT,
    WEIGHTS_AT,
)


@jit
def draw_incoming(P, layer, j, sparsity, rng):  # type: ignore[no-untyped-def]
    """Fresh incoming weights of unit ``j``: uniform in +-1/sqrt(fan-in), ceil(sparsity * fan-in) of them zero, drawn
    without replacement; bias 0 (Elsayed et al. 2024, algorithm 1)."""
    n = layer[INPUTS]
    units = layer[UNITS]
    bound = 1.0 / math.sqrt(float(n))
    zeros = math.ceil(sparsity * n - 1e-9)
    for i in range(n):
        w = (2.0 * uniform(rng) - 1.0) * bound
        if uniform(rng) * (n - i) < zeros:
            zeros -= 1
            w = 0.0
        P[WEIGHT, layer[WEIGHTS_AT] + i * units + j] = w
    P[WEIGHT, layer[WEIGHTS_AT] + n * units + j] = 0.0


@jit
def live(P, U, B, layers, A, hyp, N, rng, O):  # type: ignore[no-untyped-def]
    """Every hidden unit of one network grows a step older; the least useful may be replaced. ``B`` is the weight
    table's values at birth."""
    last = layers.shape[0] - 1
    decay = float(hyp[UTILITY_DECAY])
    for l in range(last):
        units = layers[l, UNITS]
        uo = layers[l, RECORDS_AT]
        x0 = layers[l + 1, INPUTS_AT]
        after = layers[l + 1, UNITS]
        mature = 0
        for j in range(units):
            h = float(A[x0 + j])
            heard = 0.0
            if l + 1 < last:
                at = layers[l + 1, WEIGHTS_AT] + j * after
                w = P[WEIGHT][at : at + after]
                total = P.dtype.type(0)
                for k in range(after):
                    total += abs(w[k])
                heard = float(total)
            else:
                for k in range(after):
                    heard += abs(float(P[WEIGHT, layers[l + 1, WEIGHTS_AT] + k * (units + 1) + j]))
            age = U[AGE, uo + j] + 1.0
            U[AGE, uo + j] = age
            mean = decay * U[MEAN, uo + j] + (1.0 - decay) * h
            U[MEAN, uo + j] = mean
            spoken = h
            if O[O_UTILITY] > 0:
                spoken = h - mean / (1.0 - decay**age)
            U[UTILITY, uo + j] = updated_utility(U[UTILITY, uo + j], spoken, heard, decay)
            mature += is_mature(int(age), int(hyp[MATURITY]))
        due = float(hyp[RATE]) * mature
        births = int(due)
        births += uniform(rng) < due - births
        for _ in range(births):
            least = -1
            lowest = 0.0
            for j in range(units):
                if not is_mature(int(U[AGE, uo + j]), int(hyp[MATURITY])):
                    continue
                u = corrected_utility(U[UTILITY, uo + j], int(U[AGE, uo + j]), decay)
                if least < 0 or u < lowest:
                    least = j
                    lowest = u
            if least < 0:
                break
            reborn(P, U, B, layers, l, least, decay, float(hyp[SPARSITY]), rng, O)
            N[N_BIRTHS] += 1.0


@jit
def reborn(P, U, B, layers, l, j, decay, sparsity, rng, O):  # type: ignore[no-untyped-def]
    """Unit ``j`` of hidden layer ``l`` is replaced by a newborn (R6): every row of every table is reset.

    What it said on average moves into its listeners' biases first; its outgoing weights become zero. A running square
    starts at the average of its neighbours' (the same input's, the same listener's): at zero, whose bias the count of
    all updates no longer corrects, the newborn's first steps would be far too long."""
    squares = O[O_RULE] == ADAPTIVE or O[O_RULE] == INTENTIONAL
    last = layers.shape[0] - 1
    units = layers[l, UNITS]
    n = layers[l, INPUTS]
    u = layers[l, RECORDS_AT] + j
    age = U[AGE, u]
    mean = U[MEAN, u] / (1.0 - decay**age) if age > 0 else 0.0
    after = layers[l + 1, UNITS]
    for k in range(after):
        if l + 1 < last:
            at = layers[l + 1, WEIGHTS_AT] + j * after + k
            bias = layers[l + 1, WEIGHTS_AT] + units * after + k
        else:
            at = layers[l + 1, WEIGHTS_AT] + k * (units + 1) + j
            bias = layers[l + 1, WEIGHTS_AT] + k * (units + 1) + units
        P[WEIGHT, bias] = moved_bias(P[WEIGHT, bias], mean, P[WEIGHT, at])
        square = 0.0
        if squares:
            for i in range(units):
                there = layers[l + 1, WEIGHTS_AT] + (i * after + k if l + 1 < last else k * (units + 1) + i)
                square += float(P[SECOND, there]) / units
        for q in range(P.shape[0]):
            P[q, at] = B[q]
        if squares:
            P[SECOND, at] = square
    for i in range(n + 1):
        at = layers[l, WEIGHTS_AT] + i * units + j
        square = 0.0
        if squares:
            for k in range(units):
                square += float(P[SECOND, layers[l, WEIGHTS_AT] + i * units + k]) / units
        for q in range(P.shape[0]):
            P[q, at] = B[q]
        if squares:
            P[SECOND, at] = square
    draw_incoming(P, layers[l], j, sparsity, rng)
    for q in range(U.shape[0]):
        U[q, u] = 0.0
