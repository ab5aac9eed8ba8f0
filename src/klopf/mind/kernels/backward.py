"""From the outputs' derivatives back to every unit's; rules with plain steps learn in the same pass over memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from klopf.mind._jit import inlined
from klopf.mind.kernels.forward import layer_norm_back, slope
from klopf.mind.kernels.rows import row_dot, row_dot_squares, row_dot_step, row_dot_step_size, row_step
from klopf.mind.kernels.state import (
    ACTIVE,
    ADMITTED,
    BIAS,
    INPUTS_AT,
    LISTENING,
    MATCH,
    MOVEMENT,
    QUICK_FADE,
    STRIDE,
    SUMS_AT,
    UNITS,
    UNITS_AT,
    WEIGHTS_AT,
)

if TYPE_CHECKING:
    from klopf.mind.kernels.plan import Plan


def build_backward(plan: Plan, step_size: Any) -> Any:
    """Kernel ``backward(net, work)``: ``D`` and ``C`` of every hidden unit from those of the outputs.

    ``step_size(net, work, l)`` is that of a rule with plain steps, by layer, or None: then nothing is learned here.
    """
    if step_size is None:
        return inlined(_derivatives(plan))
    return inlined(_derivatives_and_steps(plan, step_size))


def _derivatives(plan: Plan) -> Any:
    ACTIVATION, NORM, ROW, FOLD, CURVED = (
        plan.activation, plan.layer_norm, plan.constant_stride, plan.fold, plan.curvature,
    )  # fmt: skip
    LOCAL = plan.local
    (LEAK,) = plan.places("leak")
    local_goals = build_local_goals(plan)

    def backward(net, work):  # type: ignore[no-untyped-def]
        W, layers, A, Z, D, C = net.W, net.layers, work.A, work.Z, work.D, work.C
        active, count = work.active, work.count
        zero = W.dtype.type(0)
        leak = net.hyper[LEAK]
        for l in range(layers.shape[0] - 1, 0, -1):
            stride = ROW if ROW else layers[l, STRIDE]
            off = layers[l, WEIGHTS_AT]
            ao = layers[l, INPUTS_AT]
            zo = layers[l, SUMS_AT]
            stride0 = ROW if ROW else layers[l - 1, STRIDE]
            zo0 = layers[l - 1, SUMS_AT]
            units0 = layers[l - 1, UNITS] * FOLD
            for j in range(stride0):
                D[zo0 + j] = zero
            if CURVED:
                for j in range(stride0):
                    C[zo0 + j] = zero
            for k in range(count[l]):
                i = active[ao + k]
                h = A[ao + i]
                b = off + i * stride
                if i >= units0:  # a sensor that this layer listens to directly
                    continue
                j = i // 2 if FOLD == 2 else i
                g = row_dot(W, b, stride, D, zo)
                f = slope(ACTIVATION, leak, Z[zo0 + j], h)
                D[zo0 + j] = g * f
                if CURVED:
                    C[zo0 + j] = row_dot_squares(W, b, stride, C, zo) * f * f
            if LOCAL:
                local_goals(net, work, l)
            if NORM:
                inverse = work.inverse[l - 1]
                layer_norm_back(Z, D, zo0, layers[l - 1, UNITS], inverse)
                if CURVED:
                    for j in range(layers[l - 1, UNITS]):
                        C[zo0 + j] *= inverse * inverse

    return backward


def _derivatives_and_steps(plan: Plan, step_size: Any) -> Any:
    ACTIVATION, NORM, ROW, FOLD, ADMITS = (
        plan.activation, plan.layer_norm, plan.constant_stride, plan.fold, plan.admits,
    )  # fmt: skip
    LOCAL, SUMS = plan.local, plan.tracks and plan.keeps_sums
    (LEAK,) = plan.places("leak")
    local_goals = build_local_goals(plan)

    def backward(net, work):  # type: ignore[no-untyped-def]
        W, U, layers, A, Z, D = net.W, net.U, net.layers, work.A, work.Z, work.D
        active, count = work.active, work.count
        zero = W.dtype.type(0)
        leak = net.hyper[LEAK]
        for l in range(layers.shape[0] - 1, -1, -1):
            stride = ROW if ROW else layers[l, STRIDE]
            off = layers[l, WEIGHTS_AT]
            ao = layers[l, INPUTS_AT]
            zo = layers[l, SUMS_AT]
            na = count[l]
            step = step_size(net, work, l)
            if l == 0:
                for k in range(na):
                    i = active[ao + k]
                    row_step(W, off + i * stride, stride, step * A[ao + i], D, zo)
                row_step(W, off + layers[l, BIAS] * stride, stride, step, D, zo)
                continue
            stride0 = ROW if ROW else layers[l - 1, STRIDE]
            zo0 = layers[l - 1, SUMS_AT]
            uo0 = layers[l - 1, UNITS_AT]
            units0 = layers[l - 1, UNITS] * FOLD
            for j in range(stride0):
                D[zo0 + j] = zero
            for k in range(na):
                i = active[ao + k]
                h = A[ao + i]
                b = off + i * stride
                if i >= units0:  # a sensor that this layer listens to directly
                    row_step(W, b, stride, step * h, D, zo)
                    continue
                j = i // 2 if FOLD == 2 else i
                x = step * h
                if ADMITS:
                    x *= U[ADMITTED, uo0 + j]
                if SUMS:
                    g, U[LISTENING, uo0 + j] = row_dot_step_size(W, b, stride, x, D, zo)
                else:
                    g = row_dot_step(W, b, stride, x, D, zo)
                f = slope(ACTIVATION, leak, Z[zo0 + j], h)
                D[zo0 + j] = g * f
            row_step(W, off + layers[l, BIAS] * stride, stride, step, D, zo)
            if LOCAL:
                local_goals(net, work, l)
            if NORM:
                layer_norm_back(Z, D, zo0, layers[l - 1, UNITS], work.inverse[l - 1])

    return backward


def build_local_goals(plan: Plan) -> Any:
    """Kernel ``local_goals(net, work, l)``: what the units that layer ``l`` hears want besides its error.

    The backbone learns in smaller steps, a unit that is too quiet comes nearer to speaking, and the fringe seeks what
    its listeners still get wrong.
    """
    ACTIVATION, ROW, FOLD = plan.activation, plan.constant_stride, plan.fold
    LEAK, STEP_SIZE, PROTECT, QUIET, EXPLORE, ACTIVE_DECAY = plan.places(
        "leak", "step_size", "protect", "quiet", "explore", "active_decay"
    )

    def local_goals(net, work, l):  # type: ignore[no-untyped-def]
        W, U, layers, hyper, A, Z, D = net.W, net.U, net.layers, net.hyper, work.A, work.Z, work.D
        zero = W.dtype.type(0)
        one = W.dtype.type(1)
        ao = layers[l, INPUTS_AT]
        stride0 = ROW if ROW else layers[l - 1, STRIDE]
        zo0 = layers[l - 1, SUMS_AT]
        uo0 = layers[l - 1, UNITS_AT]
        units = layers[l - 1, UNITS]
        last = layers.shape[0] - 1
        outputs = net.outputs
        top = layers[last, SUMS_AT]
        total = zero
        for j in range(units):
            total += U[MOVEMENT, uo0 + j]
        for j in range(units):
            u = uo0 + j
            seen = max(one - U[QUICK_FADE, u], zero + 1e-6)
            if total > 0:
                D[zo0 + j] /= one + hyper[PROTECT] * U[MOVEMENT, u] * units / total
            if U[ACTIVE, u] < hyper[QUIET] * seen:
                bias = layers[l - 1, WEIGHTS_AT] + layers[l - 1, BIAS] * stride0 + j
                W[bias] += hyper[STEP_SIZE] * (hyper[QUIET] - U[ACTIVE, u] / seen)
            if l == last and hyper[EXPLORE] > 0:
                e = D[top + j % outputs]
                h = A[ao + j * FOLD]
                m = U[MATCH, u] + hyper[ACTIVE_DECAY] * (h * e - U[MATCH, u])
                U[MATCH, u] = m
                if U[MOVEMENT, u] * units <= 0.1 * total:
                    f = slope(ACTIVATION, hyper[LEAK], Z[zo0 + j], h)
                    D[zo0 + j] += hyper[EXPLORE] * (one if m > 0 else -one) * e * f

    return inlined(local_goals)
