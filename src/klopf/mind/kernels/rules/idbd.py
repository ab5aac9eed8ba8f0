"""IDBD: Sutton, *Adapting bias by gradient descent*, AAAI 1992, with the curvature of networks in place of ``x^2``.

With ``c = x^2 * C_j`` (``C_j`` is 1 for a linear unit, which gives the paper's rule):

    alpha <- alpha * exp(meta * delta * x * h)
    w     <- w + alpha * delta * x
    h     <- h * max(1 - alpha * c, 0) + alpha * delta * x
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class IDBD(Rule):
    """Every weight has a step-size of its own, which it learns."""

    name = "idbd"
    hyperparameters = (Hyperparameter("step_size", 0.01), Hyperparameter("meta_step_size", 0.01))
    admits = True
    curvature = True
    follows_error = True

    def weight_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """The step-size ``alpha`` and the memory ``h``."""
        first = settings.step_size
        return (Quantity("step-size", first, first, newcomer=first * settings.admission), Quantity("memory"))

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        ROW, ALPHA, MEMORY = plan.constant_stride, plan.row("step-size"), plan.row("memory")
        (META,) = plan.places("meta_step_size")

        def step(net, work, now):  # type: ignore[no-untyped-def]
            W, P, layers, hyper, A, D, C = net.W, net.P, net.layers, net.hyper, work.A, work.D, work.C
            zero = W.dtype.type(0)
            one = W.dtype.type(1)
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
                        g = D[zo + j] * x
                        a = P[ALPHA, b + j] * math.exp(hyper[META] * g * P[MEMORY, b + j])
                        P[ALPHA, b + j] = a
                        W[b + j] += a * g
                        P[MEMORY, b + j] = P[MEMORY, b + j] * max(one - a * x * x * C[zo + j], zero) + a * g

        return inlined(step)
