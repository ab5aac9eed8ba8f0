"""What scikit-learn's users give, which of its tools take the estimators, and what other threads see meanwhile."""

from __future__ import annotations

import copy
import datetime
import pickle
import threading
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("sklearn", reason="scikit-learn is an extra: pip install klopf[sklearn]")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingRegressor, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV, cross_val_predict, learning_curve
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from klopf.errors import MindError
from klopf.mind.sklearn import MindClassifier, MindRegressor

pytestmark = pytest.mark.extras

QUICK: dict[str, Any] = {"hidden": (6,), "passes": 2}


def rows(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


def both() -> list[Any]:
    return [MindClassifier(**QUICK), MindRegressor(**QUICK)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_are_no_numbers_are_refused_by_name(library: str) -> None:
    frames = pytest.importorskip(library)
    X, y = rows(6)
    days = [datetime.datetime(2024, 1, 1) + datetime.timedelta(k) for k in range(6)]
    columns: list[Any] = [days, [d - days[0] for d in days], [d.date() for d in days], list("rgbrgb"), [[1]] * 6]
    if library == "pandas":
        columns += [frames.Categorical(list("rgbrgb")), frames.to_datetime(days).to_period("D"), [1j] * 6]
        columns += [frames.Series(list("rgbrgb"), dtype="string"), [1.0, 2.0, np.inf, 4.0, 5.0, 6.0]]
    else:
        columns += [[d.time() for d in days], frames.Series(list("rgbrgb"), dtype=frames.Categorical)]
    for column in [*columns, [1.0, 2.0, 1e13, 4.0, 5.0, 6.0]]:
        table = frames.DataFrame({"a": X[:, 0], "when": column})
        for model in both():
            with pytest.raises(MindError, match="'when'") as caught:
                model.fit(table, y)
            assert "\n" not in str(caught.value)


def test_arrays_say_where_they_hold_no_numbers() -> None:
    X, y = rows(4)
    days = np.array(["2024-01-01"] * 4, "datetime64[D]")[:, None]
    for wrong, said in (
        (days, "datetime64"), (days - days[0], "timedelta64"), (X + 1j, "Complex data not supported"),
        (np.array([[1.0, "r"]] * 4, object), "column 1 of X is 'r'"), (X.astype("U") + "x", "column 0 of X is"),
        (np.array([[1.0, np.datetime64(3, "ns")]] * 4, object), "dates"), (X[:, 0], r"shape \(4,\)"),
        (np.where(X[2, 1] == X, 1e13, X), "column 1 of X is beyond 1e.12 in row 2"), ([[1.0, "r"]] * 4, "'r'"),
        (sp.csr_matrix(np.where(X[2, 1] == X, -1e13, X)), "column 1 of X is beyond 1e.12 in row 2"),
    ):  # fmt: skip
        for model in both():
            with pytest.raises((MindError, ValueError, TypeError), match=said) as caught:
                model.fit(wrong, y)
            assert "\n" not in str(caught.value)
    pl = pytest.importorskip("polars")
    with pytest.raises(MindError, match="collect"):
        MindClassifier().fit(pl.LazyFrame({"a": [1.0]}), [1])


def test_what_is_missing_is_missing_however_it_is_written() -> None:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    X, y = rows()
    gaps = X[:, 0] > 0.5
    X[gaps, 0] = np.nan
    expected = MindClassifier(**QUICK).fit(X, y).mind_.commitment()
    for nothing in (None, pd.NA, float("nan")):
        column = [nothing if gap else float(v) for gap, v in zip(gaps, X[:, 0], strict=True)]
        table = np.array(X, object)
        table[:, 0] = column
        given: list[Any] = [table, table.tolist()]
        for kind in (object, "Float64"):
            given.append(pd.DataFrame({"a": pd.Series(column, dtype=kind), "b": X[:, 1], "c": X[:, 2]}))
        if nothing is None:
            given.append(pl.DataFrame({"a": column, "b": X[:, 1], "c": X[:, 2]}))
            given.append(np.ma.masked_array(np.nan_to_num(X, nan=7.0), np.isnan(X)))
        for each in given:
            assert MindClassifier(**QUICK).fit(each, y).mind_.commitment() == expected


def test_classes_keep_their_kind_and_are_refused_where_they_are_none() -> None:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    X, y = rows(6)
    for given, kind in (
        (pd.Series(y, dtype="Int64"), "i"), (pd.Series(y > 0, dtype="boolean"), "b"),
        (pd.Series(pd.Categorical(np.where(y, "a", "b"))), "O"), (pl.Series(np.where(y, "a", "b")), "U"),
        (pd.DataFrame({"y": y}), "i"),
    ):  # fmt: skip
        assert MindClassifier(**QUICK).fit(X, given).predict(X).dtype.kind == kind
    for wrong, said in (
        ([None, "a", "b", "a", "b", "a"], "row 0 is None"),
        (pl.Series(["a", None, "b", "a", "b", "a"]), "row 1 is None"),
        (np.array(["a", 1, "b", 1, "a", 1], object), "texts and others, such as 'a' and 1"),
        (["a", 1, "b", 1, "a", 1], "texts and others, such as 'a' and 1"),
        (["a", float("nan"), "b", "a", "b", "a"], "row 1 is nan"),
        (np.array([["a", "b"]] * 5 + [["a", float("nan")]], object), "row 5 is nan"),
    ):  # fmt: skip
        with pytest.raises(MindError, match=said):
            MindClassifier(**QUICK).fit(X, wrong)
    for days in (np.array(["2024-01-01"] * 6, "datetime64[ns]"), pd.Series(pd.date_range("2024", periods=6)),
                 pl.Series([datetime.date(2024, 1, 1)] * 6), pd.DataFrame({"y": pd.date_range("2024", periods=6)}),
                 list("abcdef")):  # fmt: skip
        with pytest.raises(MindError, match="number"):
            MindRegressor(**QUICK).fit(X, days)
    assert MindRegressor(**QUICK).fit(X, y.astype(str)).predict(X) == pytest.approx(
        MindRegressor(**QUICK).fit(X, y).predict(X)
    )


def test_a_stream_must_go_on_as_it_began_and_what_is_refused_changes_nothing() -> None:
    X, y = rows()
    far = np.where(np.arange(60)[:, None] == 50, 1e13, X)
    cases: list[tuple[Any, Any, Any, dict[str, Any]]] = [
        (MindClassifier(**QUICK), far, y + 5, {}), (MindClassifier(**QUICK), X, ["new"] * 60, {}),
        (MindClassifier(**QUICK), X, y + 5, {"sample_weight": -np.ones(60)}),
        (MindClassifier(**QUICK), X, np.c_[y, y], {}), (MindRegressor(**QUICK), far, y, {}),
        (MindRegressor(**QUICK), X, np.where(np.arange(60) == 50, 1e200, y), {}),
        (MindRegressor(**QUICK), X, np.c_[y, y], {}),
    ]  # fmt: skip
    for model, inputs, targets, how in cases:
        with pytest.raises((MindError, ValueError)):  # of the first call nothing is left
            (MindClassifier if isinstance(model, MindClassifier) else MindRegressor)().partial_fit(far, y)
        model.partial_fit(X, y)
        before, said = model.mind_.commitment(), model.predict(X)
        for learn in (model.partial_fit, model.fit):
            if learn == model.fit and targets is not y and inputs is X and not how:
                continue  # a new beginning
            with pytest.raises((MindError, ValueError)):
                learn(inputs, targets, **how)
            assert model.mind_.commitment() == before and (model.predict(X) == said).all()
            assert not hasattr(model, "classes_") or model.classes_.tolist() == [0, 1]
    fresh = MindClassifier(**QUICK)
    with pytest.raises(ValueError, match="declared"):
        fresh.partial_fit(X, y, classes=[5, 6])
    assert fresh.partial_fit(X, y + 1).classes_.tolist() == [1, 2]


def test_classes_of_several_outputs_may_be_declared() -> None:
    X, y = rows()
    several = np.c_[y, y * 2]
    model = MindClassifier(**QUICK).partial_fit(X[:5], several[:5] * 0, classes=[[0, 1], [0, 1, 2]])
    assert [c.tolist() for c in model.classes_] == [[0, 1], [0, 1, 2]]
    model.partial_fit(X, several, classes=[[0, 1], [0, 1, 2]])
    alike = MindClassifier(**QUICK).partial_fit(X, several, classes=[0, 1, 2])
    assert [p.shape for p in alike.predict_proba(X)] == [(60, 3), (60, 3)]
    for wrong in ([[0, 1]], [[0, 1], [0, 1]], [0, 1]):
        with pytest.raises((ValueError, MindError)):
            model.partial_fit(X, several, classes=wrong)
    with pytest.raises(MindError, match="3 outputs where 2"):
        model.partial_fit(X, np.c_[several, y])
    with pytest.raises(MindError, match="output 0 has a class"):
        model.partial_fit(X, several + 1)


def test_balanced_classes_count_alike_in_tables_and_streams() -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(2000, 2))
    rare = (X[:, 0] + r.normal(size=2000) > 2.2).astype(int)
    held: dict[Any, list[float]] = {}
    for weight in (None, "balanced"):
        streamed = MindClassifier(hidden=(6,), class_weight=weight)
        for k in range(0, 2000, 10):
            streamed.partial_fit(X[k : k + 10], rare[k : k + 10])
        for model in (streamed, MindClassifier(hidden=(6,), passes=2, class_weight=weight).fit(X, rare)):
            held.setdefault(weight, []).append(float(model.predict(X)[rare == 1].mean()))
    assert max(held[None]) < 0.3 < 0.5 < min(held["balanced"])
    counts = r.integers(0, 4, 2000)
    balanced = MindClassifier(**QUICK, class_weight="balanced")
    weighed = clone(balanced).fit(X, rare, counts).mind_.commitment()
    assert weighed == clone(balanced).fit(X.repeat(counts, 0), rare.repeat(counts)).mind_.commitment()
    several = np.c_[rare, X[:, 1] > 0]
    assert clone(balanced).fit(X, several).predict(X)[rare == 1, 0].mean() > 0.5


@pytest.mark.parametrize("weight", [{0: 1, 1: 16}, {0: 16, 1: 1}, "balanced"], ids=str)
def test_weights_of_classes_move_what_is_said_as_far_as_they_move_a_logistic_regression(weight: Any) -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(4000, 3))
    y = (X[:, 0] + r.normal(size=4000) > 1.6).astype(int)
    both = [
        m.fit(X[:2500], y[:2500])
        for m in (MindClassifier(class_weight=weight), LogisticRegression(class_weight=weight))
    ]
    said = [m.predict_proba(X[2500:])[:, 1].mean() for m in both]
    assert abs(said[0] - said[1]) < 0.1
    by_sample = MindClassifier().fit(X[:2500], y[:2500], np.where(y[:2500] == 1, 16, 1))
    if weight == {0: 1, 1: 16}:
        assert by_sample.mind_.commitment() == both[0].mind_.commitment()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("model", [MindClassifier(class_weight="balanced"), MindRegressor(intervals=True)], ids=str)
