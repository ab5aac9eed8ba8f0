"""What holds whatever options are combined. Run by ``test_plain.py``."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.mind import Mind
from klopf.mind._settings import UTILITIES
from klopf.mind.kernels.parts import LIVES, RULES
from klopf.mind.kernels.state import INPUTS, KIND, OWN, UNITS


def drawn(seed: int) -> tuple[str, dict[str, Any]]:
    """A random combination of options; every rule comes up."""
    r = random.Random(seed)
    life = r.choice(list(LIVES))
    options: dict[str, Any] = {
        "rule": list(RULES)[seed % len(RULES)],
        "life": life,
        "activation": r.choice(["relu", "tanh", "crelu", "threshold", "leaky-relu"]),
        "layer_norm": r.random() < 0.3,
        "normalise_inputs": r.random() < 0.3,
        "shortcut": r.random() < 0.4,
        "fan_in": r.choice([0, 3]),
        "rewiring_rate": r.choice([0, 0.05]),
        "l2": r.choice([0, 0.01]),
        "l2_init": r.choice([0, 0.01]),
        "perturb": r.choice([0, 0.001]),
        "quiet": r.choice([0, 0.1]),
        "explore": r.choice([0, 0.01]),
        "protect": r.choice([0, 1.0]),
        "grow_every": r.choice([0, 0, 7]),
        "utility": r.choice(UTILITIES),
        "weight_utility": r.choice(["magnitude", "gradient"]),
        "block": r.choice([0, 24]),
        "replacement_rate": 0.02,
        "maturity": 15,
        "check_every": 20,
        "reset_fraction": 0.05,
        "step_size": 0.003,
    }
    return r.choice(["linear", "softmax", "logistic"]), options


def stream(output: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    X = r.normal(size=(n, 8)) * (r.random((n, 8)) < 0.5)
    return X, r.integers(0, 3, n) if output == "softmax" else (r.random((n, 3)) < 0.5).astype(float)


def hears_its_share(m: Mind) -> None:
    """Every live unit hears ``fan_in`` inputs, or all where there are fewer; of others it has no weight and no idea."""
    for l in range(len(m.units)):
        inputs, live = int(m._net.layers[l, INPUTS]), m.units[l]
        connected = m.weights(l, "connected")[:-1]
        assert (connected.sum(0) == min(m.settings.fan_in, inputs)).all(), (l, connected.sum(0))
        assert (m.weights(l)[:-1][connected == 0] == 0).all(), l
        if m._net.matrices[l, KIND] == OWN:
            variances = np.diagonal(m._tables.covariances(l), axis1=1, axis2=2)[:live, :-1]
            assert ((variances.T == 0) == (connected == 0)).all(), l


@pytest.mark.parametrize("seed", range(36))
def test_any_combination_goes_on_to_the_bit(tmp_path: Path, seed: int) -> None:
    output, options = drawn(seed)
    X, y = stream(output, 120, seed)
    r = random.Random(seed)
    straight = Mind(8, 3, hidden=(7, 6), learner="backprop", output=output, seed=seed, **options)
    straight.learn(X[:40], y[:40])
    straight.save(tmp_path / "mind")
    resumed, cut = (Mind.load(tmp_path / "mind") for _ in range(2))
    straight.learn(X[40:], y[40:])
    resumed.learn(X[40:], y[40:])
    at = 40
    while at < 120:
        size = r.randint(1, 25)
        before = cut.commitment()
        cut.predict_proba(stream(output, 3, at)[0])
        assert cut.commitment() == before
        cut.learn(X[at : at + size], y[at : at + size])
        at += size
    assert straight.finite
    assert resumed.commitment() == straight.commitment(), "a resumed learner differs"
    assert cut.commitment() == straight.commitment(), "predictions, or where the stream was cut, made a difference"
    if options["fan_in"]:
        hears_its_share(straight)


@pytest.mark.parametrize("rule", ["sgd", "adam", "upgd", "kalman"])
@pytest.mark.parametrize("more", [{"life": "weights"}, {"life": "continual"}, {"grow_every": 5}, {"perturb": 0.01},
                                  {"rewiring_rate": 0.05}])  # fmt: skip
def test_a_units_fan_in_stays_what_it_is(rule: str, more: dict[str, Any]) -> None:
    X, y = stream("linear", 150, 0)
    m = Mind(8, 1, hidden=(7, 6), learner="backprop", output="linear", rule=rule, fan_in=3, replacement_rate=0.05,
             maturity=10, check_every=10, reset_fraction=0.1, noise=0.1, step_size=0.001, block=24, **more)  # fmt: skip
    m.learn(X[:100], y[:100, 0])
    hears_its_share(m)
    wide = m.widened(12, 2)
    hears_its_share(wide)
    wide.learn(np.c_[X, X[:, :4]][100:], y[100:, :2])
    hears_its_share(wide)


def test_a_wide_layer_that_grows_is_the_same_however_its_stream_is_cut() -> None:
    r = np.random.default_rng(0)
    X, y = r.normal(size=(60, 300)) * (r.random((60, 300)) < 0.1), r.normal(size=60)
    options = {"grow_every": 1, "step_size": 1e-4, "maturity": 5, "replacement_rate": 0.05}
    whole, cut = (Mind(300, 1, hidden=(120,), learner="continual-backprop", output="linear", **options)
                  for _ in range(2))  # fmt: skip
    for m in (whole, cut):
        m._net.layers[0, UNITS] = 105  # as if grown before: near the size at which means are refreshed more seldom
        m._net.layers[1, INPUTS] = 105
    whole.learn(X, y)
    for i in range(0, 60, 5):
        cut.learn(X[i : i + 5], y[i : i + 5])
    assert whole.commitment() == cut.commitment() and whole.births > 60


def test_upgd_is_pulled_to_its_first_weights_not_away_from_zero() -> None:
    X = np.zeros((300, 4))
    m = Mind(4, 1, hidden=(5,), learner="upgd", output="linear", l2=0.0, l2_init=0.5, noise=0.0, step_size=0.05)
    first = m.weights(0)
    m._net.W[:] += 1.0
    m.learn(X, np.zeros(300))
    assert m.weights(0)[:-1] == pytest.approx(first[:-1] + (1 - 0.05 * 0.5) ** 300, abs=1e-3)


@pytest.mark.parametrize("rule", ["adam", "rmsprop", "upgd"])
@pytest.mark.parametrize("perturb", [0.0, 0.01])
def test_a_unit_that_grows_late_is_heard_as_one_that_grows_early(rule: str, perturb: float) -> None:
    X, y = stream("linear", 60, 0)
    m = Mind(8, 2, hidden=(2, 2), learner="backprop", output="linear", rule=rule, grow_every=20, perturb=perturb)
    births = {q.name: q.outgoing for q in m._tables.layout.weights}
    for at, (layer, unit) in zip((20, 40, 60), ((0, 0), (1, 0), (0, 1)), strict=True):
        m.learn(X[at - 20 : at], y[at - 20 : at, :2])
        for name, value in births.items():
            assert (m.weights(layer + 1, name)[unit] == np.float32(value)).all(), (name, unit)


def test_a_newborn_is_told_only_about_what_it_hears() -> None:
    m = Mind(12, 1, hidden=(6,), output="linear", fan_in=3, replacement_rate=0.0)
    heard = m.weights(0, "connected")[:-1] > 0
    variance = m.weights(0, "variance")[:-1]
    assert variance[heard] == pytest.approx(10 / 4) and (variance[~heard] == 0).all()
