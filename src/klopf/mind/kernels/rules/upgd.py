"""UPGD, utility-based perturbed gradient descent: Elsayed and Mahmood, ICLR 2024, algorithm 1 (first order, global).

    u <- beta2 * u - (1 - beta2) * dL/dw * w
    w <- w * (1 - step_size * l2) + step_size * (g + noise * xi) * (1 - sigmoid(u' / max u'))

with ``g`` minus the derivative by the weight, ``u'`` corrected for bias and ``xi`` of variance 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule

if TYPE_CHECKING:
    from klopf.mind._settings import Settings
    from klopf.mind.kernels.plan import Plan


class UPGD(Rule):
    """Useful weights are protected, useless ones move and tremble."""

    name = "upgd"
    hyperparameters = (
        Hyperparameter("step_size", 0.01),
        Hyperparameter("noise", 1.0),
        Hyperparameter("beta2", 0.999, below=1),
    )
    moves_all = True
    decays_by_itself = True

    def weight_rows(self, settings: Settings) -> tuple[Quantity, ...]:
        """``u``, and ``beta2^t`` for its bias."""
        return (Quantity("use"), Quantity("use fade", 1.0, 1.0))

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.rules._upgd_rows import row_upgd, row_use
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        ROW, USE, USE_FADE = plan.constant_stride, plan.row("use"), plan.row("use fade")
        STEP_SIZE, BETA2, NOISE, L2 = plan.places("step_size", "beta2", "noise", "l2")

        def step(net, work, now):  # type: ignore[no-untyped-def]
            W, P, layers, hyper, A, D = net.W, net.P, net.layers, net.hyper, work.A, work.D
            zero = W.dtype.type(0)
            one = W.dtype.type(1)
            tiny = W.dtype.type(1e-12)
            alpha = hyper[STEP_SIZE]
            best = zero
            for l in range(layers.shape[0]):
                stride = ROW if ROW else layers[l, STRIDE]
                ao = layers[l, INPUTS_AT]
                units = layers[l, UNITS]
                for i in range(layers[l, BIAS] + 1):
                    x = A[ao + i] if i < layers[l, BIAS] else one
                    b = layers[l, WEIGHTS_AT] + i * stride
                    use = row_use(W, P[USE], P[USE_FADE], b, units, x, D, layers[l, SUMS_AT], hyper[BETA2])
                    best = max(best, use)
            best = max(best, tiny)
            for l in range(layers.shape[0]):
                stride = ROW if ROW else layers[l, STRIDE]
                ao = layers[l, INPUTS_AT]
                units = layers[l, UNITS]
                for i in range(layers[l, BIAS] + 1):
                    x = A[ao + i] if i < layers[l, BIAS] else one
                    b = layers[l, WEIGHTS_AT] + i * stride
                    row_upgd(
                        W, P[USE], P[USE_FADE], b, units, x, D, layers[l, SUMS_AT],
                        alpha, one - alpha * hyper[L2], hyper[NOISE], best, net.rng,
                    )  # fmt: skip

        return inlined(step)
