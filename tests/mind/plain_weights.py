"""How much a sample counts, for every learner. Run by ``test_plain.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from klopf.mind import LEARNERS, Mind, MindError


def stream(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, 6))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int) + (x[:, 2] > 0)


@pytest.mark.parametrize("learner", LEARNERS)
def test_one_is_no_weight_and_zero_is_not_learned(learner: str) -> None:
    X, y = stream()
    options = {"replacement_rate": 0.01, "maturity": 10, "normalise_inputs": True}
    plain, weighted, short = (Mind(6, 3, hidden=(9,), learner=learner, seed=3, **options) for _ in range(3))
    counts = np.random.default_rng(1).integers(0, 2, len(X))
    errors = weighted.learn(X, y, counts)
    short.learn(X[counts > 0], y[counts > 0])
    assert weighted.commitment() == short.commitment() and weighted.steps == counts.sum()
    assert (plain.learn(X, y) == Mind(6, 3, hidden=(9,), learner=learner, seed=3, **options).learn(X, y, np.ones(200))
            ).all()  # fmt: skip
    assert set(np.unique(errors)) <= {0, 1}  # also what is not learned is predicted
    before = weighted.commitment()
    weighted.learn_one(X[0], y[0], 0)
    assert weighted.commitment() == before


@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_a_weight_divides_the_noise(output: str) -> None:
    X, y = stream()
    targets: Any = y if output == "softmax" else np.eye(3)[y]
    options: dict[str, Any] = {"surprise": 0.0, "replacement_rate": 0.0, "dtype": "float64", "output": output}
    heavy, sure = (Mind(6, 3, hidden=(5,), noise=noise, **options) for noise in (1.0, 0.25))
    heavy.learn(X, targets, np.full(200, 4.0))
    sure.learn(X, targets)
    assert heavy.weights(0) == pytest.approx(sure.weights(0), abs=1e-9)


@pytest.mark.parametrize("output", ["softmax", "linear"])
@pytest.mark.parametrize("learner", ["klopf", "backprop"])
def test_twice_as_heavy_is_about_twice(learner: str, output: str) -> None:
    test, far, near = stream(200, 5)[0], 0.0, 0.0
    for seed in range(3):
        X, y = stream(300, seed)
        targets: Any = y if output == "softmax" else X[:, 0] + np.random.default_rng(2).normal(size=300)
        outputs = 3 if output == "softmax" else 1
        once, twice, heavy = (Mind(6, outputs, hidden=(), learner=learner, output=output, seed=1) for _ in range(3))
        once.learn(X, targets)
        twice.learn(X.repeat(2, 0), targets.repeat(2))
        heavy.learn(X, targets, np.full(300, 2.0))
        p, q, r = (m.predict_proba(test) for m in (once, twice, heavy))
        far, near = far + np.abs(p - q).mean(), near + np.abs(r - q).mean()
    assert near < 0.75 * far


@pytest.mark.parametrize("learner", ["klopf", "backprop", "autostep"])
def test_a_heavy_class_is_preferred(learner: str) -> None:
    r = np.random.default_rng(0)
    X, y = r.normal(size=(2000, 2)), r.integers(0, 2, 2000)  # nothing to learn but how much each class counts
    m = Mind(2, 2, hidden=(4,), learner=learner, seed=1)
    m.learn(X, y, np.where(y == 1, 2.0, 0.5))
    assert m.predict(X).mean() > 0.9


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf, 1e13, "x", [1.0, 1.0], None])
def test_what_is_no_weight_is_refused(wrong: Any) -> None:
    m = Mind(6, 3)
    before = m.commitment()
    X, y = stream(1)
    with pytest.raises(MindError) as caught:
        m.learn_one(X[0], y[0], wrong)
    assert "\n" not in str(caught.value) and m.commitment() == before