def test_check_estimator_passes_with_other_parameters(model: Any) -> None:
    done = check_estimator(model, on_fail=None)
    assert not [(c["check_name"], c["exception"]) for c in done if c["status"] not in ("passed", "skipped")]


@pytest.mark.parametrize("passes", [0, -1, 1.5, True, None, "3"])
def test_passes_must_be_a_number_of_them(passes: Any) -> None:
    with pytest.raises(MindError, match=r"passes=.* must be a whole number from 1"):
        MindRegressor(passes=passes).fit(*rows())


def test_features_that_matter_are_found_and_chosen() -> None:
    r = np.random.default_rng(0)
    X = r.normal(size=(400, 10)) * 10.0 ** np.arange(-5, 5) + 7
    z = (X - X.mean(0)) / X.std(0)
    for model, y in ((MindClassifier(), z[:, 2] * z[:, 7] > 0), (MindRegressor(), z[:, 2] + np.abs(z[:, 7]))):
        share = model.fit(X, y).feature_importances_
        assert share.sum() == pytest.approx(1) and set(np.argsort(share)[-2:]) == {2, 7} and share[[2, 7]].sum() > 0.8
        assert (share == model.feature_importances_).all()
        assert SelectFromModel(model).fit(X, y).get_support().nonzero()[0].tolist() == [2, 7]
        assert RFE(model, n_features_to_select=2, step=4).fit(X, y).support_.nonzero()[0].tolist() == [2, 7]
    assert not hasattr(MindClassifier(), "feature_importances_")
    X[:, 3] = 5.0
    assert MindRegressor().fit(X, X[:, 0]).feature_importances_[3] == 0
    plain = MindRegressor(options={"normalise_inputs": False}).fit(z, z[:, 1])
    assert plain.feature_importances_.argmax() == 1
    assert not MindRegressor().fit(X, np.ones(400)).feature_importances_.any()


