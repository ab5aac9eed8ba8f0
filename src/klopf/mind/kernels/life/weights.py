"""Selective weight reinitialisation: Hernandez-Garcia et al., *Reinitializing weights vs units for maintaining
plasticity in neural networks*, CoLLAs 2025.

Every ``check_every`` steps the least useful share ``reset_fraction`` of each layer's weights is drawn anew. A weight's
utility is its magnitude, or the running mean of ``|weight * gradient|``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Life, Quantity

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class Weights(Life):
    """Not units: the least useful weights."""

    name = "weights"
    hyperparameters = (
        Hyperparameter("check_every", 1000, at_least=1),
        Hyperparameter("reset_fraction", 1e-3, below=1),
    )
    records = False

    def weight_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """Its utility, unless that is the magnitude, which needs no row."""
        return (Quantity("worth"),) if settings.weight_utility == "gradient" else ()

    def after(self, plan: Plan) -> Any:
        """Kernel ``after(net, work, now)``."""
        from klopf.mind._jit import inlined

        WORTH = plan.row("worth", missing=0)
        (EVERY,) = plan.places("check_every")
        judge, renew = _judge(plan), _renew(plan)

        def after(net, work, now):  # type: ignore[no-untyped-def]
            if WORTH > 0:
                judge(net, work)
            if now % int(net.hyper[EVERY]) == 0:
                renew(net, work)

        return inlined(after)


def _judge(plan: Plan) -> Any:
    """Kernel ``judge(net, work)``: one step of every weight's utility."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.state import INPUTS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

    ROW, WORTH = plan.constant_stride, plan.row("worth", missing=0)
    (DECAY,) = plan.places("utility_decay")

    def judge(net, work):  # type: ignore[no-untyped-def]
        W, P, layers, A, D = net.W, net.P, net.layers, work.A, work.D
        one = W.dtype.type(1)
        decay = net.hyper[DECAY]
        for l in range(layers.shape[0]):
            stride = ROW if ROW else layers[l, STRIDE]
            for i in range(layers[l, INPUTS]):
                x = abs(A[layers[l, INPUTS_AT] + i])
                b = layers[l, WEIGHTS_AT] + i * stride
                for j in range(layers[l, UNITS]):
                    use = abs(W[b + j] * D[layers[l, SUMS_AT] + j]) * x
                    P[WORTH, b + j] = decay * P[WORTH, b + j] + (one - decay) * use

    return inlined(judge)


def _renew(plan: Plan) -> Any:
    """Kernel ``renew(net, work)``: the least useful weights of each layer are as at birth."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.order import nth_smallest
    from klopf.mind.kernels.random import uniform
    from klopf.mind.kernels.rebirth import reset_weight
    from klopf.mind.kernels.state import (
        BIRTH,
        COPIES,
        INPUTS,
        STRIDE,
        UNITS,
        WEIGHT_DEBT,
        WEIGHTS_AT,
        WEIGHTS_REBORN,
    )

    ROW, WORTH, CONNECTED = plan.constant_stride, plan.row("worth", missing=0), plan.row("connected", missing=0)
    GAIN, FAN_IN, FRACTION = plan.places("gain", "fan_in", "reset_fraction")

    def renew(net, work):  # type: ignore[no-untyped-def]
        W, P, G, layers, hyper, births = net.W, net.P, net.G, net.layers, net.hyper, net.births
        one = W.dtype.type(1)
        pool = work.pool
        last = layers.shape[0] - 1
        for l in range(last + 1):
            stride = ROW if ROW else layers[l, STRIDE]
            rows = layers[l, INPUTS]
            count = 0
            for i in range(rows):
                for j in range(layers[l, UNITS]):
                    at = layers[l, WEIGHTS_AT] + i * stride + j
                    if CONNECTED > 0 and P[CONNECTED, at] == 0:
                        continue
                    pool[count] = abs(P[WORTH, at])
                    count += 1
            G[WEIGHT_DEBT] += hyper[FRACTION] * count  # less than one weight is left for the layer after
            reset = min(int(G[WEIGHT_DEBT]), count)
            if reset < 1:
                continue
            G[WEIGHT_DEBT] -= reset
            limit = nth_smallest(pool, count, reset)
            fan = rows
            if CONNECTED > 0 and l < last:
                fan = min(int(hyper[FAN_IN]), rows)
            bound = (one if l == last else hyper[GAIN]) * math.sqrt(3.0 / fan)
            for i in range(rows):
                for j in range(layers[l, UNITS]):
                    at = layers[l, WEIGHTS_AT] + i * stride + j
                    if CONNECTED > 0 and P[CONNECTED, at] == 0:
                        continue
                    if abs(P[WORTH, at]) <= limit and reset > 0:
                        reset -= 1
                        reset_weight(P, births[BIRTH], at)
                        W[at] = (2.0 * uniform(net.rng) - 1.0) * bound
                        for q in range(P.shape[0]):
                            if births[COPIES, q] > 0:
                                P[q, at] = W[at]
                        G[WEIGHTS_REBORN] += 1.0

    return inlined(renew)
