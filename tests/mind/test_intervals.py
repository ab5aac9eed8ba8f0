"""Intervals hold what they promise, are wide where errors are, and follow what changes."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from klopf.mind import MindError
from klopf.mind._intervals import LEVELS, Intervals

ASKED = (0.5, 0.8, 0.9, 0.95)


def errors_of(kind: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, predictions, and errors that depend on them, or on the time, or on neither."""
    r = np.random.default_rng(seed)
    X, p = r.normal(size=(n, 3)), r.normal(size=n)
    e = r.normal(size=n)
    made = {
        "even": e,
        "by an input": e * np.exp(X[:, 1]),
        "by the prediction": e * (0.2 + p * p),
        "heavy": r.standard_t(2, size=n),
        "one-sided": r.exponential(size=n) - 1,
        "grown": e * np.where(np.arange(n) < n // 2, 1, 20),
        "biased of late": e + 3 * (np.arange(n) > n // 2),
        "tiny": e * 1e-9,
        "huge": e * 1e9,
        "missing inputs": e,
    }[kind]
    if kind == "missing inputs":
        X[r.random(X.shape) < 0.3] = np.nan
    return X, p, made


@pytest.mark.parametrize(
    "kind",
    ["even", "by an input", "by the prediction", "heavy", "one-sided", "grown", "biased of late", "tiny", "huge",
     "missing inputs"],
)  # fmt: skip
def test_targets_lie_within_as_often_as_promised(kind: str) -> None:
    held = np.zeros((2, len(ASKED)))
    for seed in range(2):
        X, p, e = errors_of(kind, 4000, seed)
        intervals = Intervals()
        intervals.learn(X[:500], p[:500], e[:500])
        for t in range(500, 4000):
            for k, level in enumerate(ASKED):
                ((low, high),) = intervals.bounds(level, X[t], p[t])
                held[seed, k] += low <= p[t] + e[t] <= high
            intervals.learn(X[t], p[t], e[t])
    assert np.abs(held.mean(0) / 3500 - ASKED).max() < (0.04 if kind == "biased of late" else 0.02)


def test_they_are_wide_where_errors_are_large_and_even_where_those_are() -> None:
    X, p, e = errors_of("by an input", 3000, 0)
    loud, even = Intervals(), Intervals()
    loud.learn(X, p, e)
    even.learn(X, p, errors_of("even", 3000, 0)[2])
    at = np.array([[0, -1.0, 0], [0, 0, 0], [0, 1.0, 0]])
    wide = np.diff(loud.bounds(0.9, at, np.zeros(3)))[:, 0]
    assert 1.8 < wide[1] / wide[0] < 4 and 1.8 < wide[2] / wide[1] < 4
    flat = np.diff(even.bounds(0.9, at, np.zeros(3)))[:, 0]
    assert flat.max() / flat.min() < 1.3 and abs(flat.mean() / 3.29 - 1) < 0.15


@pytest.mark.parametrize("size", [1e4, 1e8])
def test_after_one_input_or_error_far_out_they_are_what_they_were(size: float) -> None:
    at = np.array([[0, -1.0, 0], [0, 0, 0], [0, 1.0, 0]])
    wide = []
    for shock in ("none", "input", "error"):
        X, p, e = errors_of("by an input", 3000, 0)
        if shock == "input":
            X[1500, 1] = size
        if shock == "error":
            e[1500] = size
        intervals = Intervals()
        intervals.learn(X, p, e)
        wide.append(np.diff(intervals.bounds(0.9, at, np.zeros(3)))[:, 0])
    assert np.abs(np.log(wide[1] / wide[0])).max() < 0.3 and np.abs(np.log(wide[2] / wide[0])).max() < 0.3


def test_levels_are_nested_rows_are_samples_and_a_copy_goes_on_alike() -> None:
    X, p, e = errors_of("heavy", 800, 1)
    whole, single = Intervals(), Intervals()
    whole.learn(X, p, e)
    for t in range(800):
        single.learn(X[t], p[t], e[t])
    bounds = [whole.bounds(level, X[:20], p[:20]) for level in LEVELS]
    assert all((b[:, 0] <= a[:, 0]).all() and (a[:, 1] <= b[:, 1]).all() for a, b in pairwise(bounds))
    for other in (single, copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        other.learn(X[:3], p[:3], e[:3])
        assert (other.bounds(0.7, X[:9], p[:9]) == other.bounds(0.7, X[:9], p[:9])).all()
    assert (single.bounds(0.7, X[:9], p[:9]) != whole.bounds(0.7, X[:9], p[:9])).any()
    whole.learn(X[:3], p[:3], e[:3])
    assert (single.bounds(0.7, X[:9], p[:9]) == whole.bounds(0.7, X[:9], p[:9])).all()


def test_inputs_may_grow_in_number_and_what_was_known_stays() -> None:
    X, p, e = errors_of("by an input", 3000, 0)
    intervals = Intervals()
    intervals.learn(X, p, e)
    before = intervals.bounds(0.9, X[:5], p[:5])
    assert intervals.bounds(0.9, np.pad(X[:5], ((0, 0), (0, 5))), p[:5]) == pytest.approx(before)
    wide = intervals.bounds(0.9, np.zeros((5, 100)), p[:5])  # of so many none has a weight of its own
    assert np.isfinite(wide).all() and (wide[:, 1] > wide[:, 0]).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 0.999, -1, True, None, "0.9", float("nan")])
def test_what_cannot_be_promised_is_refused(level: Any) -> None:
    with pytest.raises(MindError, match="probability"):
        Intervals().bounds(level, [0.0], 0.0)
    assert Intervals().bounds(0.9, [0.0], 3.0).tolist() == [[3.0, 3.0]]


def test_no_error_is_no_width() -> None:
    intervals = Intervals()
    intervals.learn(np.zeros((50, 2)), np.zeros(50), np.zeros(50))
    ((low, high),) = intervals.bounds(0.9, [0.0, 0.0], 1.0)
    assert low == pytest.approx(1.0) and high == pytest.approx(1.0)
    intervals.learn(np.ones((200, 2)), np.zeros(200), np.tile([1.0, -1.0], 100))
    ((low, high),) = intervals.bounds(0.9, [1.0, 1.0], 1.0)
    assert -1 < low < 0.5 < 1.5 < high < 3


@pytest.mark.extras
def test_rivers_regressors_say_within_which_bounds() -> None:
    pytest.importorskip("river")
    from klopf.mind.river import MindMultiTargetRegressor, MindRegressor

    one, many, r = MindRegressor(hidden=8), MindMultiTargetRegressor(hidden=8), np.random.default_rng(0)
    assert one.predict_interval({"a": 1.0}).lower == 0 and many.predict_interval({"a": 1.0}) == {}
    held = np.zeros(3)
    for t in range(2500):
        x = dict(zip("abc", r.normal(size=3).tolist(), strict=True))
        y = 100 + x["a"] + (3 if x["b"] > 0 else 0.3) * r.normal()
        ys = {"first": y, "second": -5 * x["c"] + r.normal()}
        if t >= 500:
            within = one.predict_interval(x, 0.8)
            held[0] += y in within
            assert (within.lower, within.upper) == (lambda i: (i.lower, i.upper))(one.predict_one(x, True, 0.8))
            said = many.predict_interval(x, level=0.8)
            held[1:] += [ys[name] in said[name] for name in ys]
        one.learn_one(x, y)
        many.learn_one(x, ys)
    assert np.abs(held / 2000 - 0.8).max() < 0.025, held
    width = {b: one.predict_interval({"a": 0.0, "b": b, "c": 0.0}).upper for b in (-1.0, 1.0)}
    assert width[1.0] - 100 > 2 * (width[-1.0] - 100)


@pytest.mark.extras
def test_scikit_learns_regressor_says_within_which_bounds() -> None:
    pytest.importorskip("sklearn")
    import scipy.sparse as sp

    from klopf.mind.sklearn import MindRegressor

    off = np.zeros((5, 2, len(ASKED)))  # how far each run's coverage is from what was asked: five points by chance
    for seed in range(5):
        r = np.random.default_rng(seed)
        X = r.normal(size=(4000, 4))
        y = 50 + X[:, 0] * X[:, 1] + r.normal(size=4000) * np.exp(X[:, 2])
        table = MindRegressor(intervals=True).fit(X[:1500], y[:1500])
        stream = MindRegressor(intervals=True)
        for rows in np.array_split(np.arange(1500), 15):
            stream.partial_fit(X[rows], y[rows])
        for m, model in enumerate((table, stream)):
            for k, level in enumerate(ASKED):
                low, high = model.predict_interval(X[1500:], level).T
                off[seed, m, k] = ((low <= y[1500:]) & (y[1500:] <= high)).mean() - level
    assert np.abs(off.mean(0)).max() < 0.03, off.mean(0)
    plain = MindRegressor().fit(X[:1500], y[:1500])
    assert (plain.predict(X[:50]) == table.predict(X[:50])).all()  # intervals change no prediction
    with pytest.raises(MindError, match="intervals=True"):
        plain.predict_interval(X[:5])
    both = MindRegressor(intervals=True, passes=1).fit(sp.csr_matrix(X[:300]), np.stack([y, -y], 1)[:300])
    assert both.predict_interval(sp.csr_matrix(X[:7])).shape == (7, 2, 2)


@pytest.mark.extras
def test_classes_have_weights_in_scikit_learns_classifier() -> None:
    pytest.importorskip("sklearn")
    from klopf.mind.sklearn import MindClassifier

    r = np.random.default_rng(0)
    X = r.normal(size=(1500, 3))
    y = np.where(X[:, 0] + r.normal(size=1500) > 2.2, "rare", "usual")
    found = {}
    for name, weight in (("none", None), ("all", "balanced"), ("some", {"rare": 10.0}), ("gone", {"rare": 0.0})):
        model = MindClassifier(class_weight=weight).fit(X[:1000], y[:1000])
        found[name] = (model.predict(X[1000:]) == "rare")[y[1000:] == "rare"].mean()
    assert found["gone"] == 0 and found["all"] > found["none"] + 0.2 and found["some"] > found["none"] + 0.2
    each = MindClassifier(class_weight={"rare": 3.0}, passes=1).fit(X, y)
    same = MindClassifier(passes=1).fit(X, y, np.where(y == "rare", 3.0, 1.0))
    assert (each.predict_proba(X) == same.predict_proba(X)).all()
    MindClassifier(class_weight={"rare": 3.0}).partial_fit(X, y)
    stream = MindClassifier(class_weight="balanced").partial_fit(X[:1000], y[:1000])
    assert (stream.predict(X[1000:]) == "rare")[y[1000:] == "rare"].mean() > found["none"] + 0.2
