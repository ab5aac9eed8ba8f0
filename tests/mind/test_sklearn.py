"""scikit-learn's own checks of an estimator, and its tools, on ours."""

from __future__ import annotations

import io
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("sklearn", reason="scikit-learn is an extra: pip install klopf[sklearn]")

import joblib
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from klopf.errors import MindError
from klopf.mind.sklearn import MindClassifier, MindRegressor

pytestmark = pytest.mark.extras


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", [MindClassifier, MindRegressor])
def test_check_estimator_passes_at_the_defaults(kind: Any) -> None:
    done = check_estimator(kind(), on_fail=None)
    wrong = [(c["check_name"], c["exception"]) for c in done if c["status"] not in ("passed", "skipped")]
    assert not wrong and sum(c["status"] == "passed" for c in done) > 50
    assert not kind().__sklearn_tags__().no_validation


def small(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    r = np.random.default_rng(0)
    X = r.normal(size=(n, 4))
    return X, np.where(X[:, 0] > 0, "above", np.where(X[:, 1] > 0, "below left", "below"))


def test_its_tools_take_it() -> None:
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MindClassifier())
    assert cross_val_score(pipeline, X, y, n_jobs=2).mean() > 0.93
    search = GridSearchCV(MindClassifier(), {"hidden": [(8,), (16, 8), 4], "options": [None, {"drift": 1e-3}]}, cv=3)
    assert search.fit(X, y).best_score_ > 0.9
    changed = clone(search.best_estimator_).set_params(hidden=(5,), random_state=None)
    assert changed.get_params()["hidden"] == (5,) and changed.fit(X, y).score(X, y) > 0.9
    R, t = load_diabetes(return_X_y=True)
    assert cross_val_score(MindRegressor(), R, t).mean() > 0.2


def test_it_goes_on_from_pickle_and_joblib_to_the_bit() -> None:
    X, y = small()
    model = MindClassifier().fit(X, y)
    store = io.BytesIO()
    joblib.dump(model, store)
    store.seek(0)
    for other in (pickle.loads(pickle.dumps(model)), joblib.load(store)):
        assert other.mind_.commitment() == model.mind_.commitment()
        other.partial_fit(X, y)
        assert other.mind_.commitment() == pickle.loads(pickle.dumps(model)).partial_fit(X, y).mind_.commitment()


@pytest.mark.parametrize(
    "names", [["a", "b"], [True, False], [3, 7], [-1.0, 1.0], np.array(["a", "b"], object)], ids=str
)
def test_classes_may_be_called_anything(names: Any) -> None:
    X, _ = small()
    y = np.asarray(names)[(X[:, 0] > 0).astype(int)]
    model = MindClassifier().fit(X, y)
    assert model.score(X, y) > 0.95 and model.predict(X).dtype == y.dtype
    assert set(model.classes_) == set(names) and (model.classes_ == np.sort(y)[[0, -1]]).all()
    p = model.predict_proba(X)
    assert p.shape == (200, 2) and p.sum(1) == pytest.approx(np.ones(200))


def test_classes_may_arrive_or_be_declared() -> None:
    X, y = small(600)
    arriving = MindClassifier()
    for name in ("below left", "above", "below"):
        arriving.partial_fit(X[y == name], y[y == name])
    assert arriving.classes_.tolist() == ["above", "below", "below left"]
    for _ in range(3):
        arriving.partial_fit(X, y)
    assert arriving.score(X, y) > 0.9
    declared = MindClassifier().partial_fit(X[:5], y[:5], classes=["above", "below", "below left", "never"])
    assert declared.predict_proba(X).shape == (600, 4)
    with pytest.raises(ValueError, match="declared"):
        declared.partial_fit(X[:1], ["new"])
    with pytest.raises(ValueError, match="first call"):
        declared.partial_fit(X[:1], ["above"], classes=["above", "new"])


def test_several_outputs_and_labels() -> None:
    X, _ = small(400)
    labels = np.stack([X[:, 0] > 0, X[:, 1] > X[:, 2]], 1).astype(int)
    model = MindClassifier().fit(X, labels)
    assert model.predict(X).shape == (400, 2) and model.score(X, labels) > 0.9
    assert [p.shape for p in model.predict_proba(X)] == [(400, 2), (400, 2)]
    assert model.fit(X, sp.csr_matrix(labels)).score(X, labels) > 0.9
    several = np.stack([np.digitize(X[:, 0], (-0.5, 0.5)), X[:, 1] > 0], 1)
    model.fit(X, several)
    assert model.score(X, several) > 0.8 and [len(c) for c in model.classes_] == [3, 2]
    texts = np.array([["x", "y", "z"], ["no", "yes", "?"]], object)
    named = np.stack([texts[0][several[:, 0]], texts[1][several[:, 1]]], 1)
    assert model.fit(X, named).score(X, named) > 0.8
    numbers = np.stack([X[:, 0] * 1000, X[:, 1] - 5, X[:, 2] * 1e-6], 1)
    assert MindRegressor().fit(X, numbers).score(X, numbers) > 0.95


