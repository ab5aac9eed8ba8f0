"""Stochastic gradient descent, one sample at a time: ``w <- w + step_size * delta * x``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind.kernels.part import GradientRule, Hyperparameter

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


class SGD(GradientRule):
    """The same step-size for every weight. ``delta`` is minus the loss's derivative by the unit's sum."""

    name = "sgd"
    hyperparameters = (Hyperparameter("step_size", 0.01),)
    admits = True

    def step_size(self, plan: Plan) -> Any:
        """Kernel ``step_size(net, work, l)``."""
        from klopf.mind._jit import inlined

        (STEP_SIZE,) = plan.places("step_size")

        def step_size(net, work, l):  # type: ignore[no-untyped-def]
            return net.hyper[STEP_SIZE]

        return inlined(step_size)
