"""Scaling that follows drift and bears outliers, of inputs and of targets; what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from klopf.mind import Mind, MindError, _file

AT, END = 4000, 6000


def classes(change: Callable[[np.ndarray], None], seed: int = 0) -> np.ndarray:
    """Errors where the class is the sign of a product of two inputs, of which ``change`` alters the later ones."""
    X = np.random.default_rng(seed).normal(size=(END, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    change(X)
    return Mind(4, 2, hidden=(32,), normalise_inputs=True, seed=seed).learn(X, y)


@pytest.mark.parametrize("value", [1e2, 1e4, -1e6, 1e8])
@pytest.mark.parametrize("at", [5, AT])
def test_one_outlier_costs_nothing(value: float, at: int) -> None:
    def change(X: np.ndarray) -> None:
        X[at, 0] = value

    errors = classes(change)
    assert errors[AT + 300 :].mean() < 0.08


@pytest.mark.parametrize("change", [lambda x: x + 50, lambda x: x + 5, lambda x: x - 5, lambda x: x * 1000,
                                    lambda x: x / 1000, lambda x: x / 10])  # fmt: skip
@pytest.mark.parametrize("columns", [slice(None), slice(0, 1)])
def test_an_offset_or_a_unit_is_followed_within_hundreds_of_samples(change: Callable, columns: slice) -> None:
    def changed(X: np.ndarray) -> None:
        X[AT:, columns] = change(X[AT:, columns])

    errors = classes(changed)
    assert errors[AT - 1000 : AT].mean() < 0.08
    assert errors[AT + 300 : AT + 1300].mean() < 0.08


@pytest.mark.parametrize(("unit", "level"), [(1, 1e7), (1, -1e9), (60, 1.7e9), (1, 1e11), (1e-6, 1e3), (1e-20, 0)])
@pytest.mark.parametrize("late", [0, AT])
def test_inputs_may_be_far_from_0(unit: float, level: float, late: int) -> None:
    def changed(X: np.ndarray) -> None:
        X[late:] = unit * X[late:] + level

    assert classes(changed)[AT + 300 :].mean() < 0.08


def test_so_may_those_of_who_keeps_company_and_of_a_table() -> None:
    X = np.random.default_rng(0).normal(size=(2000, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    m = Mind(4, 2, normalise_inputs=True, memory=500, trees=5, shortcut=True)
    assert m.learn(X + 1e9, y)[1500:].mean() < 0.12
    sklearn = pytest.importorskip("klopf.mind.sklearn")
    model = sklearn.MindClassifier().fit(X + 1e9, y)
    assert model.score(X + 1e9, y) > 0.9 and model.feature_importances_[:2].sum() > 0.8
    assert np.abs(model.transform(X[:100] + 1e9)).std() > 0.1


@pytest.mark.parametrize(("shift", "most"), [(2.0, 0.12), (-2.0, 0.12), (1.0, 0.25)])
def test_a_small_shift_is_noticed_within_a_hundred_samples(shift: float, most: float) -> None:
    def changed(X: np.ndarray) -> None:
        X[AT:] += shift

    errors = np.mean([classes(changed, seed) for seed in range(3)], 0)
    assert errors[AT + 100 : AT + 300].mean() < most
    X = np.random.default_rng(0).normal(size=(1200, 20))
    X[1000:] += shift
    m = Mind(20, 2, normalise_inputs=True)
    m.learn(X[:1000], np.zeros(1000, int))
    before = m.sensor_statistics()[0]
    assert np.abs(before).max() < 0.15  # nothing is noticed where nothing happens
    m.learn(X[1000:], np.zeros(200, int))
    assert np.abs(m.sensor_statistics()[0] - shift).mean() < 0.25


def numbers(change: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Absolute errors, and what the target's unit was."""
    X = np.random.default_rng(seed).normal(size=(END, 4))
    y = X[:, 0] + X[:, 1] * X[:, 2]
    unit = change(y)
    m = Mind(4, 1, hidden=(32,), output="linear", normalise_inputs=True, scale_targets=True, seed=seed)
    return np.sqrt(m.learn(X, y)) / unit, m.predict(X[-100:])


@pytest.mark.parametrize("value", [1e2, -1e6, 1e8])
def test_one_target_far_out_costs_nothing(value: float) -> None:
    def change(y: np.ndarray) -> np.ndarray:
        y[AT] = value
        return np.ones(len(y))

    errors, said = numbers(change)
    assert errors[AT + 1 :].mean() < 0.15 and said.dtype == np.float64


@pytest.mark.parametrize(("factor", "level"), [(1, 100), (1, 1e6), (1, 5), (1000, 0), (1e-3, 0), (10, 0)])
def test_a_targets_level_and_unit_are_followed(factor: float, level: float) -> None:
    def change(y: np.ndarray) -> np.ndarray:
        y[:AT] *= factor
        y[AT:] += level
        return np.where(np.arange(len(y)) < AT, factor, 1.0)

    errors, _ = numbers(change)
    assert errors[AT - 1000 : AT].mean() < 0.15
    assert errors[AT + 300 :].mean() < 0.25


