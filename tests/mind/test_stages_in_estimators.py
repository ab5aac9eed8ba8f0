"""Input stages in River's and scikit-learn's classes: of images and of sequences, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from klopf.mind import Images, Mind, MindError, Sequences, problems

pytest.importorskip("sklearn", reason="scikit-learn is an extra: pip install klopf[sklearn]")
pytest.importorskip("river", reason="River is an extra: pip install klopf[river]")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from klopf.mind import river as r
from klopf.mind import sklearn as s
from tests.mind.faulty_stages import Nan, Sound

pytestmark = pytest.mark.extras

BITS = np.random.default_rng(0).integers(0, 2, 3_005)
X, Y = BITS[5:, None].astype(float), BITS[:3_000]
"""Which bit came five steps ago?"""


def digits() -> tuple[Any, Any]:
    images, classes = problems.digits()
    order = np.random.default_rng(0).permutation(len(images))
    return images[order].astype(float), classes[order]


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def test_images_are_learned_better_with_a_stage_and_as_a_mind_does() -> None:
    images, classes = digits()
    with_stage, without = (
        s.MindClassifier(stage=stage, passes=1, shuffle=False).fit(images[:600], classes[:600])
        for stage in (Images(8, 8), None)
    )
    assert with_stage.score(images[600:], classes[600:]) > 0.02 + without.score(images[600:], classes[600:])
    mind = Mind(Images(8, 8), 10, (32,), normalise_inputs=False)
    mind.learn(images[:600], classes[:600])
    np.testing.assert_allclose(with_stage.predict_proba(images[600:]), mind.predict_proba(images[600:]), atol=1e-6)
    for other in (pickle.loads(pickle.dumps(with_stage)), copy.deepcopy(with_stage)):
        assert (other.predict(images[600:]) == with_stage.predict(images[600:])).all()
    assert clone(with_stage).stage == Images(8, 8) and with_stage.transform(images[:4]).shape == (4, 32)
    assert not hasattr(with_stage, "feature_importances_")
    found = GridSearchCV(s.MindClassifier(passes=1), {"stage": [None, Images(8, 8)]}, cv=2).fit(
        images[:500], classes[:500]
    )
    assert found.best_params_ == {"stage": Images(8, 8)}


def test_rows_of_a_sequence_are_learned_and_predicted_in_their_order() -> None:
    model = s.MindClassifier((16,), stage=Sequences(1), passes=1).fit(X[:2500], Y[:2500])
    assert model.score(X[2500:], Y[2500:]) > 0.98
    stream = s.MindClassifier((16,), stage=Sequences(1)).partial_fit(X[:1000], Y[:1000], classes=[0, 1])
    assert (stream.partial_fit(X[1000:2500], Y[1000:2500]).predict(X[2500:]) == model.predict(X[2500:])).all()
    assert (model.predict(X[2500:]) == Y[2500:])[6:].mean() > 0.98
    weights = np.ones(2500)
    weights[1000:1010] = 0  # not learned from, and time passes
    weights[1200:1210] = 3  # learned once, and not three moments
    weighed = s.MindClassifier((16,), stage=Sequences(1), passes=1).fit(X[:2500], Y[:2500], weights)
    assert weighed.mind_.steps == 2490 and weighed.score(X[2500:], Y[2500:]) > 0.98
    balanced = s.MindClassifier((16,), stage=Sequences(1), class_weight={0: 1, 1: 4}).partial_fit(X, Y)
    assert balanced.mind_.steps == 3000


def test_a_long_sequence_is_predicted_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    model = s.MindRegressor((8,), stage=Sequences(1), passes=1).fit(X[:1500], Y[:1500])
    whole, heard = model.predict(X[1500:]), model.transform(X[1500:])
    monkeypatch.setattr("klopf.mind._rows._NUMBERS", 100)
    assert (model.predict(X[1500:]) == whole).all() and (model.transform(X[1500:]) == heard).all()


def test_intervals_of_a_sequence_hold_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    y = Y + 0.3 * rng.normal(size=len(Y))
    for model in (
        s.MindRegressor((8,), stage=Sequences(1), intervals=True, passes=1).fit(X[:2000], y[:2000]),
        s.MindRegressor((8,), stage=Sequences(1), intervals=True).partial_fit(X[:2000], y[:2000]),
    ):
        bounds = model.predict_interval(X[2000:], 0.8)
        held = ((bounds[:, 0] <= y[2000:]) & (y[2000:] <= bounds[:, 1])).mean()
        assert 0.7 < held < 0.92


@pytest.mark.parametrize("kind", [s.MindClassifier, s.MindRegressor])
def test_what_scikit_learns_cannot_hear_is_refused_and_changes_nothing(kind: Any) -> None:
    images, classes = digits()
    model = kind(stage=Images(8, 8), passes=1).fit(images[:100], classes[:100])
    before = model.mind_.commitment()
    gap = images[:3].copy()
    gap[1, 2] = np.nan
    for call, line in (
        (lambda: kind(stage=Images(8, 8)).fit(images[:50, :63], classes[:50]), "63 numbers where this learner has 64"),
        (lambda: kind(stage="images").fit(images[:50], classes[:50]), "stage='images' is no input stage"),
        (lambda: kind(stage=Images).fit(images[:50], classes[:50]), "is no input stage; give one"),
        (lambda: kind(stage=Nan(64), passes=1).fit(images[:50], classes[:50]), "Nan' of tests: learn"),
        (lambda: model.predict(gap), "NaN"),
        (lambda: model.partial_fit(gap, classes[:3]), "NaN"),
    ):
        with pytest.raises((ValueError, MindError), match=line):
            call()
    assert model.mind_.commitment() == before


# --- River ------------------------------------------------------------------------------------------------------------


def named(row: Any) -> dict[str, float]:
    return {f"pixel {k}": float(v) for k, v in enumerate(row)}


def test_pixels_are_heard_in_the_order_in_which_the_first_sample_names_them() -> None:
    images, classes = digits()
    with_stage, without = r.MindClassifier(stage=Images(8, 8)), r.MindClassifier()
    wrong = np.zeros((2, 900))
    for t in range(900):
        x, y = named(images[t]), int(classes[t])
        wrong[:, t] = with_stage.predict_one(x) != y, without.predict_one(x) != y
        mixed = list(x.items())
        if t:  # later samples may name them in any order
            np.random.default_rng(t).shuffle(mixed)
        with_stage.learn_one(dict(mixed), y)
        without.learn_one(x, y)
    assert wrong[0].mean() < wrong[1].mean() - 0.01
    assert list(with_stage._named.places.values()) == list(range(64))
    bright = {k: v for k, v in named(images[0]).items() if v}
    assert with_stage.predict_proba_one(bright) == with_stage.predict_proba_one(named(images[0]))  # absent is 0
    again = pickle.loads(pickle.dumps(with_stage))
    assert again.predict_proba_one(bright) == with_stage.predict_proba_one(bright)
    assert with_stage.clone().stage == Images(8, 8)


@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_frames_and_samples_make_the_same_learner(frames: str) -> None:
    library = pytest.importorskip(frames)
    table = library.DataFrame({"bit": X[:400, 0], "other": X[1:401, 0]})
    one, many = (r.MindClassifier(hidden=4, stage=Sequences(2)) for _ in range(2))
    rows = [{"bit": a, "other": b} for a, b in zip(X[:400, 0], X[1:401, 0], strict=True)]
    for x, y in zip(rows, Y[:400].tolist(), strict=True):
        one.learn_one(x, y)
    many.learn_many(table, Y[:400].tolist())
    assert one._named.mind.commitment() == many._named.mind.commitment()
    assert one.predict_proba_one(rows[0]) == many.predict_proba_one(rows[0])


def test_a_sequence_is_followed_and_what_is_missing_in_it_is_as_usual() -> None:
    model, wrong = r.MindClassifier(hidden=16, stage=Sequences(1)), []
    for t in range(3000):
        x = {"bit": 1000 + X[t, 0]}
        wrong.append(model.predict_one(x) != Y[t])
        model.learn_one(x, int(Y[t]))
    assert np.mean(wrong[1500:]) < 0.02
    usual = 1000 + X[:, 0].mean()
    for gap in ({}, {"bit": None}, {"bit": float("nan")}):
        said = model.predict_proba_one(gap)
        assert said == pytest.approx(model.predict_proba_one({"bit": usual}), abs=1e-6)
    model.learn_one({"bit": None}, 1)
    assert np.isfinite(list(model.predict_proba_one({"bit": 1001.0}).values())).all()


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (r.MindClassifier, "a"),
        (r.MindRegressor, 2.0),
        (r.MindMultiLabelClassifier, {"a": True}),
        (r.MindMultiTargetRegressor, {"a": 2.0}),
    ],
)
def test_what_rivers_cannot_hear_is_refused_and_changes_nothing(kind: Any, target: Any) -> None:
    model = kind(hidden=4, stage=Sequences(2))
    with pytest.raises(MindError, match=r"the first sample has 1 features where Sequences\(width=2"):
        model.learn_one({"a": 1.0}, target)
    for _ in range(5):
        model.learn_one({"b": 1.0, "a": 2.0}, target)
    before = model._named.mind.commitment()
    assert list(model._named.places) == ["b", "a"]
    with pytest.raises(MindError, match=r"feature 'c' is none of the 2 that Sequences\(width=2"):
        model.learn_one({"a": 1.0, "b": 1.0, "c": 1.0}, target)
    model.predict_one({"c": 3.0})
    assert model._named.mind.commitment() == before
    for stage in ("images", Images, 3):
        with pytest.raises(MindError, match=r"is no input stage; give one, such as klopf.mind.Images"):
            kind(stage=stage)
    with pytest.raises(MindError, match="Nan' of tests: learn"):
        kind(stage=Nan(2)).learn_one({"a": 1.0, "b": 1.0}, target)
    kind(stage=Sound(2)).learn_one({"a": 1.0, "b": 1.0}, target)
