"""Adam: Kingma and Ba, ICLR 2015, algorithm 1.

    m <- beta1 * m + (1 - beta1) * g
    v <- beta2 * v + (1 - beta2) * g^2
    w <- w + step_size * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

with ``g`` minus the derivative by the weight, and the powers kept by weight, because a newborn's begin anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class Adam(Rule):
    """Running means of each derivative and of its square."""

    name = "adam"
    hyperparameters = (
        Hyperparameter("step_size", 0.01),
        Hyperparameter("beta1", 0.9, below=1),
        Hyperparameter("beta2", 0.999, below=1),
        Hyperparameter("epsilon", 1e-8, positive=True),
    )
    moves_all = True

    def weight_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """``v``, ``beta2^t``, ``m`` and ``beta1^t``."""
        return (
            Quantity("second moment"),
            Quantity("second fade", 1.0, 1.0),
            Quantity("first moment"),
            Quantity("first fade", 1.0, 1.0),
        )

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        ROW = plan.constant_stride
        SECOND, FADE2, FIRST, FADE1 = (
            plan.row(name) for name in ("second moment", "second fade", "first moment", "first fade")
        )
        STEP_SIZE, BETA1, BETA2, EPSILON = plan.places("step_size", "beta1", "beta2", "epsilon")

        def step(net, work, now):  # type: ignore[no-untyped-def]
            W, P, layers, hyper, A, D = net.W, net.P, net.layers, net.hyper, work.A, work.D
            one = W.dtype.type(1)
            alpha = hyper[STEP_SIZE]
            for l in range(layers.shape[0]):
                stride = ROW if ROW else layers[l, STRIDE]
                ao = layers[l, INPUTS_AT]
                zo = layers[l, SUMS_AT]
                for i in range(layers[l, BIAS] + 1):
                    x = A[ao + i] if i < layers[l, BIAS] else one
                    b = layers[l, WEIGHTS_AT] + i * stride
                    for j in range(layers[l, UNITS]):
                        g = D[zo + j] * x
                        v = hyper[BETA2] * P[SECOND, b + j] + (one - hyper[BETA2]) * g * g
                        P[SECOND, b + j] = v
                        f2 = P[FADE2, b + j] * hyper[BETA2]
                        P[FADE2, b + j] = f2
                        m = hyper[BETA1] * P[FIRST, b + j] + (one - hyper[BETA1]) * g
                        P[FIRST, b + j] = m
                        f1 = P[FADE1, b + j] * hyper[BETA1]
                        P[FADE1, b + j] = f1
                        g = m / (one - f1)
                        W[b + j] += alpha * g / (math.sqrt(v / (one - f2)) + hyper[EPSILON])

        return inlined(step)
