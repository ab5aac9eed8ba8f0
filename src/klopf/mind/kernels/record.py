"""Every hidden unit's record: how old it is, what it says, how much it is heard.

A life judges units by it, rebirth moves a mean activity into biases, and ``Mind.record`` shows it. Running means start
from 0 and are corrected by what is kept beside them (``FADE``, ``QUICK_FADE``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined, jit
from klopf.mind.kernels.rows import row_size
from klopf.mind.kernels.shared import is_mature
from klopf.mind.kernels.state import (
    ACTIVE,
    AGE,
    FADE,
    INCOMING,
    INPUTS,
    INPUTS_AT,
    LISTENING,
    MAGNITUDE,
    MEAN,
    MEAN2,
    MOVEMENT,
    QUICK_FADE,
    STRIDE,
    UNITS,
    UNITS_AT,
    WEIGHTS_AT,
)

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


@jit
def mean_incoming(W, off, stride, rows, out, oo, units):  # type: ignore[no-untyped-def]
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


def build_record(plan: Plan) -> Any:
    """Kernel ``record(net, work, l, now)``: the units of hidden layer ``l`` have lived one step more.

    Leaves each one's absolute activity in ``work.spoken`` and, where it is asked for, its distance from its mean in
    ``work.deviation``. Returns how many units are mature.
    """
    ROW, FOLD, FULL = plan.constant_stride, plan.fold, plan.records_all
    SUMS, NEEDS_INCOMING, CENTRED = plan.keeps_sums, plan.needs_incoming, plan.centred
    MAGNITUDES = plan.records_all or plan.magnitudes
    ACTIVE_DECAY, DECAY = plan.places("active_decay", "utility_decay")
    MATURITY = plan.places("maturity")[0]

    def record(net, work, l, now):  # type: ignore[no-untyped-def]
        W, U, layers, hyper, A = net.W, net.U, net.layers, net.hyper, work.A
        spoken, off_mean = work.spoken, work.deviation
        zero = W.dtype.type(0)
        one = W.dtype.type(1)
        decay = hyper[DECAY]
        maturity = hyper[MATURITY]
        units = layers[l, UNITS]
        uo = layers[l, UNITS_AT]
        ao = layers[l + 1, INPUTS_AT]
        if not SUMS:
            stride1 = ROW if ROW else layers[l + 1, STRIDE]
            off1 = layers[l + 1, WEIGHTS_AT]
            for j in range(units):
                g = zero
                for f in range(FOLD):
                    g += row_size(W, off1 + (j * FOLD + f) * stride1, stride1)
                U[LISTENING, uo + j] = g
        # moves slowly and costs a pass over all weights: refreshed every 2**k steps
        if NEEDS_INCOMING and now & work.refresh[l] == 0:
            stride0 = ROW if ROW else layers[l, STRIDE]
            mean_incoming(W, layers[l, WEIGHTS_AT], stride0, layers[l, INPUTS], U[INCOMING], uo, units)
        # short loops over whole rows: each is a few vector instructions
        quick = hyper[ACTIVE_DECAY]
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
        if CENTRED or FULL:
            for j in range(units):
                off_mean[j] = abs(h[j * FOLD] - mean[j] / (one - fade[j]))
        if FOLD == 2:
            mean2 = U[MEAN2, uo : uo + units]
            for j in range(units):
                mean2[j] = decay * mean2[j] + (one - decay) * h[2 * j + 1]
                spoken[j] += h[2 * j + 1]
                if CENTRED or FULL:
                    off_mean[j] += abs(h[2 * j + 1] - mean2[j] / (one - fade[j]))
        if FULL:
            for j in range(units):
                fired = one if spoken[j] != 0 else zero
                U[ACTIVE, uo + j] += quick * (fired - U[ACTIVE, uo + j])
                U[MOVEMENT, uo + j] += quick * (off_mean[j] * heard[j] - U[MOVEMENT, uo + j])
        if MAGNITUDES:
            for j in range(units):
                U[QUICK_FADE, uo + j] *= one - quick
                U[MAGNITUDE, uo + j] += quick * (spoken[j] - U[MAGNITUDE, uo + j])
        return mature

    return inlined(record)
