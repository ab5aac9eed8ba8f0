"""The planner against all plans that there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from klopf.errors import FleetError
from klopf.fleet.node import _plan as inside
from klopf.fleet.node._plan import Capability, Cost, plan

BATCH, MICRO, HELD = 64, 8, 32


def seconds(layers, device):
    """Of a device for these layers: for a record, and once in a step; None where it cannot hold them."""
    numbers = sum(one.parameters for one in layers)
    wide = 3 * max(max(one.takes, one.gives) for one in layers) + sum(one.kept for one in layers)
    if 28 * numbers + 4 * HELD * wide > device.memory:
        return None
    travels = 8 * (layers[0].takes + layers[-1].gives)
    return sum(one.flops for one in layers) / device.flops + travels / device.link, 12 * numbers / device.link


def every_plan(layers, devices):
    """For each number of stages the least that the slowest can take, and the shortest step of all."""
    slowest, shortest = {}, np.inf
    for stages in range(1, min(len(layers), len(devices)) + 1):
        for cuts in itertools.combinations(range(1, len(layers)), stages - 1):
            edges = (0, *cuts, len(layers))
            for place in itertools.product(range(stages + 1), repeat=len(devices)):
                took = []
                for s in range(stages):
                    own = [d for d, where in zip(devices, place, strict=True) if where == s]
                    seats = [seconds(layers[edges[s] : edges[s + 1]], one) for one in own]
                    if not seats or None in seats:
                        break
                    took.append((BATCH + sum(c / t for t, c in seats)) / sum(1 / t for t, _ in seats))
                else:
                    slowest[stages] = min(slowest.get(stages, np.inf), max(took))
                    shortest = min(shortest, max(took) + (sum(took) - max(took)) / (BATCH // MICRO))
    return slowest, shortest


def drawn(rng, most):
    def number(low, high):
        return int(rng.integers(low, high))

    count, many = number(1, most), number(1, most)
    layers = [Cost(number(1, 100) * 1e4, *(number(1, n) for n in (5000, 100, 100, 100))) for _ in range(count)]
    devices = [
        Capability(f"d{i}", number(1, 100) * 1e7, number(20, 400) * 1e3, number(1, 100) * 1e6) for i in range(many)
    ]
    return layers, devices


def length(stages):
    return inside.step_seconds([one.seconds for one in stages], BATCH // MICRO)


def test_the_slowest_stage_is_as_fast_as_in_any_plan():
    rng, planned = np.random.default_rng(0), 0
    for _ in range(40):
        layers, devices = drawn(rng, 5)
        slowest, shortest = every_plan(layers, devices)
        if not slowest:
            with pytest.raises(FleetError, match="cannot hold this model"):
                plan(layers, devices, BATCH, MICRO, HELD)
            continue
        planned += 1
        stages = plan(layers, devices, BATCH, MICRO, HELD)
        assert max(one.seconds for one in stages) == pytest.approx(slowest[len(stages)])
        assert length(stages) <= 1.05 * shortest
        assert plan(layers, devices[::-1], BATCH, MICRO, HELD) == stages
    assert planned > 25


def test_many_devices_are_placed_nearly_as_well(monkeypatch):
    rng, worse = np.random.default_rng(1), []
    for _ in range(30):
        layers, devices = drawn(rng, 7)
        monkeypatch.setattr(inside, "EXACT", 6)
        try:
            exact = length(plan(layers, devices, BATCH, MICRO, HELD))
        except FleetError:
            continue
        monkeypatch.setattr(inside, "EXACT", 0)
        worse.append(length(plan(layers, devices, BATCH, MICRO, HELD)) / exact)
    assert len(worse) > 15 and max(worse) < 1.25 and np.mean(worse) < 1.05


def test_stages_are_whole_and_fit():
    rng = np.random.default_rng(2)
    layers = [Cost(n * 1e6, n * 1000, 100, 100, 100) for n in (3, 1, 4, 1, 5, 9, 2, 6)]
    devices = [
        Capability(f"d{i}", int(rng.integers(1, 50)) * 1e8, int(rng.integers(200, 400)) * 1e3, 1e8) for i in range(40)
    ]
    stages = plan(layers, devices, BATCH, MICRO, HELD)
    assert [one.first for one in stages] == [0, *(one.last for one in stages[:-1])] and stages[-1].last == len(layers)
    names = [name for one in stages for name in one.devices]
    assert len(names) == len(set(names))
    lends = {one.name: one.memory for one in devices}
    for one in stages:
        assert all(inside.need(layers[one.first : one.last], HELD) <= lends[name] for name in one.devices)


def test_a_model_that_does_not_fit_is_one_line_that_says_by_how_much():
    small = [Capability("a", 1e9, 1e5, 1e8), Capability("b", 1e9, 1e5, 1e8)]
    with pytest.raises(FleetError, match=r"2 devices cannot hold this model, which needs 0\.3 MB .* add devices$"):
        plan([Cost(1e6, 10_000, 1, 1, 1)], small, BATCH, MICRO, HELD)