def test_weights_count_and_a_whole_number_is_so_many_rows() -> None:
    X, y = small()
    counts = np.random.default_rng(1).integers(0, 4, 200)
    for model in (MindClassifier(), MindRegressor()):
        target = y if isinstance(model, MindClassifier) else X[:, 0] - X[:, 1]
        a = clone(model).fit(X, target, sample_weight=counts)
        b = clone(model).fit(X.repeat(counts, 0), target.repeat(counts))
        assert a.mind_.commitment() == b.mind_.commitment()
    noise = np.random.default_rng(2).integers(0, 2, 200)
    heavy = MindClassifier().fit(X, noise, sample_weight=np.where(noise == 1, 3.0, 0.3))
    assert heavy.predict(X).mean() > 0.9
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        heavy.fit(X, noise, sample_weight=-np.ones(200))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_class_weights_that_weigh_nothing_are_refused_in_one_line(weight: float) -> None:
    X, y = small()
    for learn in (MindClassifier.fit, MindClassifier.partial_fit):
        with pytest.raises(ValueError, match="class_weight holds a weight"):
            learn(MindClassifier(class_weight={k: weight for k in np.unique(y)}), X, y)


@pytest.mark.parametrize("hidden", [None, 2.5, "a", (None,)])
def test_hidden_layers_that_are_no_numbers_are_refused_in_one_line(hidden: Any) -> None:
    X, y = small()
    with pytest.raises(MindError, match="hidden units and outputs must be whole numbers"):
        MindClassifier(hidden=hidden).fit(X, y)


def test_how_rows_are_sorted_matters_only_where_it_is_a_stream() -> None:
    X, y = small()
    turned = np.arange(200)[::-1]
    assert (
        MindClassifier().fit(X, y).mind_.commitment() == MindClassifier().fit(X[turned], y[turned]).mind_.commitment()
    )
    stream = MindClassifier(shuffle=False, passes=1)
    one, other = clone(stream).fit(X, y), clone(stream).fit(X[turned], y[turned])
    assert one.mind_.commitment() != other.mind_.commitment()
    assert one.mind_.commitment() == clone(stream).partial_fit(X, y, classes=np.unique(y)).mind_.commitment()


def test_sparse_rows_are_what_dense_ones_are_and_never_all_dense() -> None:
    X, y = small()
    X[np.random.default_rng(3).random(X.shape) < 0.6] = 0.0
    dense = MindClassifier().fit(X, y)
    for kind in (sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_matrix):
        sparse = MindClassifier().fit(kind(X), y)
        assert (sparse.predict_proba(kind(X)) == dense.predict_proba(X)).all()
    narrow = MindRegressor(hidden=(4,), learner="backprop", passes=1, options={"step_size": 1e-6})
    wide: Any = sp.random(2_000, 20_000, 0.0005, format="csr", random_state=0)
    target = np.asarray(wide.sum(1)).ravel()  # 320 MB when dense
    clone(narrow).fit(wide[:10], target[:10])  # compiled
    tracemalloc.start()
    model = clone(narrow).fit(wide, target)
    model.predict(wide), model.transform(wide[:50])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_in_and_out(library: str) -> None:
    frames = pytest.importorskip(library)
    X, y = small()
    table = frames.DataFrame({name: X[:, k] for k, name in enumerate("abcd")})
    model = MindClassifier(hidden=(6,)).fit(table, frames.Series(y))
    assert model.feature_names_in_.tolist() == list("abcd")
    assert (model.predict_proba(table) == MindClassifier(hidden=(6,)).fit(X, y).predict_proba(X)).all()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frames.DataFrame({name: X[:, k] for k, name in enumerate("abce")}))
    out = model.set_output(transform=library).transform(table)
    assert isinstance(out, frames.DataFrame) and out.shape == (200, 6)
    assert list(out.columns) == [f"mindclassifier{k}" for k in range(6)]
    assert MindRegressor().fit(table, frames.Series(X[:, 0])).score(table, X[:, 0]) > 0.95


def test_units_of_targets_do_not_matter() -> None:
    X, _ = small(500)
    for offset, scale in ((0.0, 1.0), (1e6, 1.0), (0.0, 1e-6), (-3e8, 1e5)):
        y = offset + scale * (X[:, 0] - X[:, 1] * X[:, 2])
        assert MindRegressor().fit(X, y).score(X, y) > 0.95