def test_more_of_its_tools_take_it() -> None:
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    one, other = MindClassifier(**QUICK), MindClassifier(**QUICK, random_state=1, class_weight="balanced")
    for model in (
        CalibratedClassifierCV(one, cv=3), VotingClassifier([("a", one), ("b", other)], voting="soft"),
        OneVsRestClassifier(one), OneVsOneClassifier(one), BaggingClassifier(one, n_estimators=3),
        make_pipeline(make_union(one, StandardScaler()), other),
        RandomizedSearchCV(one, {"hidden": [(4,), (6, 4), 8], "class_weight": [None, "balanced"]}, n_iter=2, cv=2),
    ):  # fmt: skip
        assert model.fit(X, names).score(X, names) > 0.9
    assert cross_val_predict(one, X, names, method="predict_proba").shape == (150, 3)
    assert learning_curve(one, X, y, cv=3, exploit_incremental_learning=True, shuffle=True)[2].shape == (5, 3)
    assert permutation_importance(one.fit(X, y), X, y, n_repeats=2).importances_mean.argmax() >= 2
    labels = np.eye(3, dtype=int)[y]
    for several in (MultiOutputClassifier(one), ClassifierChain(one)):
        assert several.fit(X, labels).score(X, labels) > 0.6
    numeric, X = MindRegressor(**QUICK), np.random.default_rng(0).permutation(X)
    for model in (
        StackingRegressor([("a", numeric), ("b", clone(numeric))], final_estimator=numeric, cv=3),
        TransformedTargetRegressor(numeric, func=np.log1p, inverse_func=np.expm1),
    ):  # fmt: skip
        assert model.fit(X[:, :3], X[:, 3]).score(X[:, :3], X[:, 3]) > 0.8
    pd = pytest.importorskip("pandas")
    mixed = pd.DataFrame({"length": load_iris().data[:, 2], "kind": names, "early": y > 0})
    encoded = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    assert make_pipeline(encoded, one).fit(mixed, y).score(mixed, y) > 0.9


