"""How a unit is born: its weights drawn, and when it takes a dead unit's place, everything else reset (R6).

The tables are reset row by row, not quantity by quantity, so nothing that a rule or a life keeps can be forgotten.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind._jit import jit
from klopf.mind.kernels.covariance import own_input_reset, own_prior, own_reset, shared_input_reset
from klopf.mind.kernels.random import is_chosen, symmetric
from klopf.mind.kernels.shared import moved_bias
from klopf.mind.kernels.state import (
    BIAS,
    BIRTH,
    COPIES,
    COVARIANCE_AT,
    COVARIANCE_STRIDE,
    DIAGONAL,
    FADE,
    INPUTS,
    KIND,
    MEAN,
    NEWCOMER,
    OWN,
    SHARED,
    STRIDE,
    TAIL_AT,
    UNITS,
    UNITS_AT,
    WEIGHTS_AT,
)

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


@jit
def reset_weight(P, births, at):  # type: ignore[no-untyped-def]
    """Everything that is kept for the weight at ``at`` is as at birth: ``births`` has a value for each row of ``P``."""
    for q in range(P.shape[0]):
        P[q, at] = births[q]


@jit
def draw_incoming(P, copies, connected, layers, l, j, gain, fan_in, rng):  # type: ignore[no-untyped-def]
    """Fresh incoming weights for unit ``j`` of layer ``l``: uniform in +-gain*sqrt(3/fan-in), bias 0.

    With ``fan_in`` above 0 the unit listens to that many inputs only, drawn without replacement. Returns their mean
    absolute value. One pass: in a wide layer every weight of a unit lies in a memory page of its own.
    """
    off = layers[l, WEIGHTS_AT]
    stride = layers[l, STRIDE]
    rows = layers[l, INPUTS]
    left = rows
    if fan_in > 0:
        left = min(fan_in, rows)
    bound = gain * math.sqrt(3.0 / max(left, 1))
    total = 0.0
    for i in range(rows):
        at = off + i * stride + j
        w = symmetric(bound, rng)
        P[0, at] = w
        if connected > 0:
            if is_chosen(left, rows - i, rng):
                left -= 1
                P[connected, at] = 1.0
            else:
                P[connected, at] = 0.0
                P[0, at] = 0.0
                w = 0.0
        total += abs(w)
    at = off + layers[l, BIAS] * stride + j
    P[0, at] = 0.0
    for q in range(P.shape[0]):
        if copies[q] > 0:
            for i in range(rows):
                P[q, off + i * stride + j] = P[0, off + i * stride + j]
            P[q, at] = 0.0
    return total / max(rows, 1)


def build_rebirth(plan: Plan) -> Any:
    """Kernel ``reborn(net, l, j)``: unit ``j`` of hidden layer ``l`` is replaced by a newborn (R6).

    Every row of every table is reset. Its average contribution moves into the listeners' biases first. A unit that
    speaks through two inputs (concatenated ReLU) has a mean for each, one row below the other. A hidden layer whose
    units hear only some inputs hears the newborn where it heard the dead. What was known about it goes, and it meets
    the prior's uncertainty, of which its inputs get equal parts; its listeners give it a share, ``admission``, of
    theirs. Returns its mean absolute incoming weight.
    """
    FOLD, CONNECTED = plan.fold, plan.row("connected", missing=0)
    GAIN, FAN_IN, ADMISSION = plan.places("gain", "fan_in", "admission")
    PRIOR, LISTENING_PRIOR = plan.places("prior", "listening_prior") if plan.covariances else (0, 0)

    def reborn(net, l, j):  # type: ignore[no-untyped-def]
        P, U, K, layers, matrices = net.P, net.U, net.K, net.layers, net.matrices
        births, unit_births, hyper = net.births, net.unit_births, net.hyper
        fan_in = int(hyper[FAN_IN])
        prior = hyper[PRIOR]
        listening = hyper[LISTENING_PRIOR]
        off = layers[l, WEIGHTS_AT]
        stride = layers[l, STRIDE]
        bias = layers[l, BIAS]
        u = layers[l, UNITS_AT] + j
        rows = layers[l, INPUTS]
        off2 = layers[l + 1, WEIGHTS_AT]
        stride2 = layers[l + 1, STRIDE]
        bias2 = layers[l + 1, BIAS]
        units2 = layers[l + 1, UNITS]
        seen = 1.0 - U[FADE, u]
        for f in range(FOLD):
            mean = 0.0
            if seen > 0.0:
                mean = U[MEAN + f, u] / seen
            i = j * FOLD + f
            b = off2 + i * stride2
            b2 = off2 + bias2 * stride2
            for k in range(units2):
                P[0, b2 + k] = moved_bias(P[0, b2 + k], mean, P[0, b + k])
            for q in range(P.shape[0]):
                if q > 0 and q == CONNECTED and l + 2 < layers.shape[0]:
                    continue  # who listened still does, and nobody else
                for k in range(units2):
                    P[q, b + k] = births[NEWCOMER, q]
            # what the listeners thought they knew about the dead unit's voice
            fresh = hyper[ADMISSION] * (listening if l + 1 == layers.shape[0] - 1 else prior)
            ks = matrices[l + 1, COVARIANCE_STRIDE]
            if matrices[l + 1, KIND] == SHARED:
                shared_input_reset(K, matrices[l + 1, COVARIANCE_AT], matrices[l + 1, TAIL_AT], ks, bias2 + 1, i, fresh)
            elif matrices[l + 1, KIND] == DIAGONAL:
                K[matrices[l + 1, COVARIANCE_AT] + i] = fresh
            elif matrices[l + 1, KIND] == OWN:
                for k in range(units2):
                    variance = fresh / (bias2 + 1)
                    if CONNECTED > 0 and l + 2 < layers.shape[0]:
                        variance = own_prior(layers, l + 1, fresh, fan_in) * P[CONNECTED, b + k]
                    own_input_reset(K, layers, matrices, l + 1, k, i, variance)
        for q in range(1, P.shape[0]):  # row 0, the weights, is drawn below
            for i in range(rows):
                P[q, off + i * stride + j] = births[BIRTH, q]
            P[q, off + bias * stride + j] = births[BIRTH, q]
        for q in range(U.shape[0]):
            U[q, u] = unit_births[q]
        incoming = draw_incoming(P, births[COPIES], CONNECTED, layers, l, j, hyper[GAIN], fan_in, net.rng)
        if matrices[l, KIND] == OWN:  # what a layer shares is about its inputs, and stays
            own_reset(P, K, layers, matrices, CONNECTED, l, j, prior, fan_in)
        return incoming

    return jit(reborn)
