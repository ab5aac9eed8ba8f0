"""Gradients against finite differences in float64. Run by ``test_plain.py``."""

from __future__ import annotations

import numpy as np
import pytest

from klopf.mind import Mind


@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("output", ["linear", "softmax", "logistic"])
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "tanh", "sigmoid", "crelu"])
def test_gradients_agree_with_finite_differences(activation: str, output: str, norm: bool, shortcut: bool) -> None:
    r = np.random.default_rng(0)
    x = r.normal(size=5)
    x[1] = 0.0
    y = {"softmax": 2, "linear": np.array([0.3, -1.2, 0.8]), "logistic": np.array([1.0, 0.0, 1.0])}[output]

    def make() -> Mind:
        return Mind(
            5, 3, hidden=(7, 6), learner="backprop", output=output, dtype="float64", seed=2,
            activation=activation, layer_norm=norm, shortcut=shortcut, step_size=1e-3,
        )  # fmt: skip

    def loss(m: Mind) -> float:
        p = m.predict_proba_one(x)
        if output == "softmax":
            return float(-np.log(p[2]))
        if output == "linear":
            return float(((p - y) ** 2).sum())
        return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum())

    base, learned = make(), make()
    learned.learn_one(x, y)
    step = (base._net.W - learned._net.W) / 1e-3
    places = np.flatnonzero(base._net.W)
    assert np.count_nonzero(step[places]) > 20
    for at in r.choice(places, 25, replace=False):
        a, b = make(), make()
        a._net.P[0, at] += 1e-6
        b._net.P[0, at] -= 1e-6
        assert step[at] == pytest.approx((loss(a) - loss(b)) / 2e-6, rel=1e-5, abs=1e-5)
