"""Noise on what a device gives: as much as its price says, paid for before, and never twice."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import BudgetSpent, FleetError
from klopf.fleet._parameters import flat
from klopf.fleet._private import noised
from klopf.fleet.models import made, ridge
from klopf.fleet.models.mind import MindModel
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


def test_the_price_is_what_zcdp_says():
    one = fleet.Privacy(1.0, rounds=10)
    total = 10 * one.rho
    assert total + 2 * math.sqrt(total * math.log(1e5)) == pytest.approx(1.0)
    sensitivity = 2 * one.clip / one.groups
    assert sensitivity**2 / (2 * one.sigma(one.groups) ** 2) == pytest.approx(one.rho)


def test_one_record_moves_the_mean_by_no_more_than_it_may():
    """Without noise, whatever a record makes of its group."""
    privacy = replace(fleet.Privacy(1e5, rounds=1, groups=5, clip=0.5))
    wild = np.random.default_rng(0)

    def given(far):
        def train(places):
            base = np.full(7, float(places.sum() % 3), np.float32)
            return base + (np.float32(1e6) * wild.normal(size=7).astype(np.float32) if far and 3 in places else 0)

        return noised(train, 20, privacy, np.random.default_rng(1), Quiet())

    moved = np.linalg.norm(given(True).astype(float) - given(False))
    assert 0 < moved <= 2 * 0.5 / 5 * 1.0001


class Quiet:
    def normal(self, mean, sigma, size):
        return np.zeros(size)


def test_the_noise_has_its_size():
    privacy = fleet.Privacy(2.0, rounds=3, groups=4)
    drawn = noised(
        lambda places: np.zeros(20_000, np.float32), 8, privacy, np.random.default_rng(0), np.random.default_rng(1)
    )
    assert drawn.std() == pytest.approx(privacy.sigma(4), rel=0.02)


def test_a_budget_is_spent_before_and_survives_a_restart(tmp_path):
    made_, _ = devices(2)
    privacy = fleet.Privacy(3.0, rounds=2, groups=20)
    place = tmp_path / "spent.jsonl"

    def device():
        budget = fleet.Accountant(place, 3.0)
        return fleet.TrainingDevice(
            "d", made_[0].inputs, made_[0].targets, privacy=privacy, accountant=budget, sample=9
        )

    now = made("mind", SETTINGS, 3).parameters()
    first = device()
    update = first.fit(now, WANTED)
    assert update.records == 1 and update.loss == 0 and len(first.apply(WANTED).inputs) == 0
    assert first.fit(now, WANTED) is update  # asked twice: given once, paid once
    second = device()
    second.fit(now, replace(WANTED, round=2))
    for late in (second, device()):
        with pytest.raises(BudgetSpent, match="zCDP"):
            late.fit(now, replace(WANTED, round=3))
    assert len(place.read_text().splitlines()) == 2
    place.write_text("{\n")
    with pytest.raises(FleetError, match="damaged"):
        device()


@pytest.mark.parametrize("many", [2, 8])
def test_accountants_of_one_file_spend_one_budget(tmp_path, many):
    rho = fleet.Privacy(1.0, 10).rho
    opened = [fleet.Accountant(tmp_path / "spent", 1.0) for _ in range(many)]  # before anything is spent
    spent = 0
    for _ in range(10):
        for one in opened:
            try:
                one.spend(rho, "x")
                spent += 1
            except BudgetSpent:
                assert spent == 10
    assert spent == 10 and all(one.left == pytest.approx(0, abs=1e-9) for one in opened)


def test_processes_that_spend_at_once_spend_one_budget(tmp_path):
    def spend(_):
        budget, spent = fleet.Accountant(tmp_path / "spent", 1.0), 0
        for _ in range(10):
            with contextlib.suppress(BudgetSpent):
                budget.spend(fleet.Privacy(1.0, 20).rho, "x")
                spent += 1
        return spent

    with concurrent.futures.ThreadPoolExecutor(4) as pool:  # each has a lock of its own, as processes do
        assert sum(pool.map(spend, range(4))) == 20
    assert len((tmp_path / "spent").read_text().splitlines()) == 20


@pytest.mark.parametrize(
    "line", ['{"rho": NaN}', '{"rho": Infinity}', '{"rho": -5}', '{"rho": true}', '{"rho": "1"}', "[]", "{", "",
             '{"rho": 1' + "0" * 400 + "}"]
)  # fmt: skip
def test_a_line_that_is_no_amount_stops_all_spending(tmp_path, line):
    place = tmp_path / "spent"
    budget = fleet.Accountant(place, 1.0)
    budget.spend(0.001, "x")
    with place.open("a") as file:
        file.write(line + "\n")
    for ask in (lambda: budget.left, lambda: budget.spend(0.001, "x"), lambda: fleet.Accountant(place, 1.0)):
        with pytest.raises(FleetError, match="damaged"):
            ask()


def test_a_budget_whose_file_is_gone_is_not_full(tmp_path):
    place = tmp_path / "spent"
    budget = fleet.Accountant(place, 1.0)
    with pytest.raises(BudgetSpent):
        budget.spend(5, "too much")  # and nothing has begun by that
    assert fleet.Accountant(place, 1.0).left == budget.left > 0
    budget.spend(0.001, "x")
    kept = place.read_bytes()
    place.unlink()
    for ask in (lambda: budget.spend(0.001, "x"), lambda: fleet.Accountant(place, 1.0)):
        with pytest.raises(FleetError, match="gone"):
            ask()
    place.write_bytes(kept + b'{"rho": 0.0')  # torn: nothing was given for it
    before = fleet.Accountant(place, 1.0).left
    budget.spend(0.001, "y")
    assert fleet.Accountant(place, 1.0).left == pytest.approx(before - 0.001) and place.read_text().count("\n") == 2


@pytest.mark.parametrize("rho", [math.nan, math.inf, -1.0])
def test_only_an_amount_can_be_spent(rho):
    with pytest.raises(FleetError, match="no amount"):
        fleet.Accountant(None, 1.0).spend(rho, "x")
    with pytest.raises(FleetError, match="needs epsilon"):
        fleet.Accountant(None, rho)


def test_it_still_learns():
    own, test = devices(3)
    members = [
        fleet.Local(
            fleet.TrainingDevice(
                d.name, d.inputs, d.targets, privacy=fleet.Privacy(200.0, rounds=8, clip=2.0, groups=10)
            )
        )
        for d in own
    ]
    outcome = asyncio.run(fleet.Rounds(fleet.Demand(WANTED, rounds=8), members, fleet.strategy("average"), test).run())
    assert outcome.rounds[-1].score > 0.6


@pytest.mark.parametrize("wrong", [{"epsilon": 0}, {"rounds": 0}, {"delta": 1}, {"clip": 0}, {"groups": 1}])
def test_impossible_privacy(wrong):
    with pytest.raises(FleetError):
        fleet.Privacy(**{"epsilon": 1.0, "rounds": 1, **wrong})
    with pytest.raises(FleetError, match="fill"):
        noised(
            lambda p: np.zeros(1, np.float32),
            3,
            fleet.Privacy(1.0, 1),
            np.random.default_rng(0),
            np.random.default_rng(0),
        )


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mind", {"sensors": 12, "outputs": 3, "hidden": [8], "step_size": 0.1}),
        ("layers", {"inputs": [12], "layers": [["dense", 8], ["relu"], ["dense", 3]], "output": "softmax",
                    "step_size": 0.1}),
        ("layers", {"inputs": [12], "layers": [["dense", 3]], "output": "softmax", "step_size": 0.1}),
    ],
)  # fmt: skip
def test_all_records_at_once_are_what_one_by_one_are(name, settings):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 12)).astype(np.float32), rng.integers(0, 3, 40).astype(np.float32)
    model = made(name, settings, 0)
    start, total = model.parameters(), 0
    for i in range(len(x)):
        model.load(start)
        model.train(x[i : i + 1], y[i : i + 1], 1, rng)
        change = flat(model.parameters()).astype(float) - flat(start)
        total = total + change * min(1, 0.12 / np.linalg.norm(change))
    model.load(start)
    found = model.cut_steps(x, y, 0.12)
    assert np.allclose(found, total, atol=1e-5)
    y[3], x[5, 0] = 7, np.inf  # no class, no number: nothing, and nobody is told
    model.load(start)
    whole = model.cut_steps(x, y, 0.12)
    keep = np.array([i not in (3, 5) for i in range(len(x))])
    assert np.allclose(whole, model.cut_steps(x[keep], y[keep], 0.12), atol=1e-9)


def test_moments_of_all_records_at_once_are_what_one_by_one_are(monkeypatch):
    monkeypatch.setattr(ridge, "_AT_ONCE", 300)  # in several pieces
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 12)).astype(np.float32), rng.random(40).astype(np.float32)
    model, total = made("ridge", {"features": 12}, 0), 0
    start = [rng.random(array.shape).astype(np.float32) for array in model.parameters()]
    for i in range(len(x)):
        model.train(x[i : i + 1], y[i : i + 1], 1, rng)
        change = flat(model.parameters()).astype(float) - flat(start)
        total = total + change * min(1, 2.5 / np.linalg.norm(change))
    model.load(start)
    assert np.allclose(model.cut_steps(x, y, 2.5), total, atol=1e-5)
    y[3], x[5, 0] = np.inf, np.nan
    keep = np.array([i not in (3, 5) for i in range(len(x))])
    assert np.allclose(model.cut_steps(x, y, 2.5), model.cut_steps(x[keep], y[keep], 2.5), atol=1e-9)
    assert all(np.array_equal(a, b) for a, b in zip(start, model.parameters(), strict=True)), "nothing is learned by it"


@pytest.mark.parametrize("odd", [7.0, 3e38])
def test_what_one_group_does_to_the_model_reaches_no_other(monkeypatch, odd):
    """One that fails for good, and one that goes beyond numbers: the others' changes are what they are without it."""
    honest = MindModel.train

    def train(self, inputs, *more):
        self.failed = getattr(self, "failed", False) or inputs.max() == 7.0
        if self.failed:
            raise ValueError("it never trains again")
        honest(self, inputs, *more)

    x = np.random.default_rng(0).random((40, 4)).astype(np.float32)
    y = np.arange(40, dtype=np.float32) % 2
    wanted = fleet.Instructions("j", "mind", {"sensors": 4, "outputs": 2, "hidden": [3], "step_size": 0.1})
    start = made("mind", wanted.settings, 0).parameters()
    privacy = fleet.Privacy(9e5, rounds=1, groups=10, clip=1.0)
    deal = np.random.default_rng([0, *b"d"]).permutation(40)
    group = np.array_split(deal, 10)[2]
    x[group] = odd
    monkeypatch.setattr(MindModel, "train", train)
    whole = flat(fleet.TrainingDevice("d", x, y, privacy=privacy).fit(start, wanted).change).astype(float)
    alone = np.zeros_like(whole)
    for places in np.array_split(deal, 10):
        if not np.array_equal(places, group):
            model = made("mind", wanted.settings, 0)
            model.load(start)
            model.train(x[places], y[places], 1, np.random.default_rng([0, 1, int(places[0])]))
            alone += flat(model.parameters()).astype(float) - flat(start)
    assert np.allclose(whole, alone / 10, atol=1e-3)


def test_a_group_for_each_record_has_the_least_noise_and_is_weighed_by_records():
    x, y = np.random.default_rng(0).random((90, 4)).astype(np.float32), np.zeros(90, np.float32)
    privacy = fleet.Privacy(2.0, rounds=1, groups=0)
    assert privacy.sigma(90) < fleet.Privacy(2.0, rounds=1, groups=50).sigma(50)
    wanted = fleet.Instructions("j", "mind", {"sensors": 4, "outputs": 2, "hidden": [3], "step_size": 0.1})
    device = fleet.TrainingDevice("d", x, y, privacy=privacy)
    assert device.fit(made("mind", wanted.settings, 0).parameters(), wanted).records == 90
