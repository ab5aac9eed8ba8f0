"""Every learner with a name learns, however its stream is cut, and survives a file. Run by ``test_plain.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from klopf.mind import LEARNERS, Mind


def stream(n: int = 200, width: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, width))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 0)


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_learns(learner: str) -> None:
    r = np.random.default_rng(1)
    X = r.normal(size=(500, 3))
    errors = Mind(3, 2, hidden=(6,), learner=learner, seed=1).learn(X, (X[:, 0] > X[:, 1]).astype(int))
    assert errors[-150:].mean() < 0.2


@pytest.mark.parametrize("learner", LEARNERS)
def test_one_sample_at_a_time_is_the_same_to_the_bit_as_the_whole_stream(learner: str) -> None:
    X, y = stream()
    options = {"replacement_rate": 0.01, "maturity": 10}
    whole, single = (Mind(6, 3, hidden=(9, 8), learner=learner, seed=3, **options) for _ in range(2))
    errors = whole.learn(X, y)
    for i in range(len(X)):
        assert (single.predict_one(X[i]) != y[i]) == errors[i]
        single.learn_one(X[i], y[i])
    assert whole.commitment() == single.commitment()


@pytest.mark.parametrize(
    ("learner", "output"), [(name, "softmax") for name in LEARNERS] + [("klopf", "linear"), ("backprop", "logistic")]
)
def test_a_saved_learner_goes_on_to_the_bit(tmp_path: Path, learner: str, output: str) -> None:
    X, y = stream()
    targets = y if output == "softmax" else np.eye(3)[y]
    options = {"replacement_rate": 0.01, "maturity": 10}
    m = Mind(6, 3, hidden=(9,), learner=learner, output=output, seed=3, **options)
    m.learn(X[:100], targets[:100])
    m.save(tmp_path / "mind")
    other = Mind.load(tmp_path / "mind")
    assert other.commitment() == m.commitment()
    assert (other.learn(X[100:], targets[100:]) == m.learn(X[100:], targets[100:])).all()
    assert other.commitment() == m.commitment() and len(m.commitment()) == 32
    assert [f.name for f in tmp_path.iterdir()] == ["mind"]
