"""What is missing in a sample, and what is new in it, in River's and scikit-learn's classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("river")
pytest.importorskip("sklearn")

from klopf.mind import Mind, MindError
from klopf.mind import sklearn as sk
from klopf.mind._frames import columns
from klopf.mind.river import (
    MindAnomalyDetector,
    MindClassifier,
    MindMultiLabelClassifier,
    MindMultiTargetRegressor,
    MindRegressor,
)

ALONE = {"memory": 0, "trees": 0, "shortcut": False}


def absent(x: dict[str, Any]) -> None:
    del x["a"]


def said_to_be(value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda x: x.update(a=value)


def wrong(model: Any, gap: Callable[[dict[str, Any]], None], mean: float, gone: np.ndarray) -> np.ndarray:
    """Whether each answer is wrong where the class is that of the sum of two of four features, and ``a`` has gaps."""
    X = np.random.default_rng(0).normal(mean, max(abs(mean) / 1000, 1.0), (len(gone), 4))
    y = X[:, 0] + X[:, 1] > 2 * mean
    found = []
    for row, label, lacks in zip(X.tolist(), y.tolist(), gone, strict=True):
        x = dict(zip("abcd", row, strict=True))
        if lacks:
            gap(x)
        found.append(model.predict_one(x) != label)
        model.learn_one(x, label)
    return np.array(found)


@pytest.mark.parametrize("gap", [absent, said_to_be(None), said_to_be(math.nan), said_to_be(np.float32("nan"))])
@pytest.mark.parametrize("options", [{}, ALONE])
def test_a_feature_absent_in_a_tenth_costs_what_cannot_be_known(gap: Any, options: Any) -> None:
    gone = np.random.default_rng(1).random(3000) < 0.1
    found = wrong(MindClassifier(options=options), gap, 1000.0, gone)[1000:]
    assert found[~gone[1000:]].mean() < 0.05 and found.mean() < 0.07  # a quarter of those with gaps nobody can know


@pytest.mark.parametrize("mean", [3.0, 10.0, -1e6])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_so_at_any_level_and_in_half_of_all_samples(mean: float, share: float) -> None:
    gone = np.random.default_rng(2).random(3000) < share
    found = wrong(MindClassifier(), absent, mean, gone)[1000:]
    assert found[~gone[1000:]].mean() < 0.06 and found[gone[1000:]].mean() < 0.33


@pytest.mark.parametrize("gone", [np.arange(4000) < 2000, np.arange(4000) == 0, np.arange(4000) >= 2000])
@pytest.mark.parametrize("gap", [absent, said_to_be(None)])
def test_features_may_arrive_late_or_vanish_for_ever(gap: Any, gone: np.ndarray) -> None:
    found = wrong(MindClassifier(), gap, 1000.0, gone)
    assert found[1800:2000].mean() < (0.33 if gone[1999] else 0.05)
    assert found[2100:2300].mean() < (0.35 if gone[2100] else 0.15)
    assert found[3000:].mean() < (0.3 if gone[3000] else 0.05)


@pytest.mark.parametrize("whole", [{}, dict.fromkeys("abcd"), dict.fromkeys("abcd", math.nan)])
def test_whole_samples_may_be_missing(whole: dict[str, Any]) -> None:
    def gap(x: dict[str, Any]) -> None:
        x.clear()
        x.update(whole)

    gone = np.random.default_rng(3).random(3000) < 0.1
    gone[0] = True
    found = wrong(MindClassifier(), gap, 1000.0, gone)[1000:]
    assert found[~gone[1000:]].mean() < 0.05 and found[gone[1000:]].mean() < 0.62


def test_what_is_left_out_where_it_is_0_is_no_gap() -> None:
    """A bag of words with counts, and one-hot features that name only the one that holds; some colours are missing."""
    r = np.random.default_rng(0)
    names = [f"word {k}" for k in range(30)]
    right = 0
    model = MindClassifier()
    for t in range(1500):
        bag = {names[k]: int(r.integers(1, 4)) for k in r.choice(30, 4, replace=False)}
        colour = int(r.integers(3))
        x: dict[str, Any] = {**bag, "level": r.normal(1000.0), f"colour {colour}": 1}
        y = ("word 0" in bag or "word 1" in bag or "word 2" in bag) if colour else x["level"] > 1000
        if t % 10 == 3:
            x["level"] = None
        right += t >= 750 and model.predict_one(x) == y
        model.learn_one(x, y)
    assert right / 750 > 0.9


def test_a_regressor_bears_gaps_and_its_intervals_know() -> None:
    r = np.random.default_rng(0)
    for options in ({}, ALONE):
        model = MindRegressor(options=options)
        errors, held, gaps = [], 0, []
        for t in range(3000):
            a, b = r.normal(1000.0, 1.0), r.normal(-50.0, 5.0)
            gaps.append(r.random() < 0.1)
            x = {"b": b} if gaps[-1] else {"a": a, "b": b}
            y = 3 * (a - 1000) + (b + 50)
            held += t >= 1000 and y in model.predict_interval(x, level=0.9)
            errors.append(abs(model.predict_one(x) - y))
            model.learn_one(x, y)
        late, lacks = np.array(errors[1000:]), np.array(gaps[1000:])
        assert late[~lacks].mean() < 0.7 and late[lacks].mean() < 3.5 and abs(held / 2000 - 0.9) < 0.04


def test_labels_and_targets_bear_gaps() -> None:
    r = np.random.default_rng(0)
    labels, targets = MindMultiLabelClassifier(), MindMultiTargetRegressor()
    wrong, off = [], []
    for _ in range(2500):
        a, b = r.normal(1000.0, 1.0, 2)
        x: dict[str, Any] = {"a": a, "b": b}
        gap = r.random()
        if gap < 0.1:
            x = {"b": b} if gap < 0.05 else {"a": None, "b": b}
        y = {"big": a > 1000, "small": b < 1000}
        wrong.append((labels.predict_one(x).get("big") != y["big"], gap < 0.1))
        labels.learn_one(x, y)
        off.append((abs(targets.predict_one(x).get("sum", 0.0) - (a + b - 2000)), gap < 0.1))
        targets.learn_one(x, {"sum": a + b - 2000, "b": 100 * b})
    for found, most in ((wrong, 0.06), (off, 0.2)):
        late = np.array(found[1000:], float)
        assert late[late[:, 1] == 0, 0].mean() < most


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_with_gaps_are_learned_as_samples_are(library: str) -> None:
    frames = pytest.importorskip(library)
    r = np.random.default_rng(0)
    table: dict[str, list[Any]] = {
        "a": [None if r.random() < 0.2 else float(v) for v in r.normal(1000.0, 1.0, 80)],
        "b": [None if r.random() < 0.2 else int(v) for v in r.integers(0, 5, 80)],
        "word": [1] * 80,
    }
    y = [bool(k % 3) for k in range(80)]
    for kind in (MindClassifier, MindRegressor):
        one, many = kind(hidden=6), kind(hidden=6)
        for start, end, names in ((0, 30, ["a", "b", "word"]), (30, 60, ["a", "b"]), (60, 80, ["word", "b"])):
            X = frames.DataFrame({name: table[name][start:end] for name in names})
            if library == "pandas":
                X = X.convert_dtypes()  # with pandas' own NA
            many.learn_many(X, frames.Series(y[start:end]))
            for k in range(start, end):
                one.learn_one({name: table[name][k] for name in names}, y[k])
            assert one._named.mind.commitment() == many._named.mind.commitment()
        alone = [one.predict_one({"a": table["a"][k], "b": table["b"][k]}) for k in range(80)]
        found = many.predict_many(frames.DataFrame({"a": table["a"], "b": table["b"]})).to_list()
        assert found == (alone if kind is MindClassifier else pytest.approx(alone, rel=1e-4, abs=1e-4))
    assert np.isnan(columns(frames.DataFrame(table))[1]).any()


def test_what_pandas_has_for_nothing_is_a_gap() -> None:
    pd = pytest.importorskip("pandas")
    one, other = MindClassifier(hidden=4), MindClassifier(hidden=4)
    for k in range(20):
        one.learn_one({"a": pd.NA if k % 3 else float(k), "b": pd.NaT}, k % 2)
        other.learn_one({"a": None if k % 3 else float(k), "b": math.nan}, k % 2)
    assert one._named.mind.commitment() == other._named.mind.commitment()
    m = Mind(2, 2, normalise_inputs=True)
    m.learn(pd.DataFrame({"a": [1, pd.NA, 3], "b": [None, 2.0, 1.0]}).convert_dtypes(), [0, 1, 0])
    assert m.finite and np.isfinite(m.predict_proba([[None, pd.NA]])).all()


def test_where_inputs_are_not_normalised_gaps_are_refused_and_absence_is_0() -> None:
    plain = {"normalise_inputs": False}
    model = MindClassifier(hidden=4, options=plain)
    model.learn_one({"a": 1.0, "b": 2.0}, True)
    model.learn_one({"b": 1.0}, False)
    assert model.predict_proba_one({"b": 1.0}) == model.predict_proba_one({"a": 0.0, "b": 1.0})
    for value in (None, math.nan):
        with pytest.raises(MindError, match="feature 'a'"):
            model.learn_one({"a": value}, True)
    with pytest.raises(ValueError, match="NaN"):
        sk.MindClassifier(options=plain).fit([[math.nan], [1.0]], [0, 1])


@pytest.mark.parametrize("company", [{}, {"memory": 200, "trees": 5}])
def test_scikit_learns_tables_may_have_gaps(company: dict[str, Any]) -> None:
    r = np.random.default_rng(0)
    X = r.normal(1000.0, 1.0, (1500, 4))
    y, number = X[:, 0] + X[:, 1] > 2000, X[:, 0] - X[:, 1]
    gaps = np.where(r.random(X.shape) < 0.1, np.nan, X)
    gaps[7] = np.nan
    gaps[0, 0] = np.nan
    whole = ~np.isnan(gaps[1000:]).any(1)
    classes = sk.MindClassifier(options=company).fit(gaps[:1000], y[:1000])
    assert classes.score(gaps[1000:], y[1000:]) > 0.85
    assert classes.score(gaps[1000:][whole], y[1000:][whole]) > 0.93
    assert np.isfinite(classes.transform(gaps)).all() and np.isfinite(classes.predict_proba(gaps)).all()
    numbers = sk.MindRegressor(intervals=True, passes=2, options=company).fit(gaps[:1000], number[:1000])
    assert numbers.score(gaps[1000:][whole], number[1000:][whole]) > 0.9
    assert np.isfinite(numbers.predict_interval(gaps)).all()
    stream = sk.MindRegressor(options=company)
    for start in range(0, 1000, 100):
        stream.partial_fit(gaps[start : start + 100], number[start : start + 100])
    assert stream.score(gaps[1000:][whole], number[1000:][whole]) > 0.9
    with pytest.raises(ValueError, match="infinity"):
        classes.predict(np.full((1, 4), np.inf))


def test_sparse_tables_mean_0_by_what_they_leave_out() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    r = np.random.default_rng(0)
    X = (r.random((600, 8)) < 0.2) * r.integers(1, 4, (600, 8)).astype(float)
    y = X[:, 0] > 0
    X[::50, 1] = np.nan
    dense, thin = (sk.MindClassifier().fit(kind, y) for kind in (X, sparse.csr_array(X)))
    assert dense.score(X, y) > 0.95
    assert (dense.predict_proba(X) == thin.predict_proba(sparse.csr_array(X))).all()


def test_an_anomaly_detector_bears_gaps() -> None:
    detector, r = MindAnomalyDetector(), np.random.default_rng(0)
    for t in range(600):
        a = r.normal()
        detector.learn_one({"a": None if t % 9 == 0 else a, "b": a + r.normal() / 10})
    assert detector.score_one({"a": 1, "b": -1}) > 5 > 2 > detector.score_one({"a": None, "b": 1})