def test_heavy_tails_are_data_and_rare_events_stay_visible() -> None:
    r = np.random.default_rng(0)
    X = np.c_[np.exp(2 * r.normal(size=8000)), r.random(8000) < 0.01]
    m = Mind(2, 2, normalise_inputs=True, hidden=(8,))
    m.learn(X, X[:, 1].astype(int))
    mean, variance = m.sensor_statistics()
    assert 0.3 * X[:, 0].std() < variance[0] ** 0.5 < 1.5 * X[:, 0].std()
    assert m.predict([[1.0, 1.0], [1.0, 0.0]]).tolist() == [1, 0] and 0 < mean[1] < 0.05


def test_what_is_missing_is_the_mean_and_changes_no_statistics() -> None:
    r = np.random.default_rng(0)
    X = r.normal(1000.0, 1.0, (4000, 4))
    y = (X[:, 0] + X[:, 1] > 2000).astype(int)
    gaps = np.where(r.random(X.shape) < 0.1, np.nan, X)
    m = Mind(4, 2, hidden=(16,), normalise_inputs=True, seed=1)
    errors = m.learn(gaps, y)
    whole = ~np.isnan(gaps[:, :2]).any(1)
    assert errors[2000:][whole[2000:]].mean() < 0.1
    mean, variance = m.sensor_statistics()
    assert mean == pytest.approx(np.nanmean(gaps, 0), rel=1e-3) and variance == pytest.approx(np.nanvar(gaps, 0), 0.05)
    before = m.sensor_statistics()
    m.learn(np.full((3, 4), np.nan), [0, 1, 0])
    assert all((a == b).all() for a, b in zip(before, m.sensor_statistics(), strict=True)) and m.finite
    for bad in (np.inf, -np.inf, 1e13):
        with pytest.raises(MindError, match="infinity"):
            m.predict([[bad, 0, 0, 0]])


def test_it_goes_on_to_the_bit_and_files_of_before_load(tmp_path: Path) -> None:
    r = np.random.default_rng(0)
    X, y = r.normal(size=(400, 3)), r.normal(size=400)
    make = {"hidden": (5,), "output": "linear", "normalise_inputs": True, "scale_targets": True}
    whole, part = Mind(3, 1, **make), Mind(3, 1, **make)  # type: ignore[arg-type]
    whole.learn(X, y)
    part.learn(X[:77], y[:77])
    part.save(tmp_path / "mind")
    again = Mind.load(tmp_path / "mind")
    again.learn(X[77:], y[77:])
    assert again.commitment() == whole.commitment()
    old = Mind(3, 2, normalise_inputs=True)
    old.learn(X, (y > 0).astype(int))
    arrays = {**old._tables.arrays(), "sensors": old._net.S[:2].copy()}
    header = old._header()
    del header["settings"]["scale_targets"]
    _file.write(tmp_path / "old", _file.pack(header, arrays))
    loaded = Mind.load(tmp_path / "old")
    assert (loaded.predict_proba(X) == old.predict_proba(X)).all()
    assert (loaded.learn(X, (y > 0).astype(int)) == old.learn(X, (y > 0).astype(int))).mean() > 0.98


def test_a_file_of_when_inputs_were_kept_in_32_bits_goes_on(tmp_path: Path) -> None:
    X, y = np.random.default_rng(0).normal(5, 2, (400, 3)), np.arange(400) % 2
    m = Mind(3, 2, normalise_inputs=True)
    m.learn(X, y)
    arrays = {**m._tables.arrays(), "sensors": m._net.S.astype(np.float32)}
    _file.write(tmp_path / "mind", _file.pack(m._header(), arrays))
    back = Mind.load(tmp_path / "mind")
    back.learn(X[:50], y[:50])
    m.learn(X[:50], y[:50])
    assert back.predict_proba(X) == pytest.approx(m.predict_proba(X), abs=1e-3)


def test_a_row_taken_at_once_is_as_its_numbers_one_after_another() -> None:
    from klopf.mind._tables import _usual
    from klopf.mind.kernels.scaling import followed, row_heard, standardised
    from klopf.mind.kernels.state import S_COUNT

    r = np.random.default_rng(0)
    X = r.normal(size=(1500, 6)) * [1, 1e-3, 50, 1, 1, 1e-20] + [0, 1e4, -1e7, 0, 0, 0]
    X[700:, 3] += 40.0  # its mean starts again, and its count is another than its neighbours' for good
    X[300, 4] = 1e6
    X[1200, 0] = np.nan
    rows, single = _usual(6, True, np.float64), _usual(6, True, np.float64)
    room, z = np.zeros((3, 6)), np.zeros(6, np.float32)
    for x in X:
        row_heard(rows, room, x, 1e3, z)
        for i in range(6):
            followed(single, i, x[i], 1e3)
        np.testing.assert_allclose(z, [standardised(single, i, x[i]) for i in range(6)], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(rows, single, rtol=1e-6, atol=1e-9)
    assert len(set(rows[S_COUNT])) > 1
