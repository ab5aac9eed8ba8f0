"""Targets of any level and unit are learned at the defaults; levels and units that change, outages and outliers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("river")
pytest.importorskip("sklearn")

from klopf.mind import Diverged, Mind, _file
from klopf.mind import sklearn as sk
from klopf.mind.river import MindMultiTargetRegressor, MindRegressor

N = 3000


def data(n: int = N, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(seed).normal(size=(n, 4))
    return X, X[:, 0] + X[:, 1] * X[:, 2]


@pytest.mark.parametrize(("unit", "level"), [(1, 1000), (1, -1e6), (1e-3, 5), (1e6, 1e6), (1, 0), (1, 1e10),
                                             (1e-6, 1e6), (1e-15, 0)])  # fmt: skip
@pytest.mark.parametrize("company", [{}, {"memory": 200, "trees": 5}])
def test_a_mind_learns_any_level_and_unit_by_default(unit: float, level: float, company: Any) -> None:
    X, y = data()
    m = Mind(4, 1, output="linear", **company)
    errors = np.sqrt(m.learn(X, unit * y + level)) / unit
    assert errors[-1000:].mean() < 0.2
    said = m.predict(X[:500])[:, 0]
    assert said.dtype == np.float64 and np.abs(said - unit * y[:500] - level).mean() < 0.2 * unit


def test_targets_too_small_for_their_squared_errors_are_predicted_all_the_same() -> None:
    X, y = data()
    m = Mind(4, 1, output="linear", normalise_inputs=True)
    m.learn(1e-30 * X, 1e-30 * y)
    assert np.abs(m.predict(1e-30 * X[:500])[:, 0] - 1e-30 * y[:500]).mean() < 0.2e-30


def test_a_rival_at_a_far_level_says_what_would_mend_it_and_that_mends_it() -> None:
    X, y = data()
    with pytest.raises(Diverged, match="scale_targets=True"):
        Mind(4, 1, output="linear", learner="backprop").learn(X, y + 1e6)
    m = Mind(4, 1, output="linear", learner="backprop", scale_targets=True)
    assert np.sqrt(m.learn(X, y + 1e6)[-1000:]).mean() < 0.6


def lives(how: str, y: np.ndarray, X: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    """Predictions, each made before its sample was learned."""
    if how == "river":
        model = MindRegressor(options=options)
        said = []
        for row, target in zip(X.tolist(), y.tolist(), strict=True):
            x = dict(enumerate(row))
            said.append(model.predict_one(x))
            model.learn_one(x, target)
        return np.array(said)
    if how == "several":
        many = MindMultiTargetRegressor()
        said = []
        for row, target in zip(X.tolist(), y.tolist(), strict=True):
            x = dict(enumerate(row))
            said.append(many.predict_one(x).get("y", 0.0))
            many.learn_one(x, {"y": target, "other": row[0]})
        return np.array(said)
    table = sk.MindRegressor(options=options)
    said = []
    for start in range(0, len(y), 25):
        part = slice(start, start + 25)
        said.append(table.predict(X[part]) if start else np.zeros(25))
        table.partial_fit(X[part], y[part])
    return np.concatenate(said)


ALONE = {"memory": 0, "trees": 0, "shortcut": False}
WAYS = [("river", {}), ("river", ALONE), ("several", {}), ("sklearn", {}), ("sklearn", {"memory": 200, "trees": 5})]


@pytest.mark.parametrize(("how", "options"), WAYS)
@pytest.mark.parametrize(("unit", "level"), [(1, 100), (1, -7), (1e-3, 0), (30, 0)])
def test_levels_and_units_that_change_are_followed_within_hundreds(
    how: str, options: Any, unit: float, level: float
) -> None:
    X, y = data()
    at = 1500
    y[at:] = unit * y[at:] + level
    off = np.abs(lives(how, y, X, options) - y)
    assert off[at - 300 : at].mean() < 0.3
    assert off[at + 300 :].mean() < 0.4 * unit


@pytest.mark.parametrize(("how", "options"), WAYS)
@pytest.mark.parametrize("value", [1e4, -1e8])
def test_one_target_far_out_costs_nothing(how: str, options: Any, value: float) -> None:
    X, y = data()
    y[1500] = value
    off = np.abs(lives(how, y, X, options) - y)
    assert off[1501:].mean() < 0.3


@pytest.mark.parametrize("long", [5, 15, 60])
def test_after_an_outage_what_was_known_is_known(long: int) -> None:
    X, y = data()
    y[1500 : 1500 + long] = -50.0
    for options in ({}, ALONE):
        off = np.abs(lives("river", y, X, options) - y)
        assert off[1500 + long + 20 :].mean() < 0.3
    assert off[1500 + long + 20 :][:200].mean() < 1.0


def test_targets_that_a_sample_does_not_have_teach_nothing_and_have_their_own_scale() -> None:
    r = np.random.default_rng(0)
    model = MindMultiTargetRegressor()
    off: dict[str, list[float]] = {"far": [], "small": []}
    for t in range(2500):
        a = r.normal()
        y = {"far": 1e5 + a, "small": 1e-3 * a}
        if t >= 1500:
            said = model.predict_one({"a": a})
            for name, value in y.items():
                off[name].append(abs(said[name] - value))
        model.learn_one({"a": a}, {"far": y["far"]} if t % 3 else y)
    assert np.mean(off["far"]) < 0.2 and np.mean(off["small"]) < 2e-4
    mean, _ = model._named.mind._net.T[:2, model._targets.at["small"]]
    assert abs(mean) < 2e-4


@pytest.mark.long
def test_files_and_pickles_of_before_live_on_as_they_were(tmp_path: Path) -> None:
    X, y = data(600)
    old = Mind(4, 1, output="linear", scale_targets=False)
    old.learn(X[:300], y[:300])
    header = old._header()
    del header["settings"]["scale_targets"]
    _file.write(tmp_path / "old", _file.pack(header, old._tables.arrays()))
    loaded = Mind.load(tmp_path / "old")
    assert loaded.commitment() == old.commitment()
    assert (loaded.learn(X[300:], y[300:]) == old.learn(X[300:], y[300:])).all()
    scaled = Mind(4, 1, output="linear", normalise_inputs=True)
    scaled.learn(X[:300], y[:300])
    arrays = {name: array[:43] if name in ("sensors", "targets") else array
              for name, array in scaled._tables.arrays().items()}  # fmt: skip
    _file.write(tmp_path / "scaled", _file.pack(scaled._header(), arrays))
    assert (Mind.load(tmp_path / "scaled").learn(X[300:], y[300:]) == scaled.learn(X[300:], y[300:])).all()


@pytest.mark.long
def test_a_regressor_of_before_scales_inside_from_now_on() -> None:
    from klopf.mind._targets import Scale

    X, y = data(1200)
    model = MindRegressor(options={"scale_targets": False})
    scale = Scale()
    for row, target in zip(X[:1000].tolist(), y[:1000].tolist(), strict=True):
        model.learn_one(dict(enumerate(row)), scale.learn(100 * target + 1000))
    state = model.__getstate__()
    state["_scale"] = scale
    again = MindRegressor.__new__(MindRegressor)
    again.__setstate__(state)
    rows = [dict(enumerate(row)) for row in X[1000:].tolist()]
    for x, target in zip(rows, (100 * y[1000:] + 1000).tolist(), strict=True):
        assert again.predict_one(x) == pytest.approx(scale.back(model.predict_one(x)), abs=1e-3)
        assert abs(again.predict_one(x) - target) < 300
    again.learn_one(rows[0], 1000.0)
    assert pickle.loads(pickle.dumps(again)).predict_one(rows[1]) == again.predict_one(rows[1])