def test_threads_read_while_one_learns_and_classes_arrive() -> None:
    X, _ = rows(300)
    model, wrong, over = MindClassifier(hidden=(8,)).partial_fit(X[:20], np.arange(20) % 2), [], threading.Event()
    numbers = MindRegressor(hidden=(8,), intervals=True).partial_fit(X[:20], X[:20, 0])

    def read() -> None:
        while not over.is_set():
            try:
                for m in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
                    p = m.predict_proba(X[:9])
                    assert np.abs(p.sum(1) - 1).max() < 1e-6 and set(m.predict(X[:9])) <= set(range(40))
                    m.transform(X[:9])
                bounds = numbers.predict_interval(X[:9])
                assert np.isfinite(bounds).all() and (bounds[:, 0] <= bounds[:, 1]).all()
                pickle.dumps(numbers)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    alone = pickle.loads(pickle.dumps(model))
    for reader in readers:
        reader.start()
    for k in range(30):
        model.partial_fit(X, np.arange(300) % (k + 2))
        numbers.partial_fit(X, X[:, 0])
    over.set()
    for reader in readers:
        reader.join()
    assert not wrong, wrong[0]
    for k in range(30):
        alone.partial_fit(X, np.arange(300) % (k + 2))
    assert alone.mind_.commitment() == model.mind_.commitment() and model.classes_.tolist() == list(range(31))


def test_threads_that_learn_take_turns() -> None:
    X, _ = rows(100)
    model = MindClassifier(hidden=(8,))
    writers = [
        threading.Thread(target=lambda k=k: [model.partial_fit(X, np.arange(100) % (k + j)) for j in range(2, 9)])
        for k in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert model.mind_.steps == 3 * 7 * 100 and model.classes_.tolist() == list(range(10))


def test_estimators_of_before_load_and_go_on() -> None:
    X, y = rows()
    for model in (MindClassifier(**QUICK), MindRegressor(**QUICK)):
        model.partial_fit(X, y)
        state = model.__getstate__()
        mind, targets, seed = state.pop("_learned_")
        targets.__dict__.pop("declared", None)
        old = {**state, "_mind_": mind, "_targets_": targets, "_seed_": seed}
        again = type(model).__new__(type(model))
        with warnings.catch_warnings(action="error"):
            again.__setstate__(old)
        assert again.partial_fit(X, y).mind_.commitment() == model.partial_fit(X, y).mind_.commitment()
