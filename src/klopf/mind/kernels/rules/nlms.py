"""Normalised least mean squares: Nagumo and Noda, *IEEE Transactions on Automatic Control* 12 (1967).

``w <- w + step_size / (epsilon + 1 + sum_i x_i^2) * delta * x``, by layer, the bias among its inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import GradientRule, Hyperparameter

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


class NLMS(GradientRule):
    """A step-size that is divided by the power of the layer's inputs."""

    name = "nlms"
    hyperparameters = (Hyperparameter("step_size", 0.01), Hyperparameter("epsilon", 1e-8, positive=True))
    admits = True
    follows_error = True

    def step_size(self, plan: Plan) -> Any:
        """Kernel ``step_size(net, work, l)``."""
        from klopf.mind._jit import inlined
        from klopf.mind.kernels.state import INPUTS_AT

        STEP_SIZE, EPSILON = plan.places("step_size", "epsilon")

        def step_size(net, work, l):  # type: ignore[no-untyped-def]
            A = work.A
            ao = net.layers[l, INPUTS_AT]
            power = A.dtype.type(1)
            for k in range(work.count[l]):
                x = A[ao + work.active[ao + k]]
                power += x * x
            return net.hyper[STEP_SIZE] / (net.hyper[EPSILON] + power)

        return inlined(step_size)
