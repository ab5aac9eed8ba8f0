"""Classes that arrive: a newborn is learned as fast as the first ones were, whatever the others know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from klopf.mind import Mind, _file


def arriving(classes: int, every: int = 30, spread: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clusters in 20 dimensions; one more of them each ``every`` samples, drawn from all so far."""
    r = np.random.default_rng(seed)
    centres = spread * r.normal(size=(classes, 20))
    y = (r.random(classes * every) * (np.arange(classes * every) // every + 1)).astype(int)
    return centres[y] + 0.5 * r.normal(size=(len(y), 20)), y


@pytest.mark.parametrize(("classes", "most"), [(50, 0.05), (300, 0.08)])
def test_classes_that_arrive_cost_little_more_than_their_first_sample(classes: int, most: float) -> None:
    X, y = arriving(classes)
    errors = Mind(20, classes, hidden=(64,), normalise_inputs=True).learn(X, y)
    assert 1 / 30 - 0.005 < errors.mean() < most
    plain = Mind(20, classes, hidden=(64,), learner="backprop", normalise_inputs=True).learn(X, y)
    assert errors.mean() < plain.mean() / 2


@pytest.mark.parametrize("hidden", [(64,), (16,), ()])
def test_classes_that_were_declared_and_never_come_cost_nothing(hidden: tuple[int, ...]) -> None:
    X, y = arriving(10, 100)
    declared, few = (Mind(20, n, hidden=hidden, normalise_inputs=True).learn(X, y).mean() for n in (5000, 10))
    assert declared < few + 0.02


def test_whose_output_is_another_class_now_knows_as_little_as_a_newborn() -> None:
    X, y = arriving(5, 60)
    m = Mind(20, 5, hidden=(64,), normalise_inputs=True)
    m.learn(X, y)
    doubts = m._net.K[-6:-1]
    assert (doubts < 0.7 * m.settings.listening_prior).all()
    m._tables.forget_output(3)
    assert doubts[3] == m.settings.listening_prior and m._net.K[-1] < doubts[0]
    wide = m.widened(22, 9)
    assert (wide._net.K[-10:-5] == doubts).all() and (wide._net.K[-5:-1] == m.settings.listening_prior).all()


def test_files_of_a_time_when_classes_shared_all_that_was_known_load(tmp_path: Path) -> None:
    X, y = arriving(5, 60)
    m = Mind(20, 5, hidden=(64,), normalise_inputs=True)
    m.learn(X, y)
    arrays = {**m._tables.arrays(), "covariances": m._net.K[:-6].copy()}
    _file.write(tmp_path / "old", _file.pack(m._header(), arrays))
    loaded = Mind.load(tmp_path / "old")
    assert (loaded.predict_proba(X) == m.predict_proba(X)).all()
    assert loaded.learn(X, y).mean() < 0.05


def late(kind: str, targets: int, own: bool, seed: int) -> float:
    """Error of the last target 50 to 300 samples after it came, when the others had been learned 3,000 times."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(3300, 20))
    Y = np.tanh(1.5 * X @ r.normal(size=(20, 30)) / 20**0.5) @ r.normal(size=(30, targets)) / 3
    Y = (Y > 0).astype(float) if kind == "logistic" else Y / Y.std(0)
    seen = Y.copy()
    seen[:3000, -1] = np.nan
    if own:
        X, Y, seen = X[3000:], Y[3000:, -1:], seen[3000:, -1:]
    m = Mind(20, Y.shape[1], hidden=(32,), output=kind, normalise_inputs=True, seed=seed)
    said = m._learn(X, seen, None, True)[1][-250:, -1]
    wrong = (said > 0.5) != (Y[-250:, -1] > 0.5) if kind == "logistic" else (said - Y[-250:, -1]) ** 2
    return float(wrong.mean())


@pytest.mark.parametrize(("kind", "most"), [("linear", 1.6), ("logistic", 1.8)])
@pytest.mark.long
def test_a_target_that_comes_late_is_learned_though_others_are_known(kind: str, most: float) -> None:
    """Beside a learner of its own: numbers had 2.3 times the error while all shared one doubt."""
    among = np.mean([late(kind, 10, False, seed) for seed in range(4)])
    alone = np.mean([late(kind, 10, True, seed) for seed in range(4)])
    assert among < most * alone


@pytest.mark.parametrize("kind", ["linear", "logistic"])
@pytest.mark.parametrize("hidden", [(32,), (8,)])
@pytest.mark.long
def test_of_a_target_that_is_not_known_nothing_is_learned(kind: str, hidden: tuple[int, ...]) -> None:
    r = np.random.default_rng(0)
    X, Y = r.normal(size=(300, 6)), (r.normal(size=(300, 3)) > 0).astype(float)
    m = Mind(6, 3, hidden=hidden, output=kind, normalise_inputs=True, replacement_rate=0.0)
    m.learn(X, Y)
    Y[:, 1] = np.nan
    heard, other = m.weights(1)[:, 1].copy(), m.weights(1)[:, 0].copy()
    errors = m._learn(X, Y, None, True)[0]
    assert np.isfinite(errors).all() and m.finite
    assert (m.weights(1)[:, 0] != other).any()
    assert (m.weights(1)[:, 1] == heard).all()
