"""What every weight does besides learning: shrink, return to where it began, tremble.

L2: Krogh and Hertz, *NIPS* 1991. L2-Init: Kumar, Marklund and Van Roy 2023. Shrink and perturb, here at every step: Ash
and Adams 2020, as in Dohare et al., *Nature* 632 (2024).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined
from klopf.mind.kernels.random import noise
from klopf.mind.kernels.state import BIAS, STRIDE, UNITS, WEIGHTS_AT

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


def build_decay(plan: Plan) -> Any:
    """Kernel ``decay(net, now)``: ``w <- w * (1 - step * (l2 + l2_init)) + step * l2_init * w_0 + noise``."""
    ROW, INITIAL, OWN_L2 = plan.constant_stride, plan.row("initial", missing=0), plan.decays_by_itself
    STEP_SIZE, L2, L2_INIT, PERTURB, EVERY = plan.places("step_size", "l2", "l2_init", "perturb", "perturb_every")

    def decay(net, now):  # type: ignore[no-untyped-def]
        W, P, layers, hyper = net.W, net.P, net.layers, net.hyper
        zero = W.dtype.type(0)
        one = W.dtype.type(1)
        alpha = hyper[STEP_SIZE]
        l2 = zero if OWN_L2 else hyper[L2]
        shrink = one - alpha * (l2 + hyper[L2_INIT])
        pull = alpha * hyper[L2_INIT]
        every = int(hyper[EVERY])
        shake = zero
        if hyper[PERTURB] > 0 and now % every == 0:
            shake = hyper[PERTURB] * math.sqrt(float(every))
        for l in range(layers.shape[0]):
            stride = ROW if ROW else layers[l, STRIDE]
            for i in range(layers[l, BIAS] + 1):
                b = layers[l, WEIGHTS_AT] + i * stride
                for j in range(layers[l, UNITS]):
                    w = W[b + j] * shrink
                    if INITIAL > 0:
                        w += pull * P[INITIAL, b + j]
                    W[b + j] = w
                if shake > 0:
                    for j in range(layers[l, UNITS]):
                        W[b + j] += shake * noise(net.rng)

    return inlined(decay)
