"""Which device holds which layers: from measured capability to stages, so that the slowest stage is as fast as can be.

A row of layers is cut into stages; each device belongs to at most one, and devices of one stage share its micro-batches
by speed. In a step over ``B`` records a device of a stage needs ``c + n t`` seconds for ``n`` of them: ``t`` for the
layers' arithmetic and for what travels with a record, ``c`` to be sent the weights and to give back the sums of
gradients. All that share end together, at ``T = (B + sum c/t) / (sum 1/t)``. For each number of stages the largest T
is made as small as possible by dynamic programming over layers and sets of devices (for equal devices: Narayanan et
al., PipeDream, SOSP 2019); of those, the plan is taken whose step is shortest with the time to fill the pipeline,
``max T + (sum T - max T) / m`` for m micro-batches.

Up to ``EXACT`` devices this is exact. With more, stages take neighbours in several orders of the devices, which a test
compares with the exact answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet.models._net import Net

__all__ = ["EXACT", "Capability", "Cost", "Stage", "costs", "need", "plan", "step_seconds"]

EXACT = 6
_MESSAGE = 8 << 20
"""Numbers of a stage: their sums, in float64, are one message of the wire."""
_GROUPS, _MOST_STAGES = 24, 12
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Capability:
    """What a device can do, as measured: flops a second, bytes of memory that it lends, bytes a second of its link."""

    name: str
    flops: float
    memory: float
    link: float


@dataclass(frozen=True)
class Cost:
    """Of one layer: flops for a record, there and back; its parameters; numbers that it keeps for a record until the
    gradient comes, takes and gives."""

    flops: float
    parameters: int
    kept: int
    takes: int
    gives: int


@dataclass(frozen=True)
class Stage:
    """Layers ``first`` up to and without ``last``, held by each of these devices; how long a step takes it, seconds."""

    first: int
    last: int
    devices: tuple[str, ...]
    seconds: float


def costs(net: Net) -> list[Cost]:
    """Of each layer of a network."""
    return [
        Cost(
            layer.flops,
            sum(int(np.prod(shape)) for shape in layer.shapes),
            layer.kept,
            int(np.prod(layer.takes)),
            int(np.prod(layer.gives)),
        )
        for layer in net.layers
    ]


def need(layers: Sequence[Cost], held: int) -> float:
    """Bytes that a device needs for these layers: weights, gradients and their sums, and for ``held`` records at a time
    what is kept, taken and given."""
    numbers = max((max(c.takes, c.gives) for c in layers), default=0) * 3 + sum(c.kept for c in layers)
    return 28.0 * sum(c.parameters for c in layers) + 4.0 * held * numbers


def _seat(layers: Sequence[Cost], one: Capability, held: int) -> tuple[float, float]:
    """``t`` and ``c`` of a device for these layers; infinite where it cannot hold them."""
    parameters = sum(c.parameters for c in layers)
    if need(layers, held) > one.memory or parameters > _MESSAGE:
        return np.inf, np.inf
    travels = 8.0 * (layers[0].takes + layers[-1].gives)
    return sum(c.flops for c in layers) / one.flops + travels / one.link, 12.0 * parameters / one.link


def step_seconds(stages: Sequence[float], micros: int) -> float:
    """Of a step whose stages take so long each, with the time to fill and empty the pipeline."""
    return max(stages) + (sum(stages) - max(stages)) / micros


def plan(layers: Sequence[Cost], devices: Sequence[Capability], batch: int, micro: int, held: int) -> list[Stage]:
    """Stages for these layers, in their order.

    batch: records of a step. micro: of a micro-batch. held: of which a device keeps something at a time. Devices that
    would only slow it down are in no stage. The same devices in another order give the same plan.

    Raises:
        FleetError: these devices cannot hold the layers together.
    """
    ordered = sorted(devices, key=lambda one: one.name)
    micros = max(1, -(-batch // micro))
    if len(ordered) <= EXACT:
        found = [_exact(layers, ordered, batch, held, micros)]
    else:
        orders = (lambda d: (d.flops, d.memory), lambda d: (d.memory, d.flops), lambda d: (d.memory * d.flops, d.link))
        sort = [sorted(ordered, key=key, reverse=back) for key in orders for back in (True, False)]
        found = [_in_order(layers, order, batch, held, micros) for order in sort]
    good = [one for one in found if one]
    if not good:
        most, whole = max((d.memory for d in ordered), default=0) / 1e6, need(layers, held) / 1e6
        one = max(need([c], held) for c in layers) / 1e6
        raise FleetError(
            f"{len(ordered)} devices cannot hold this model, which needs {whole:.1f} MB and has layers of up to "
            f"{one:.1f} MB where the largest lends {most:.1f} MB: add devices"
        )
    return min(good, key=lambda stages: step_seconds([s.seconds for s in stages], micros))


def _tables(layers: Sequence[Cost], devices: Sequence[Capability], held: int) -> tuple[Array, Array]:
    """1/t and c/t of each device for each pair of first and last layer; both 0 where it cannot hold them."""
    count = len(layers)
    rate, fixed = np.zeros((2, count + 1, count + 1, len(devices)))
    for first in range(count):
        for last in range(first + 1, count + 1):
            for i, one in enumerate(devices):
                t, c = _seat(layers[first:last], one, held)
                if np.isfinite(t):
                    rate[first, last, i], fixed[first, last, i] = 1 / t, c / t
    return rate, fixed


def _times(rate: Array, fixed: Array, batch: int) -> Array:
    with np.errstate(divide="ignore"):
        return np.where(rate > 0, (batch + fixed) / np.where(rate > 0, rate, 1), np.inf)


def _exact(
    layers: Sequence[Cost], devices: Sequence[Capability], batch: int, held: int, micros: int
) -> list[Stage] | None:
    """Over all sets of devices. A set is the bits of a number."""
    count, sets = len(layers), 1 << len(devices)
    bits = (np.arange(sets)[:, None] >> np.arange(len(devices))) & 1
    rate, fixed = _tables(layers, devices, held)
    whole = np.stack([((rate > 0) | (bits[s] == 0)).all(-1) for s in range(sets)], -1)  # all of a set can hold it
    time = np.where(whole, _times(rate @ bits.T, fixed @ bits.T, batch), np.inf)  # [first, last, set]
    within = [np.array([sub for sub in range(1, sets) if sub & of == sub], int) for of in range(sets)]
    best = np.full((count + 1, sets), np.inf)
    best[0] = 0.0  # no layers, by whichever devices
    plans: list[list[Stage]] = []
    steps: list[NDArray[np.int64]] = []
    for number in range(1, min(count, len(devices)) + 1):
        new, choice = np.full_like(best, np.inf), np.zeros((count + 1, sets, 2), int)
        for of in range(1, sets):
            subs = within[of]
            for last in range(number, count + 1):
                value = np.maximum(best[:last, of ^ subs], time[:last, last, subs])
                at = int(value.argmin())
                new[last, of], choice[last, of] = value.flat[at], (at // len(subs), subs[at % len(subs)])
        best = new
        steps.append(choice)
        best[0] = np.inf
        if np.isfinite(best[count, sets - 1]):
            plans.append(_back(steps, count, sets - 1, devices, time))
    return min(plans, key=lambda p: step_seconds([s.seconds for s in p], micros), default=None)


def _back(
    steps: Sequence[NDArray[np.int64]], last: int, left: int, devices: Sequence[Capability], time: Array
) -> list[Stage]:
    """The stages that led to a best value, from the last one."""
    stages = []
    for choice in reversed(steps):
        first, own = (int(n) for n in choice[last, left])
        names = tuple(one.name for i, one in enumerate(devices) if own >> i & 1)
        stages.append(Stage(first, last, names, float(time[first, last, own])))
        last, left = first, left ^ own
    return stages[::-1]


def _in_order(
    layers: Sequence[Cost], devices: Sequence[Capability], batch: int, held: int, micros: int
) -> list[Stage] | None:
    """Where each stage takes neighbours in this order of the devices: those of them that can hold it."""
    cuts = np.unique(np.linspace(0, len(devices), min(len(devices), _GROUPS) + 1).astype(int))
    rate, fixed = _tables(layers, devices, held)
    summed = [np.concatenate([np.zeros((*a.shape[:2], 1)), a.cumsum(-1)], -1)[..., cuts] for a in (rate, fixed)]
    count, marks = len(layers), len(cuts)
    before = np.tril(np.ones((marks, marks), bool), -1).T  # [from, to]
    best = np.full((count + 1, marks), np.inf)
    best[0, 0] = 0.0
    plans: list[list[Stage]] = []
    steps: list[NDArray[np.int64]] = []
    for number in range(1, min(count, marks - 1, _MOST_STAGES) + 1):
        new, choice = np.full_like(best, np.inf), np.zeros((count + 1, marks, 2), int)
        for last in range(number, count + 1):
            for first in range(number - 1, last):
                r, f = (a[first, last][None, :] - a[first, last][:, None] for a in summed)
                value = np.where(before, np.maximum(best[first][:, None], _times(np.maximum(r, 0), f, batch)), np.inf)
                at, least = value.argmin(0), value.min(0)
                better = least < new[last]
                new[last] = np.where(better, least, new[last])
                choice[last][better] = np.stack([np.full(marks, first), at], -1)[better]
        best = new
        steps.append(choice)
        if np.isfinite(best[count, marks - 1]):
            plans.append(_along(steps, count, devices, cuts, rate, fixed, batch))
    return min(plans, key=lambda p: step_seconds([s.seconds for s in p], micros), default=None)


def _along(
    steps: Sequence[NDArray[np.int64]], last: int, devices: Sequence[Capability], cuts: NDArray[np.int64],
    rate: Array, fixed: Array, batch: int,
) -> list[Stage]:  # fmt: skip
    stages, to = [], len(cuts) - 1
    for choice in reversed(steps):
        first, begin = (int(n) for n in choice[last, to])
        own = [i for i in range(cuts[begin], cuts[to]) if rate[first, last, i] > 0]
        seconds = float(_times(rate[first, last, own].sum(), fixed[first, last, own].sum(), batch))
        stages.append(Stage(first, last, tuple(devices[i].name for i in own), seconds))
        last, to = first, begin
    return stages[::-1]
