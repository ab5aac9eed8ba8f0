"""The error of the prediction, and the loss's derivatives by the outputs' sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined
from klopf.mind.kernels.forward import softmax
from klopf.mind.kernels.plan import CROSS_ENTROPY, LOGISTIC, SQUARED
from klopf.mind.kernels.scaling import deviation, followed, standardised
from klopf.mind.kernels.state import S_MEAN, S_RUN, SUMS_AT, WEIGHT

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


def build_error(plan: Plan) -> Any:
    """Kernel ``error(net, work, Y, t, learning, out)``: the prediction into ``out[t]``, its error returned.

    ``D`` of the outputs becomes minus the derivative of the loss by their sums, ``C``, where the rule wants it, the
    diagonal of the second derivative. The error is the squared error summed over outputs, 1 for a wrong class, or the
    number of wrong yes/no outputs. Rules that follow the error get ``y - z`` of the squared error, the others the
    derivative, which is twice that. A number or a yes or no that is NaN is not known: nothing is learned of it.
    """
    if plan.loss == CROSS_ENTROPY:
        return inlined(_classes(plan))
    return inlined(_numbers(plan))


def build_weigh(plan: Plan) -> Any:
    """Kernel ``weigh(net, work, weight)``: the loss of this sample counts ``weight`` times, and so do its derivatives.

    For an estimator that is an observation whose noise has its variance divided by the weight.
    """
    CURVED = plan.curvature

    def weigh(net, work, weight):  # type: ignore[no-untyped-def]
        D, C = work.D, work.C
        work.told[WEIGHT] = weight
        if weight != 1:
            top = net.layers[net.layers.shape[0] - 1, SUMS_AT]
            for k in range(net.outputs):
                D[top + k] *= weight
                if CURVED:
                    C[top + k] *= weight

    return inlined(weigh)


def _classes(plan: Plan) -> Any:
    CURVED = plan.curvature

    def error(net, work, Y, t, learning, out):  # type: ignore[no-untyped-def]
        Z, D, C = work.Z, work.D, work.C
        one = Z.dtype.type(1)
        last = net.layers.shape[0] - 1
        outputs = net.outputs
        top = net.layers[last, SUMS_AT]
        softmax(Z, top, outputs, out, t)
        best = 0
        for k in range(outputs):
            p = out[t, k]
            if p > out[t, best]:
                best = k
            D[top + k] = -p
            if CURVED:
                C[top + k] = p * (one - p)
        D[top + Y[t]] += one
        return best != Y[t]

    return error


def _numbers(plan: Plan) -> Any:
    LOSS, CURVED = plan.loss, plan.curvature
    SINGLE = plan.follows_error or plan.loss == LOGISTIC
    SCALED = plan.scale_targets
    (HORIZON,) = plan.places("horizon")

    def error(net, work, Y, t, learning, out):  # type: ignore[no-untyped-def]
        Z, D, C = work.Z, work.D, work.C
        zero = Z.dtype.type(0)
        one = Z.dtype.type(1)
        last = net.layers.shape[0] - 1
        outputs = net.outputs
        top = net.layers[last, SUMS_AT]
        e2 = zero
        wrong = 0
        for k in range(outputs):
            z = Z[top + k]
            known = Y[t, k] == Y[t, k]
            if LOSS == LOGISTIC:
                z = one / (one + math.exp(-z))
                wrong += known and (z > 0.5) != (Y[t, k] > 0.5)
            e = Y[t, k] - z if known else zero
            out[t, k] = z
            if SCALED:  # the prediction stood before the target was known
                out[t, k] = net.T[S_MEAN, k] + deviation(net.T, k) * z
                if known:
                    miss = Y[t, k] - out[t, k]
                    e2 += zero + miss * miss
                    if learning:
                        followed(net.T, k, Y[t, k], net.hyper[HORIZON])
                e = 0.0
                if known and net.T[S_RUN, k] == 0:  # nothing is to learn of an outlier
                    e = standardised(net.T, k, Y[t, k]) - z
            D[top + k] = e if SINGLE else e + e
            if CURVED:
                C[top + k] = (z * (one - z) if LOSS == LOGISTIC else one) if known else zero
        if LOSS == SQUARED and not SCALED:
            for k in range(outputs):  # a loop of its own: see ``softmax``
                e = Y[t, k] - Z[top + k] if Y[t, k] == Y[t, k] else zero
                e2 += e * e
        return e2 if LOSS == SQUARED else wrong

    return error
