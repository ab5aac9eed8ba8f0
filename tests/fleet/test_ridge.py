"""Ridge regression by moments: one round is as good as all records pooled, and stands noise."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet.models import made

SETTINGS = {"features": 4}
LAW = np.array([1.0, -2.0, 0.5, 0.0])


def records(seed, count):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 4)).astype(np.float32)
    return x, (x @ LAW + 0.3 + 0.2 * rng.normal(size=count)).astype(np.float32)


def trained(devices, **more):
    demand = fleet.Demand(fleet.Instructions("law", "ridge", SETTINGS), rounds=1)
    test = fleet.Test(*records(99, 500))
    members = [fleet.Local(device) for device in devices]
    return asyncio.run(fleet.Rounds(demand, members, fleet.strategy("average"), test, **more).run())


def test_one_round_is_all_records_pooled():
    held = [records(seed, 40 + 30 * seed) for seed in range(4)]
    outcome = trained([fleet.TrainingDevice(f"d{i}", x, y) for i, (x, y) in enumerate(held)])
    x, y = (np.concatenate(one) for one in zip(*held, strict=True))
    pooled = made("ridge", SETTINGS, 0)
    pooled.train(x, y, 1, np.random.default_rng(0))
    assert np.allclose(outcome.parameters[0], pooled.parameters()[0], atol=1e-5)
    assert (
        outcome.rounds[0].score == pytest.approx(pooled.score(*records(99, 500)), abs=1e-4) and pooled._solved()[1] < 0
    )
    z = np.concatenate([x, np.ones((len(x), 1))], 1).astype(float)
    penalty = 0.02 * np.trace(z.T @ z) / 5
    assert np.allclose(pooled._solved(), np.linalg.solve(z.T @ z + penalty * np.eye(5), z.T @ y), atol=1e-4)


def test_noise_of_epsilon_one_leaves_most_of_it():
    def noisy(epsilon):
        held = []
        for seed in range(3):
            x, y = records(seed, 1500)
            privacy = fleet.Privacy(epsilon, rounds=1, clip=4.0, groups=len(x))
            held.append(fleet.TrainingDevice(f"d{seed}", x, y, privacy=privacy))
            held[-1]._noise = np.random.default_rng(seed)
        return trained(held).rounds[0].score

    assert noisy(1.0) > 0.9
    assert noisy(0.01) < 0.5  # where noise is far larger than the sums, it shows


def test_worth_is_measured_as_for_any_model():
    held = [records(seed, 60) for seed in range(5)]
    devices = [fleet.TrainingDevice(f"d{i}", x, y if i < 4 else -y) for i, (x, y) in enumerate(held)]
    outcome = trained(devices, validation=fleet.Validation(*records(50, 200)))
    assert outcome.shares["d4"] == 0 < 0.1 < min(outcome.shares[f"d{i}"] for i in range(4))
    assert outcome.rounds[0].score > 0.95


def test_what_it_does_not_take_is_said():
    for settings in ({}, {"features": 0}, {"features": 2, "l2": 0}, {"features": 2, "rate": 1}, {"features": 5000}):
        with pytest.raises(FleetError, match="ridge takes features"):
            made("ridge", settings, 0)
    model = made("ridge", SETTINGS, 0)
    assert model.loss(*records(0, 9)) == pytest.approx(float((records(0, 9)[1] ** 2).mean()))  # before it learns: 0
    with pytest.raises(FleetError, match="another shape"):
        model.load([np.zeros(3, np.float32)])
    with pytest.raises(FleetError, match="4 features"):
        model.train(np.zeros((2, 3), np.float32), np.zeros(2, np.float32), 1, np.random.default_rng(0))


def test_moments_that_are_no_numbers_end_no_round():
    model = made("ridge", SETTINGS, 0)
    model.load([np.full_like(array, np.inf) for array in model.parameters()])
    assert np.isnan(model.score(*records(0, 9)))
