"""ObGD, overshooting-bounded gradient descent: Elsayed, Vasan and Mahmood, *Streaming deep reinforcement learning
finally works* (2024), algorithm 3, without traces.

    step = step_size / max(step_size * kappa * max(|e|, 1) * |g|_1, 1)

with ``e`` the output's error and ``|g|_1`` the sum of the absolute derivatives of the output by all weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import Hyperparameter, Rule

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


class ObGD(Rule):
    """One step-size for all weights, so small that the step cannot overshoot its target."""

    name = "obgd"
    hyperparameters = (Hyperparameter("step_size", 0.01), Hyperparameter("kappa", 2.0))
    follows_error = True

    def step(self, plan: Plan) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.rows import row_step
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        ROW = plan.constant_stride
        STEP_SIZE, KAPPA = plan.places("step_size", "kappa")

        def step(net, work, now):  # type: ignore[no-untyped-def]
            W, layers, hyper, A, D = net.W, net.layers, net.hyper, work.A, work.D
            zero = W.dtype.type(0)
            one = W.dtype.type(1)
            alpha = hyper[STEP_SIZE]
            last = layers.shape[0] - 1
            size = zero
            for l in range(last + 1):
                ao = layers[l, INPUTS_AT]
                sx = one
                sd = zero
                for k in range(work.count[l]):
                    sx += abs(A[ao + work.active[ao + k]])
                for j in range(layers[l, UNITS]):
                    sd += abs(D[layers[l, SUMS_AT] + j])
                size += sx * sd
            e1 = zero
            for k in range(net.outputs):
                e1 += abs(D[layers[last, SUMS_AT] + k])
            if e1 > 0:  # D contains the error: the trace of the paper is the gradient divided by it
                size /= e1
            step = alpha / max(alpha * hyper[KAPPA] * max(e1, one) * size, one)
            for l in range(last + 1):
                stride = ROW if ROW else layers[l, STRIDE]
                off = layers[l, WEIGHTS_AT]
                ao = layers[l, INPUTS_AT]
                zo = layers[l, SUMS_AT]
                for k in range(work.count[l]):
                    i = work.active[ao + k]
                    row_step(W, off + i * stride, stride, step * A[ao + i], D, zo)
                row_step(W, off + layers[l, BIAS] * stride, stride, step, D, zo)

        return inlined(step)
