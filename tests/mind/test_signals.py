"""Detectors for River: alarms soon after a change and not without one; what is odd scores high."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("river", reason="River is an extra: pip install klopf[river]")

from river import base, checks, datasets, drift

from klopf.mind import MindError
from klopf.mind.river import MindAnomalyDetector, MindClassifier, MindDriftDetector, MindRegressor

pytestmark = pytest.mark.extras


def alarms(numbers: list[float], detector: MindDriftDetector | None = None) -> list[int]:
    detector, found = detector or MindDriftDetector(), []
    for t, number in enumerate(numbers):
        detector.update(number)
        if detector.drift_detected:
            found.append(t)
    return found


@pytest.mark.parametrize(
    ("before", "after", "soon"),
    [((0, 1), (1, 1), 150), ((1e6, 1), (1e6 - 3, 1), 60), ((0, 1e-6), (1e-6, 1e-6), 150), ((0, 1), (2, 5), 120)],
)
def test_a_change_is_noticed_once_and_no_change_never(
    before: tuple[float, float], after: tuple[float, float], soon: int
) -> None:
    for seed in range(3):
        r = np.random.default_rng(seed)
        found = alarms([*r.normal(*before, size=3000), *r.normal(*after, size=3000)])
        assert found and 3000 <= found[0] < 3000 + soon and len(found) <= 2, found
    assert sum(len(alarms(list(np.random.default_rng(s).normal(*before, size=5000)))) for s in range(4)) <= 1


def test_rates_of_mistakes_and_surprise_are_followed() -> None:
    r = np.random.default_rng(0)
    assert 3000 <= alarms([*(r.random(3000) < 0.05), *(r.random(1000) < 0.3)])[0] < 3100
    for model, label in ((MindClassifier(), lambda v: v > 0), (MindRegressor(), lambda v: 3 * v)):
        found, detector = [], MindDriftDetector()
        for t in range(3000):
            x = {"a": r.normal(), "b": r.normal()}
            y = label(x["a"] if t < 2000 else x["b"])
            model.learn_one(x, y if isinstance(model, MindClassifier) else y + r.normal())
            detector.update(model.surprise)
            found += [t] * detector.drift_detected
        assert found and 2000 <= found[0] < 2150, found


@pytest.mark.parametrize("at", [0, 10, 40, 500])
@pytest.mark.parametrize("size", [1e4, 1e8, -1e12])
def test_one_number_far_out_blinds_no_detector(at: int, size: float) -> None:
    """No change was noticed any more, and a feature told nothing, from one such number on."""
    r, odd = np.random.default_rng(0), MindAnomalyDetector()
    X = r.normal(size=(2000, 2))
    X[at, 0] = size
    numbers = X[:, 0] + 2 * (np.arange(2000) >= 1000)
    found = alarms(numbers.tolist())
    assert len(found) == 1 and 1000 <= found[0] < 1060
    for a, b in X.tolist():
        odd.learn_one({"a": a, "b": b})
    assert odd.score_one({"a": 6.0, "b": 0.0}) > 5 > 1 > odd.score_one({"a": 0.0, "b": 0.0})


def test_what_was_always_the_same_may_begin_to_change_and_what_is_rare_is_data() -> None:
    r = np.random.default_rng(0)
    assert 500 <= alarms([*[3.0] * 500, *r.normal(5, 1, size=500)])[0] < 560
    rare = (r.random(20_000) < 0.002).astype(float)
    assert len(alarms(rare.tolist())) <= 2
    assert 5000 <= alarms([*rare[:5000], *(r.random(2000) < 0.1)])[-1] < 5400


def test_rivers_checks_of_estimators_pass_for_detectors_of_drift() -> None:
    done = 0
    for check in checks.yield_checks(MindDriftDetector()):
        check(MindDriftDetector())
        done += 1
    assert done > 10


def test_it_is_one_of_rivers() -> None:
    detector = MindDriftDetector()
    assert isinstance(detector, base.DriftDetector) and not detector.drift_detected and not detector.warning_detected
    detector = MindDriftDetector(threshold=4.0).clone()
    assert detector.threshold == 4.0
    model = drift.DriftRetrainingClassifier(model=MindClassifier(hidden=4), drift_detector=MindDriftDetector())
    for t in range(200):
        model.learn_one({"a": float(t % 2)}, t % 2)
    assert model.predict_one({"a": 1.0}) == 1
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(MindError, match="leave it out"):
            detector.update(wrong)
    for options in ({"threshold": 0}, {"threshold": float("nan")}, {"grace": 1}):
        with pytest.raises(MindError, match="threshold"):
            MindDriftDetector(**options)


def test_rivers_checks_of_anomaly_detectors() -> None:
    done = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "CreditCard", datasets.Shuttle)  # the one is to be downloaded, the other is shipped
        for check in checks.yield_checks(MindAnomalyDetector()):
            check(MindAnomalyDetector(units=8))
            done += 1
    assert done > 5


def test_what_is_odd_scores_high_and_a_copy_goes_on_alike() -> None:
    r, detector = np.random.default_rng(0), MindAnomalyDetector()
    assert detector.score_one({"a": 1.0}) == 0
    usual, odd = [], []
    for t in range(1500):
        a = r.normal()
        x = {"a": a, "b": 1e3 + a + 0.1 * r.normal(), f"once {t}": 1.0} if t % 100 == 0 else {"a": a, "b": 1e3 + a}
        if t > 500:
            usual.append(detector.score_one({"a": a, "b": 1e3 + a}))
            odd.append(detector.score_one({"a": 1.0, "b": 1e3 - 1.0}))
        detector.learn_one(x)
    assert min(odd) > 3 * np.quantile(usual, 0.95) and 0.1 < np.mean(usual) < 2
    copy = pickle.loads(pickle.dumps(detector))
    for each in (detector, copy):
        each.learn_one({"a": 0.5, "b": 1e3, "new": 2.0})
    assert copy.score_one({"a": 3.0}) == detector.score_one({"a": 3.0})
    with pytest.raises(MindError, match="encode it"):
        detector.learn_one({"a": "text"})
    for options in ({"units": -1}, {"horizon": 0}, {"units": 1.5}):
        with pytest.raises(MindError, match="units"):
            MindAnomalyDetector(**options)


def test_frames_leave_the_same_surprise_as_samples() -> None:
    pandas = pytest.importorskip("pandas")
    r = np.random.default_rng(0)
    X = pandas.DataFrame(r.normal(size=(60, 2)), columns=["a", "b"])
    for kind, y in ((MindClassifier, X["a"] > 0), (MindRegressor, X["a"])):
        many, one = kind(hidden=4), kind(hidden=4)
        many.learn_many(X, y)
        for x, target in zip(X.to_dict("records"), y, strict=True):
            one.learn_one(x, target)
        assert many.surprise == one.surprise > 0


@pytest.mark.parametrize("wrong", [None, "a", "1_000", [1.0], 10**400, float("nan")])
def test_what_is_no_number_is_refused_in_one_line(wrong: Any) -> None:
    with pytest.raises(MindError, match="leave it out"):
        MindDriftDetector().update(wrong)


def test_a_classifier_whose_classes_swap_is_noticed_though_it_learns_them_within_a_few_samples() -> None:
    r, surprise = np.random.default_rng(1012), []
    model = MindClassifier(seed=int(r.integers(100)))
    for t in range(2200):
        x = {"a": r.normal(), "b": r.normal()}
        model.learn_one(x, (x["a"] + 0.5 * r.normal() > 0) != (t >= 2000))
        surprise.append(model.surprise)
    assert 2000 < alarms(surprise)[0] < 2100
    assert not alarms(surprise, MindDriftDetector(threshold=4.5))
