"""What a Kalman learner's output units know: each as much as its own samples told it, and what classes do beside.

**Each output has a doubt of its own.** Output units of a wide layer share one covariance ``K`` of what they hear, which
shrinks with the samples of all. Of one class only its own samples, and those that might have been, tell anything, and
of one of many numbers those in which it is known. So each output ``k`` keeps a number beside the matrix, ``v_k``, how
uncertain its sum would be at a usual input, and the layer the same of all together, ``v``, which both follow the
matrix's rule as one number does:

    v_k <- (1 - drift) * v_k / (1 + c_k / S * v_k / directions) + drift * prior

and output ``k`` learns by the covariance ``v_k / v * K``. One that arrives late meets the prior's uncertainty, whatever
the others know; one of thousands of classes that were declared and never came costs nothing.

**A sample is taken in as far as it explains itself.** Along ``u_k = x' K_k x * D_k``, by which it moves the sums, the
loss falls by ``g(a) = sum_k D_k(a) u_k`` at ``a * u``, and what was known resists by ``noise * a * g(0)``. Where both
are equal the sample's step ends: one step of Newton's from 0 where it is no surprise, some more where it is one (the
implicit or proximal step: Kulis and Bartlett, ICML 2010).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan

DIRECTIONS = 0.1
"""Share of a layer's inputs that tell different things, about."""
SURPRISED = 0.5
"""From so much less than 1 as the right class's probability on, one step of Newton's is not enough."""
HALVINGS = 8


def build_denominator(plan: Plan) -> Any:
    """Kernel ``denominator(net, work, blur, below, above)``: what this sample's steps are divided by. ``moves`` holds
    ``x' K_k x``, ``below`` and ``above`` what hidden and output units do not know, as if each moved by itself; what
    hidden units move is taken to be curved as what output units do."""
    from klopf.mind._jit import inlined
    from klopf.mind.kernels.state import SUMS_AT, WEIGHT

    def denominator(net, work, blur, below, above):  # type: ignore[no-untyped-def]
        Z, D, moves = work.Z, work.D, work.moves
        top = net.layers[net.layers.shape[0] - 1, SUMS_AT]
        outputs = net.outputs
        weight = work.told[WEIGHT]
        zero = np.float64(0)  # in double precision: a square of what a loud input moves is beyond the other
        one = np.float64(1)
        y = 0  # the class that came: the only one that is to rise
        along = zero
        square = zero
        mean = zero
        for k in range(outputs):
            d = D[top + k]
            if d > D[top + y]:
                y = k
            u = np.float64(moves[k]) * d
            moves[k] = u
            along += d * u
            p = -np.float64(d) / weight
            square += p * u * u
            mean += p * u
        square += np.float64(moves[y]) * moves[y]
        mean += moves[y]
        if not along > 0:
            return blur + below + above
        curved = weight * max(square - mean * mean, zero) / along
        total = blur + curved + below * min(curved / max(above, zero + 1e-12), one)
        if D[top + y] > SURPRISED * weight:
            low = zero
            high = one / total
            a = high
            for step in range(HALVINGS):
                here = np.float64(Z[top + y]) + a * np.float64(moves[y])
                s = zero
                g = zero
                for k in range(outputs):
                    e = math.exp(min(np.float64(Z[top + k]) + a * np.float64(moves[k]) - here, zero + 30))
                    s += e
                    g += e * moves[k]
                g = weight * (moves[y] - g / s)
                if g < a * blur * along:
                    high = a
                else:
                    if step == 0:
                        break
                    low = a
                a = (low + high) / 2
            total = max(one / high, total)
        return Z.dtype.type(total)

    return inlined(denominator)
