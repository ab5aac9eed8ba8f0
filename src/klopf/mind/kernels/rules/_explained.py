"""How much of the targets a Kalman learner explains, and how much of its errors chance does.

Where much cannot be learned, because classes are noisy or rare, errors say little: drift and births follow what is
explained. And a run of errors is a surprise only beyond what is to be expected of the probabilities that were given:
where these are right the squared error ``sum (y - p)^2`` of classes has the mean ``1 - sum p^2`` and the variance
``4 * (sum p^3 - (sum p^2)^2)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined, jit
from klopf.mind.kernels.plan import SQUARED
from klopf.mind.kernels.state import BLIND, CAME, CHANCE, EXPECTED, SHARE, SPREAD, SQUARED_ERROR, SUMS_AT, WEIGHT

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan

QUICK = 0.1
"""Rate of the running means that tell a change."""
BY_CHANCE = 2.0 * math.sqrt(QUICK / (2.0 - QUICK))
"""Two standard deviations of such a mean, over one of a sample."""


def build_explained(plan: Plan) -> Any:
    """Kernel ``explained(G)``: what drift and births are multiplied by: 1 where the targets' running variance (of
    classes, what knowing only their shares leaves) is explained to four fifths, less by the cube of the explained
    share, and a twentieth at least. Where most cannot be learned, what is known is worth more than what may come."""
    ALL = SPREAD if plan.loss == SQUARED else BLIND

    def explained(G):  # type: ignore[no-untyped-def]
        share = min(max(1.25 * (1.0 - G[SQUARED_ERROR] / (G[ALL] + 1e-30)), 0.0), 1.0)
        return max(share * share * share, 0.05)

    return inlined(explained)


@jit
def came(G):  # type: ignore[no-untyped-def]
    """With classes, the running squared error; of what exceeds the expected, two standard deviations are chance."""
    error, expected = G[CAME], G[EXPECTED]
    if error > expected:
        error = max(error - BY_CHANCE * math.sqrt(G[CHANCE]), expected)
    return error


@jit
def count_one(net, work, rate):  # type: ignore[no-untyped-def]
    """How often each class comes, and what that leaves unknown; returns the variance that chance gives a squared error
    of these probabilities, of which one comes true."""
    Z, D, T, G = work.Z, work.D, net.T, net.G
    top = net.layers[net.layers.shape[0] - 1, SUMS_AT]
    weight = work.told[WEIGHT]
    y = 0
    for k in range(net.outputs):  # where the class was certain, every D is 0
        if D[top + k] > D[top + y] or (D[top + k] == D[top + y] and Z[top + k] > Z[top + y]):
            y = k
    left = squares = cubes = 0.0
    for k in range(net.outputs):
        comes = 1.0 if k == y else 0.0
        p = comes - D[top + k] / weight
        T[SHARE, k] += rate * (comes - T[SHARE, k])
        left += T[SHARE, k] * (1.0 - T[SHARE, k])
        squares += p * p
        cubes += p * p * p
    G[BLIND] = left / net.outputs
    return 4.0 * max(cubes - squares * squares, 0.0)


@jit
def count_each(net, work, rate):  # type: ignore[no-untyped-def]
    """The same where each output is a yes or no of its own."""
    Z, D, C, T, G = work.Z, work.D, work.C, net.T, net.G
    top = net.layers[net.layers.shape[0] - 1, SUMS_AT]
    weight = work.told[WEIGHT]
    left = chance = 0.0
    for k in range(net.outputs):
        comes = 1.0 if D[top + k] > 0 or (D[top + k] == 0 and Z[top + k] > 0) else 0.0
        T[SHARE, k] += rate * (comes - T[SHARE, k])
        left += T[SHARE, k] * (1.0 - T[SHARE, k])
        c = C[top + k] / weight
        chance += c * max(1.0 - 4.0 * c, 0.0)
    G[BLIND] = left / net.outputs
    return chance
