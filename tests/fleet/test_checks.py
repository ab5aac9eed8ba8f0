"""Klopf's own fleet models and strategies keep their promises, and the checks notice who does not."""

from __future__ import annotations

import numpy as np
import pytest

from klopf import checks, fleet
from klopf.fleet.models.mind import MindModel
from klopf.fleet.strategies.average import Average

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 120)
X = RNG.normal(size=(120, 4)) + 2 * np.eye(3, 4)[CLASSES]
MIND = {"sensors": 4, "outputs": 3, "hidden": [8], "step_size": 0.05}


@pytest.mark.parametrize("name", list(fleet.STRATEGIES))
def test_strategies_of_ours(name):
    checks.check_strategy(name)


@pytest.mark.parametrize(("name", "settings"), [("mind", MIND), ("linear", {"features": 4, "classes": 3})])
def test_models_of_ours(name, settings):
    checks.check_fleet_model(name, settings, X, CLASSES)


class Spoilt(Average):
    def combine(self, changes, weights):
        combined = super().combine(changes, weights)
        return self.spoil(combined, changes)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda one, _: fleet.Combined(one.change.astype(float), one.used), "float32 change"),
        (lambda one, _: fleet.Combined(one.change * np.float32("nan"), one.used), "not finite"),
        (lambda one, _: fleet.Combined(one.change, dict.fromkeys(one.used, 0.0)), "1 in all"),
        (lambda one, c: fleet.Combined(one.change, {next(iter(c)): 1.0}), "of each update"),
        (lambda one, _: fleet.Combined(one.change + np.float32(next(DRAWN)), one.used), "differs"),
    ],
)
def test_a_strategy_that_breaks_a_promise_is_told_in_one_line(spoil, said):
    kind = type("Spoilt", (Spoilt,), {"spoil": staticmethod(spoil)})
    with pytest.raises(AssertionError, match=said) as caught:
        checks.check_strategy(kind)
    assert "\n" not in str(caught.value)


DRAWN = iter(range(1000))


def faulty(**changes):
    return type("Faulty", (MindModel,), changes)


def test_a_model_that_breaks_a_promise_is_told_in_one_line():
    def doubled(self):
        return [array.astype(float) for array in MindModel.parameters(self)]

    wrong = {
        "float32 arrays": faulty(parameters=doubled),
        "changes no parameter": faulty(train=lambda self, x, y, epochs, rng: None),
        "does not put back": faulty(load=lambda self, parameters: None),
        "must be finite": faulty(loss=lambda self, x, y: float("nan")),
        "at most 1": faulty(score=lambda self, x, y: 2.0),
    }
    for said, kind in wrong.items():
        with pytest.raises(AssertionError, match=said) as caught:
            checks.check_fleet_model(kind, MIND, X, CLASSES)
        assert "\n" not in str(caught.value)
    with pytest.raises(AssertionError, match="no subclass of FleetModel"):
        checks.check_fleet_model(Average, MIND, X, CLASSES)
