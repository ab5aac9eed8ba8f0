"""RMSProp: Tieleman and Hinton, lecture 6.5 of *Neural Networks for Machine Learning* (2012), corrected for bias.

    v <- beta2 * v + (1 - beta2) * g^2
    w <- w + step_size * g / (sqrt(v / (1 - beta2^t)) + epsilon)

with ``g`` minus the derivative by the weight, and ``beta2^t`` kept by weight, because a newborn's begins anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class RMSProp(Rule):
    """Every derivative is divided by its own running root mean square."""

    name = "rmsprop"
    hyperparameters = (
        Hyperparameter("step_size", 0.01),
        Hyperparameter("beta2", 0.999, below=1),
        Hyperparameter("epsilon", 1e-8, positive=True),
    )
    moves_all = True

    def weight_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """``v`` and ``beta2^t``."""
        return (Quantity("second moment"), Quantity("second fade", 1.0, 1.0))

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        ROW, SECOND, FADE2 = plan.constant_stride, plan.row("second moment"), plan.row("second fade")
        STEP_SIZE, BETA2, EPSILON = plan.places("step_size", "beta2", "epsilon")

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
                        W[b + j] += alpha * g / (math.sqrt(v / (one - f2)) + hyper[EPSILON])

        return inlined(step)
