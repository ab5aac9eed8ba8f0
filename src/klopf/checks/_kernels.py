"""Whether the kernels of a rule or a life write only where they may: every byte is compared before and after a call."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from klopf.checks._watched import Watched
from klopf.errors import MindError
from klopf.mind import Mind
from klopf.mind.kernels.part import GradientRule
from klopf.mind.kernels.parts import rule_called
from klopf.mind.kernels.state import (
    BIAS,
    CAME,
    EXPECTED,
    INPUTS,
    INPUTS_AT,
    SQUARED_ERROR,
    STEPS,
    STRIDE,
    SUMS_AT,
    UNITS,
    WEIGHT,
)

__all__ = ["FIXED", "callable_kernel", "described", "rule_writes", "within"]

FIXED = {
    "hyper": "which holds the options that the user chose",
    "layers": "which says where each layer's weights lie",
    "matrices": "which says where covariances lie",
    "births": "which holds a newborn's values",
    "unit_births": "which holds a newborn unit's values",
}
"""Tables that learning never changes in a network that does not grow, and what they are."""
_WHAT = {f"net.{table}": what for table, what in FIXED.items()} | {
    "net.U": "which holds the units' records",
    "net.K": "which is a rule's with covariances = True",
    "net.S": "which holds what is usual of each sensor",
    "net.T": "which holds what is usual of each target",
    "net.G": "which holds the network's counters",
    "work.A": "which holds what each layer hears, and is read after the rule",
    "work.D": "which holds the derivatives, and is read after the rule",
    "work.active": "which says which inputs are not 0",
    "work.count": "which says how many inputs are not 0",
}
_COVARIANCE_ROOM = ("work.D", "work.H", "work.scale", "work.doubt", "work.curvature", "work.moves")
_OTHERS: dict[str, Any] = {"l2_init": 1e-4, "fan_in": 3, "life": "weights", "weight_utility": "gradient"}
"""Options by which a network keeps rows that no rule declares."""
_TIMES = (1, 2, 301, 1_001, 10_001, 1_000_003)
"""Steps as which one sample is learned: a kernel may do something else later on."""


def callable_kernel(kernel: Any, arguments: int) -> Any:
    """``kernel`` as Python can call it; what it reads or writes outside an array is an ``IndexError`` where it can be
    seen."""
    config: Any = numba.config
    if config.DISABLE_JIT:
        return kernel
    calls = {
        1: lambda a: kernel(a),
        3: lambda a, b, c: kernel(a, b, c),
        5: lambda a, b, c, d, e: kernel(a, b, c, d, e),
    }
    return numba.njit(calls[arguments], boundscheck=True, error_model="numpy")


def rule_writes(name: str, options: dict[str, Any]) -> None:
    """What the rule's kernels write in a network that keeps rows of other parts beside the rule's."""
    made = {"learner": "backprop", "seed": 1, **options}
    try:
        m = Mind(4, 2, hidden=(12,), **{**_OTHERS, **made})
    except MindError:  # the rule does not go with those
        m = Mind(4, 2, hidden=(12,), **made)
    watched = Watched(m)
    _fill(watched)
    _steps(name, m, watched)


def _fill(watched: Watched) -> None:
    """The working memory as after the backward pass over some sample."""
    work, rng = watched.work, np.random.default_rng(3)
    for room in (work.A, work.Z, work.D):
        room[:] = 0.1 * rng.normal(size=room.shape)
    work.C[:] = 0.1
    work.told[WEIGHT] = 1.0
    work.inverse[:] = 1.0
    for l, layer in enumerate(watched.net.layers):
        work.A[layer[INPUTS_AT] + layer[BIAS]] = 1.0
        work.active[layer[INPUTS_AT] :][: layer[INPUTS]] = np.arange(layer[INPUTS])
        work.count[l] = layer[INPUTS]
        for room in (work.D, work.C, work.Z):
            room[layer[SUMS_AT] + layer[UNITS] : layer[SUMS_AT] + layer[STRIDE]] = 0.0


def _steps(name: str, m: Mind, watched: Watched) -> None:
    plan, rule = m._tables.plan, rule_called(m.settings.rule)()
    factor = rule.birth_factor(plan)
    birth = None if factor is None else callable_kernel(factor, 1)
    size = callable_kernel(rule.step_size(plan), 3) if isinstance(rule, GradientRule) else None
    built = rule.step(plan)
    step = None if built is None else callable_kernel(built, 3)
    start = watched.snapshot()
    for now in _TIMES:
        watched.restore(start)
        watched.net.G[STEPS] = now
        was = watched.snapshot()
        if birth is not None:
            _is_number(name, "birth_factor", birth(watched.net))
            _nothing(name, "birth_factor", watched, was)
        if size is not None:
            for l in range(len(watched.net.layers)):
                _is_number(name, "step_size", size(watched.net, watched.work, l))
            _nothing(name, "step_size", watched, was)
        if step is not None:
            step(watched.net, watched.work, now)
            _allowed(name, m, watched, was)
            once = watched.snapshot()
            watched.restore(was)
            step(watched.net, watched.work, now)
            again = [array for array in watched.changed(once) if array.startswith("net.")]
            assert not again, (
                f"{name} learns the same sample differently the second time ({again[0]}): draw from net.rng, keep all "
                "else in rows that you declare, and ask no clock"
            )


def _is_number(name: str, kernel: str, given: Any) -> None:
    number = isinstance(given, int | float | np.number) and not isinstance(given, bool | complex | np.complexfloating)
    fits = number and math.isfinite(given) and given >= 0
    assert fits, f"{name}'s {kernel} gives {given!r:.60}: give one finite number that is not negative"


def _nothing(name: str, kernel: str, watched: Watched, was: dict[str, NDArray[Any]]) -> None:
    within(name, watched)
    for array in watched.changed(was):
        raise AssertionError(f"{name}'s {kernel} writes into {described(array)}: it only reads")


def within(name: str, watched: Watched) -> None:
    over = watched.overrun()
    assert not over, f"{name} writes outside {over}: count within what net.layers says of each layer"


def described(array: str) -> str:
    return f"{array}, {_WHAT[array]}" if array in _WHAT else array


def _allowed(name: str, m: Mind, watched: Watched, was: dict[str, NDArray[Any]]) -> None:
    within(name, watched)
    rule, rows = rule_called(m.settings.rule)(), [q.name for q in m._tables.layout.weights]
    own = {0, *(rows.index(q.name) for q in rule.weight_rows(m.settings))}
    mend = "write to net.W and to rows that you declare"
    for array, where in watched.changed(was).items():
        if array == "net.P":
            foreign = [rows[q] for q in np.flatnonzero(where.any(1)) if q not in own]
            assert not foreign, f"{name} writes into net.P's row {foreign[0]!r}, which it does not declare: {mend}"
        elif array == "net.G" and rule.covariances:
            others = np.delete(where, [SQUARED_ERROR, CAME, EXPECTED])
            assert not others.any(), f"{name} writes into {described(array)}, beyond the errors'"
        elif array == "work.told" and rule.covariances:
            assert not where[WEIGHT], f"{name} writes into work.told[WEIGHT], how much the sample counts: only read it"
        else:
            may = array == "net.rng" or (rule.covariances and array in ("net.K", *_COVARIANCE_ROOM))
            assert may, f"{name} writes into {described(array)}: {mend}"
    assert not watched.net.P[0, watched.idle()].any(), (
        f"{name} gives weights to lanes of net.W past a layer's units, which stay 0: go to layers[l, UNITS]"
    )
    for q in own:
        assert np.isfinite(watched.net.P[q]).all(), (
            f"{name} makes net.P's row {rows[q]!r} infinite or NaN at step {int(watched.net.G[STEPS])}: bound its steps"
        )
