"""Lion: Chen et al., *Symbolic Discovery of Optimization Algorithms* (NeurIPS 2023), algorithm 2, without decay.

    c <- beta1 * m + (1 - beta1) * g
    w <- w + step_size * sign(c)
    m <- beta2 * m + (1 - beta2) * g

with ``g`` minus the derivative by the weight.
"""

from typing import Any

from klopf.mind.kernels.part import Hyperparameter, Quantity, Rule


class Lion(Rule):
    """Every weight moves by the same amount, in the direction of its running derivative."""

    name = "lion"
    hyperparameters = (
        Hyperparameter("step_size", 0.01),
        Hyperparameter("beta1", 0.9, below=1),
        Hyperparameter("beta2", 0.999, below=1),
    )
    moves_all = True

    def weight_rows(self, settings: Any) -> tuple[Quantity, ...]:
        """``m``, which is zero in a newborn."""
        return (Quantity("lion momentum"),)

    def step(self, plan: Any) -> Any:
        """Kernel ``step(net, work, now)``."""
        from klopf.mind import inlined
        from klopf.mind.kernels.state import BIAS, INPUTS_AT, STRIDE, SUMS_AT, UNITS, WEIGHTS_AT

        MOMENTUM = plan.row("lion momentum")
        STEP_SIZE, BETA1, BETA2 = plan.places("step_size", "beta1", "beta2")

        def step(net, work, now):
            one = net.W.dtype.type(1)
            for l in range(net.layers.shape[0]):
                inputs, sums = net.layers[l, INPUTS_AT], net.layers[l, SUMS_AT]
                for i in range(net.layers[l, BIAS] + 1):  # the last input is the bias, which is always 1
                    x = work.A[inputs + i] if i < net.layers[l, BIAS] else one
                    row = net.layers[l, WEIGHTS_AT] + i * net.layers[l, STRIDE]
                    for j in range(net.layers[l, UNITS]):
                        g = work.D[sums + j] * x
                        m = net.P[MOMENTUM, row + j]
                        c = net.hyper[BETA1] * m + (one - net.hyper[BETA1]) * g
                        if c > 0:
                            net.W[row + j] += net.hyper[STEP_SIZE]
                        elif c < 0:
                            net.W[row + j] -= net.hyper[STEP_SIZE]
                        net.P[MOMENTUM, row + j] = net.hyper[BETA2] * m + (one - net.hyper[BETA2]) * g

        return inlined(step)
