"""Autostep: Mahmood, Sutton, Degris and Pilarski, *Tuning-free step-size adaptation*, ICASSP 2012.

With ``c = x^2 * C_j`` (``C_j`` is 1 for a linear unit, which gives the paper's table 1):

    v     <- max(|m|, v + alpha * c * (|m| - v) / tau)     with m = delta * x * h
    alpha <- alpha * exp(meta * m / v)
    alpha <- alpha / max(sum alpha * c, 1)                 over all weights
    w     <- w + alpha * delta * x
    h     <- h * (1 - alpha * c) + alpha * delta * x
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class Autostep(Rule):
    """Every weight has a step-size of its own, which it learns, whatever the scale of the data."""

    name = "autostep"
    hyperparameters = (
        Hyperparameter("step_size", 0.01),
        Hyperparameter("meta_step_size", 0.01),
        Hyperparameter("tau", 10_000.0, at_least=1),
    )
    admits = True
    curvature = True
    follows_error = True

    def weight_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """The step-size ``alpha``, the memory ``h`` and the scale ``v``."""
        first = settings.step_size
        step = Quantity("step-size", first, first, newcomer=first * settings.admission)
        return (step, Quantity("memory"), Quantity("scale"))

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.plan import SQUARED
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        ROW, LOSS = plan.constant_stride, plan.loss
        ALPHA, MEMORY, SCALE = plan.row("step-size"), plan.row("memory"), plan.row("scale")
        META, TAU = plan.places("meta_step_size", "tau")

        def step(net, work, now):  # type: ignore[no-untyped-def]
            W, P, layers, hyper, A, D, C = net.W, net.P, net.layers, net.hyper, work.A, work.D, work.C
            zero = W.dtype.type(0)
            one = W.dtype.type(1)
            bound = zero
            for l in range(layers.shape[0]):
                stride = ROW if ROW else layers[l, STRIDE]
                ao = layers[l, INPUTS_AT]
                zo = layers[l, SUMS_AT]
                na = work.count[l]
                for k in range(na + 1):
                    i = work.active[ao + k] if k < na else layers[l, BIAS]
                    x = A[ao + i] if k < na else one
                    b = layers[l, WEIGHTS_AT] + i * stride
                    for j in range(layers[l, UNITS]):
                        c = x * x * C[zo + j]
                        a = P[ALPHA, b + j]
                        m = D[zo + j] * x * P[MEMORY, b + j]
                        v = P[SCALE, b + j]
                        v = max(abs(m), v + a * c * (abs(m) - v) / hyper[TAU])
                        P[SCALE, b + j] = v
                        if v > 0:
                            a *= math.exp(hyper[META] * m / v)
                            P[ALPHA, b + j] = a
                        bound += a * c
            shrink = one / max(bound / net.outputs if LOSS == SQUARED else bound, one)
            for l in range(layers.shape[0]):
                stride = ROW if ROW else layers[l, STRIDE]
                ao = layers[l, INPUTS_AT]
                zo = layers[l, SUMS_AT]
                na = work.count[l]
                for k in range(na + 1):
                    i = work.active[ao + k] if k < na else layers[l, BIAS]
                    x = A[ao + i] if k < na else one
                    b = layers[l, WEIGHTS_AT] + i * stride
                    for j in range(layers[l, UNITS]):
                        a = P[ALPHA, b + j]
                        c = x * x * C[zo + j]
                        if c > 0:
                            a *= shrink
                            P[ALPHA, b + j] = a
                        g = a * D[zo + j] * x
                        W[b + j] += g
                        P[MEMORY, b + j] = P[MEMORY, b + j] * (one - a * c) + g

        return inlined(step)
