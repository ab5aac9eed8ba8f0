"""One pass of learning, composed: forward, error, backward, step, decay, life, growth.

A learner is compiled for its plan: each pass is built with what is on, and becomes part of one kernel. To follow a
sample through a network, read :func:`build_learn` from top to bottom, and then the passes in that order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from klopf.mind._jit import inlined, jit
from klopf.mind.kernels.backward import build_backward
from klopf.mind.kernels.connections import build_connections
from klopf.mind.kernels.decay import build_decay
from klopf.mind.kernels.error import build_error, build_weigh
from klopf.mind.kernels.forward import build_forward, softmax
from klopf.mind.kernels.growth import build_growth
from klopf.mind.kernels.part import GradientRule
from klopf.mind.kernels.parts import life_called, rule_called
from klopf.mind.kernels.plan import CROSS_ENTROPY, LOGISTIC, Plan
from klopf.mind.kernels.record import build_record
from klopf.mind.kernels.scaling import deviation, mean_variance
from klopf.mind.kernels.state import EXPECTED_ERROR, S_MEAN, STEPS, SUMS_AT


@functools.cache
def build_learn(plan: Plan) -> Any:
    """Kernel ``learn(net, work, X, Y, weights, errors, out, expected)``: learn from every row of ``X``, in turn.

    ``X`` is ``(n, sensors)``, ``Y`` are targets ``(n, outputs)`` or class indices ``(n,)``; ``weights``, ``(n,)``, say
    how much each row counts: the loss is multiplied by it, and a row of weight 0 is predicted only. The error of each
    prediction, made before its row was learned, goes to ``errors``, the prediction to ``out``, and to ``expected`` the
    mean squared error that a rule with covariances expected; see ``error``.
    """
    rule = rule_called(plan.rule)()
    life = life_called(plan.life)()
    forward = build_forward(plan)
    error = build_error(plan)
    weigh = build_weigh(plan)
    backward = build_backward(plan, rule.step_size(plan) if isinstance(rule, GradientRule) else None)
    step, STEPS_APART = _built(rule.step(plan), 3)
    decay, DECAYS = _built(build_decay(plan) if plan.decay else None, 2)
    connect, CONNECTS = _built(build_connections(plan) if "connected" in plan.weights else None, 2)
    record, RECORDS = _built(build_record(plan) if plan.tracks else None, 4)
    live, LIVES = _built(life.live(plan), 5)
    after, LIVES_AFTER = _built(life.after(plan), 3)
    grow, GROWS = _built(build_growth(plan) if plan.grows else None, 1)
    SCALED = plan.scale_targets
    (GROW_EVERY,) = plan.places("grow_every")

    def learn(net, work, X, Y, weights, errors, out, expected):  # type: ignore[no-untyped-def]
        for t in range(X.shape[0]):
            weight = weights[t]
            if weight > 0:
                net.G[STEPS] += 1.0
            now = int(net.G[STEPS])
            forward(net, work, X, t, weight > 0)
            errors[t] = error(net, work, Y, t, weight > 0, out)
            expected[t] = 0.0
            if weight == 0:
                continue
            weigh(net, work, weight)
            backward(net, work)
            if STEPS_APART:
                step(net, work, now)
                expected[t] = work.told[EXPECTED_ERROR]
                if SCALED:
                    expected[t] *= mean_variance(net.T)
            if DECAYS:
                decay(net, now)
            if CONNECTS:
                connect(net, work)
            if RECORDS:
                for l in range(net.layers.shape[0] - 1):
                    mature = record(net, work, l, now)
                    if LIVES:
                        live(net, work, l, mature, now)
            if LIVES_AFTER:
                after(net, work, now)
            if GROWS and now % int(net.hyper[GROW_EVERY]) == 0:
                grow(net)

    return jit(learn, key=plan)


def _built(kernel: Any, arguments: int) -> tuple[Any, bool]:
    """A kernel and whether it is there; where it is not, one that does nothing, so that what calls it compiles."""
    return (kernel, True) if kernel is not None else (inlined(_NOTHING[arguments]), False)


_NOTHING: dict[int, Callable[..., Any]] = {
    1: lambda a: None,
    2: lambda a, b: None,
    3: lambda a, b, c: None,
    4: lambda a, b, c, d: 0,
    5: lambda a, b, c, d, e: None,
}


@functools.cache
def build_predict(plan: Plan) -> Any:
    """Kernel ``predict(net, work, X, out)``: outputs for every row of ``X``; probabilities, of classes."""
    LOSS, SCALED = plan.loss, plan.scale_targets
    forward = build_forward(plan)

    def predict(net, work, X, out):  # type: ignore[no-untyped-def]
        Z = work.Z
        one = Z.dtype.type(1)
        last = net.layers.shape[0] - 1
        for t in range(X.shape[0]):
            forward(net, work, X, t, False)
            top = net.layers[last, SUMS_AT]
            outputs = net.outputs
            if LOSS == CROSS_ENTROPY:
                softmax(Z, top, outputs, out, t)
            else:
                for k in range(outputs):
                    z = Z[top + k]
                    out[t, k] = one / (one + math.exp(-z)) if LOSS == LOGISTIC else z
                    if SCALED:
                        out[t, k] = net.T[S_MEAN, k] + deviation(net.T, k) * z

    return jit(predict, key=plan)
