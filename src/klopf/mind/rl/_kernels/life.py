"""The life and death of an agent's hidden units: continual backpropagation (Dohare et al., *Nature* 632, 2024).

A unit's utility is how loudly it speaks times how much it is listened to (R1); the least useful mature ones are
replaced at a set rate, and with a unit goes everything that belongs to it: weights, traces, step-sizes, statistics
(R6).
"""

from __future__ import annotations

import math

from klopf.mind.kernels.random import is_chosen, symmetric, whole_births
from klopf.mind.kernels.rebirth import reset_weight
from klopf.mind.kernels.shared import corrected_utility, is_mature, least_heard, moved_bias, updated_utility
from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    ADAPTIVE,
    AGE,
    CORRECTED,
    INPUTS,
    INPUTS_AT,
    INTENTIONAL,
    MATURE,
    MATURITY,
    MEAN,
    N_BIRTHS,
    O_RULE,
    O_UTILITY,
    RATE,
    SECOND,
    SPARSITY,
    UNITS,
    UNITS_AT,
    UTILITY,
    UTILITY_DECAY,
    WEIGHT,
    WEIGHTS_AT,
)


@jit
def listened_in_row(P, at, listeners):  # type: ignore[no-untyped-def]
    """Sum of the absolute weights by which a hidden layer's ``listeners`` listen to one unit: a row, from ``at`` on."""
    w = P[WEIGHT][at : at + listeners]
    total = P.dtype.type(0)
    for k in range(listeners):
        total += abs(w[k])
    return float(total)


@jit
def listened_in_column(P, at, step, listeners):  # type: ignore[no-untyped-def]
    """The same where the listeners are outputs: a column, whose numbers are ``step`` apart."""
    total = 0.0
    for k in range(listeners):
        total += abs(float(P[WEIGHT, at + k * step]))
    return total


@jit
def live(P, U, B, layers, A, hyp, N, rng, O):  # type: ignore[no-untyped-def]
    """Every hidden unit of one network grows a step older; the least useful may be replaced. ``B`` is the weight
    table's values at birth."""
    decay = float(hyp[UTILITY_DECAY])
    maturity = int(hyp[MATURITY])
    for l in range(layers.shape[0] - 1):
        units = layers[l, UNITS]
        u0 = layers[l, UNITS_AT]
        h0 = layers[l + 1, INPUTS_AT]
        listeners = layers[l + 1, UNITS]
        listeners_at = layers[l + 1, WEIGHTS_AT]
        mature = 0
        for j in range(units):
            h = float(A[h0 + j])
            if l + 2 < layers.shape[0]:
                heard = listened_in_row(P, listeners_at + j * listeners, listeners)
            else:
                heard = listened_in_column(P, listeners_at + j, units + 1, listeners)
            age = U[AGE, u0 + j] + 1.0
            U[AGE, u0 + j] = age
            mean = decay * U[MEAN, u0 + j] + (1.0 - decay) * h
            U[MEAN, u0 + j] = mean
            spoken = h
            if O[O_UTILITY] > 0:
                spoken = h - mean / (1.0 - decay**age)
            U[UTILITY, u0 + j] = updated_utility(U[UTILITY, u0 + j], spoken, heard, decay)
            mature += is_mature(int(age), maturity)
        for _ in range(whole_births(float(hyp[RATE]) * mature, rng)):
            j = least_heard_unit(U, u0, units, maturity, decay)
            if j < 0:
                break
            reborn(P, U, B, layers, l, j, decay, float(hyp[SPARSITY]), rng, O)
            N[N_BIRTHS] += 1.0


@jit
def least_heard_unit(U, first, units, maturity, decay):  # type: ignore[no-untyped-def]
    """Which of the ``units`` whose records begin at ``first`` is to be replaced, or -1 (R2)."""
    corrected = U[CORRECTED][first : first + units]
    mature = U[MATURE][first : first + units]
    for j in range(units):
        age = int(U[AGE, first + j])
        corrected[j] = corrected_utility(U[UTILITY, first + j], age, decay)
        mature[j] = is_mature(age, maturity)
    return least_heard(corrected, mature)


@jit
def reborn(P, U, B, layers, l, j, decay, sparsity, rng, O):  # type: ignore[no-untyped-def]
    """Unit ``j`` of hidden layer ``l`` is replaced by a newborn (R6): every row of every table is reset.

    What it said on average moves into its listeners' biases first; its outgoing weights become zero.
    """
    squares = O[O_RULE] == ADAPTIVE or O[O_RULE] == INTENTIONAL
    units = layers[l, UNITS]
    inputs = layers[l, INPUTS]
    u = layers[l, UNITS_AT] + j
    age = U[AGE, u]
    mean = U[MEAN, u] / (1.0 - decay**age) if age > 0 else 0.0
    after = layers[l + 1, UNITS]
    by_unit, by_listener = after, 1  # from one unit's weight to the next one's, and from one listener's
    if l + 2 == layers.shape[0]:
        by_unit, by_listener = 1, units + 1
    for k in range(after):
        first = layers[l + 1, WEIGHTS_AT] + k * by_listener
        at = first + j * by_unit
        bias = first + units * by_unit
        P[WEIGHT, bias] = moved_bias(P[WEIGHT, bias], mean, P[WEIGHT, at])
        reset(P, B, at, first, by_unit, units, squares)
    for i in range(inputs + 1):
        first = layers[l, WEIGHTS_AT] + i * units
        reset(P, B, first + j, first, 1, units, squares)
    draw_incoming(P, layers[l], j, sparsity, O[O_RULE] == INTENTIONAL, rng)
    for q in range(U.shape[0]):
        U[q, u] = 0.0


@jit
def reset(P, B, at, first, by_unit, units, squares):  # type: ignore[no-untyped-def]
    """Everything that is kept for the weight at ``at`` is as at birth.

    A running square starts at the average of its neighbours' (the same input's, the same listener's), which begin at
    ``first``: at zero, whose bias the count of all updates no longer corrects, the newborn's first steps would be far
    too long."""
    square = 0.0
    if squares:
        for i in range(units):
            square += float(P[SECOND, first + i * by_unit]) / units
    reset_weight(P, B, at)
    if squares:
        P[SECOND, at] = square


@jit
def draw_incoming(P, layer, j, sparsity, sees, rng):  # type: ignore[no-untyped-def]
    """Fresh incoming weights of unit ``j``: uniform in +-1/sqrt(fan-in), ceil(sparsity * fan-in) of them zero, drawn
    without replacement; bias 0 (Elsayed et al. 2024, algorithm 1). ``sees``: see ``_geometry.draw``."""
    inputs = layer[INPUTS]
    bound = 1.0 / math.sqrt(float(inputs))
    zeros = math.ceil(sparsity * inputs - 1e-9)
    if sees and sparsity < 1.0:
        zeros = min(zeros, inputs - 1)
    for i in range(inputs):
        w = symmetric(bound, rng)
        if is_chosen(zeros, inputs - i, rng):
            zeros -= 1
            w = 0.0
        P[WEIGHT, layer[WEIGHTS_AT] + i * layer[UNITS] + j] = w
    P[WEIGHT, layer[WEIGHTS_AT] + inputs * layer[UNITS] + j] = 0.0
