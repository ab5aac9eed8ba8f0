"""Streams of which much cannot be learned: wrong labels, rare positives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from klopf.mind import Mind, _file
from klopf.mind.problems import slowly_changing_regression


def noisy(noise: float, seed: int, classes: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes by which of some directions an input points along most; ``noise`` of the labels are another class."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(6000, 10))
    true = (X @ r.normal(size=(10, classes))).argmax(1)
    wrong = r.random(len(X)) < noise
    return X, np.where(wrong, (true + r.integers(1, classes, len(X))) % classes, true), true


@pytest.mark.parametrize(("noise", "classes", "most"), [(0.3, 2, 0.12), (0.4, 2, 0.18), (0.3, 5, 0.2)])
def test_wrong_labels_cost_little_of_what_is_true(noise: float, classes: int, most: float) -> None:
    found = []
    for learner in ("klopf", "backprop"):
        errors = []
        for seed in range(3):
            X, y, true = noisy(noise, seed, classes)
            m = Mind(10, classes, hidden=(32,), learner=learner, normalise_inputs=True, seed=seed)
            m.learn(X[:4000], y[:4000])
            errors.append((m.predict(X[4000:]) != true[4000:]).mean())
        found.append(np.mean(errors))
    assert found[0] < min(most, found[1])


def test_rare_positives_are_ranked() -> None:
    areas = []
    for seed in range(3):
        r = np.random.default_rng(seed)
        X = r.normal(size=(12_000, 10))
        p = 1 / (1 + np.exp(4.8 - 1.5 * X @ r.normal(size=10) / 10**0.5))
        y = (r.random(len(X)) < p).astype(int)
        m = Mind(10, 2, hidden=(32,), normalise_inputs=True, seed=seed)
        m.learn(X[:8000], y[:8000])
        said, one = m.predict_proba(X[8000:])[:, 1], y[8000:] == 1
        areas.append((said[one][:, None] > said[~one]).mean())
    assert np.mean(areas) > 0.75


def test_a_change_among_wrong_labels_is_followed() -> None:
    X, y, true = noisy(0.2, 0)
    y[3000:], true[3000:] = 1 - y[3000:], 1 - true[3000:]
    m = Mind(10, 2, hidden=(32,), normalise_inputs=True)
    m.learn(X[:4000], y[:4000])
    assert (m.predict(X[4000:]) != true[4000:]).mean() < 0.2


@pytest.mark.parametrize(("slow", "noise"), [(5, 0.0), (3, 0.0), (5, 2.0)])
def test_numbers_of_which_little_can_be_learned_are_learned_no_worse_than_by_plain_steps(
    slow: int, noise: float
) -> None:
    ratios = []
    for seed in range(3000, 3006):
        X, y = slowly_changing_regression(60_000, seed=seed, slow=slow, units=75).whole()
        y = y + noise * np.random.default_rng(seed).normal(size=y.shape)
        ours = Mind(20, 1, hidden=(5,), output="linear", seed=seed)
        plain = Mind(20, 1, hidden=(5,), output="linear", learner="backprop", step_size=0.003, seed=seed)
        ratios.append(ours.learn(X, y)[30_000:].mean() / plain.learn(X, y)[30_000:].mean())
    assert np.mean(ratios) < 1.0


@pytest.mark.parametrize("output", ["softmax", "logistic"])
def test_how_often_classes_come_is_kept_and_files_of_before_load(output: str, tmp_path: Path) -> None:
    X, y, _ = noisy(0.3, 0)
    targets = y if output == "softmax" else y[:, None].astype(float)
    m = Mind(10, 2 if output == "softmax" else 1, hidden=(8,), output=output, normalise_inputs=True)
    m.learn(X[:1000], targets[:1000])
    assert m._net.T[0, -1] == pytest.approx(y[:1000].mean(), abs=1e-6)
    m.save(tmp_path / "now")
    now = Mind.load(tmp_path / "now")
    assert (now.learn(X[1000:], targets[1000:]) == m.learn(X[1000:], targets[1000:])).all()
    assert now.commitment() == m.commitment()
    arrays = {**m._tables.arrays(), "globals": m._net.G[:8].copy()}
    del arrays["targets"]
    _file.write(tmp_path / "old", _file.pack(m._header(), arrays))
    old = Mind.load(tmp_path / "old")
    assert (old.predict_proba(X[:50]) == m.predict_proba(X[:50])).all()
    old.learn(X, targets)
    assert old._net.T[0, -1] == pytest.approx(y.mean(), abs=0.1)
