"""River's own checks of an estimator, on ours."""

from __future__ import annotations

import gc
import pickle
import types
from typing import Any

import numpy as np
import pytest

pytest.importorskip("river", reason="River is an extra: pip install klopf[river]")

from river import checks, datasets, metrics, preprocessing, utils

from klopf.mind import Mind, MindError
from klopf.mind.river import MindClassifier, MindMultiLabelClassifier, MindMultiTargetRegressor, MindRegressor

pytestmark = pytest.mark.extras


@pytest.mark.parametrize(
    "model",
    [
        MindClassifier(hidden=(6,), learner="backprop"),
        MindRegressor(hidden=(6,), learner="backprop"),
        MindMultiTargetRegressor(hidden=6),
        MindMultiLabelClassifier(hidden=6, learner="backprop"),
        MindClassifier(),
        MindRegressor(),
        MindMultiLabelClassifier(),
    ],
    ids=lambda m: f"{type(m).__name__} {m.learner}",
)
def test_rivers_estimator_checks(model: Any) -> None:
    done = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "Music", datasets.Yeast)  # the one is to be downloaded, the other is shipped
        for check in checks.yield_checks(model):
            check(model.clone())
            done += 1
    assert done > 10


@pytest.mark.parametrize("kind", [MindClassifier, MindRegressor, MindMultiLabelClassifier, MindMultiTargetRegressor])
def test_what_it_refers_to_is_its_own_and_not_the_compiler(kind: Any) -> None:
    model = kind(hidden=6)
    for t in range(100):
        y = {"u": t % 2, "v": t % 3 == 0}
        model.learn_one({"a": t % 5, "b": t % 3}, y if "Multi" in kind.__name__ else t % 2)
        model.predict_one({"a": 1.0})
    seen: dict[int, Any] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type | types.ModuleType | types.FunctionType):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    foreign = {type(one).__module__ for one in seen.values()}
    assert not {name for name in foreign if name.startswith(("numba", "llvmlite", "weakref"))}, foreign
    assert len(seen) < 2000 and model._raw_memory_usage < 2**20


@pytest.mark.parametrize("hidden", [(), (8,), (16, 8), [4], 4])
def test_tuples_may_be_cloned_and_put_into_grids(hidden: Any) -> None:
    for kind in (MindClassifier, MindRegressor):
        model = kind(hidden=hidden, learner="backprop", options={"step_size": 0.1})
        for copy in (model.clone(), kind(learner="backprop").clone({"hidden": hidden})):
            assert copy.hidden == model.hidden
            copy.learn_one({"a": 1.0}, 1)
        assert not model._is_stochastic and repr(model) == repr(model.clone())
    grid = {"hidden": [[8], [16, 8], 4], "options": [None, {"step_size": 0.1}]}
    models = utils.expand_param_grid(preprocessing.StandardScaler() | MindClassifier(), {"MindClassifier": grid})
    assert [m["MindClassifier"].hidden for m in models[::2]] == [(8,), (16, 8), 4]


@pytest.mark.parametrize("learner", ["klopf", "backprop"])
def test_one_off_names_cost_neither_memory_nor_what_is_known(learner: str) -> None:
    model = MindClassifier(hidden=8, learner=learner, max_features=32, seed=1)
    r = np.random.default_rng(0)
    right, size = 0, 0
    for t in range(100_000 if learner == "backprop" else 10_000):
        a, b = r.normal(size=2)
        x = {"a": a, f"one-off {t}": 1.0, "b": b}
        if t >= 2000:
            right += model.predict_one(x) == (a > b)
        model.learn_one(x, a > b)
        if t == 1000:
            size = model._raw_memory_usage
    assert {"a", "b"} <= set(model._named.places) and len(model._named.places) == 32
    assert model._named.mind.sensors == 32 and abs(model._raw_memory_usage - size) < 0.02 * size
    assert right / (t - 1999) > 0.93


def test_who_is_new_takes_the_place_of_a_one_off_and_knows_nothing_of_it() -> None:
    for options in ({}, {"shortcut": True}, {"block": 0}, {"block": 0, "shared": 0}, {"fan_in": 2}):
        model = MindRegressor(hidden=5, max_features=4, seed=1, options=options)
        for t in range(50):
            model.learn_one({"a": t % 5, "b": t % 3, "c": t % 7, **({"once": 1.0} if t == 20 else {})}, t % 5)
        place = model._named.places["once"]
        model._named.ready(["new", "a"], 1)
        assert model._named.places["new"] == place and "once" not in model._named.places
        assert not model._named.mind.weights(0)[place].any()
        assert (model._named.mind.weights(0, "variance")[place] > 0).any()
        for t in range(50):
            model.learn_one({"a": t % 5, "new": t % 3}, t % 5)
        assert np.isfinite(model.predict_one({"a": 1, "new": 1}))
    with pytest.raises(MindError, match=r"5 features where 4 .* raise max_features"):
        model.learn_one(dict.fromkeys("pqrst", 1.0), 1)


def test_classes_that_come_once_give_way_too() -> None:
    model = MindClassifier(hidden=5, max_classes=8, learner="backprop")
    for t in range(500):
        model.learn_one({"a": t % 2}, f"once {t}" if t % 5 == 0 else "ab"[t % 2])
    assert {"a", "b"} <= set(model._classes) and len(model._classes) == 8
    assert model.predict_one({"a": 0}) == "a" and model._named.mind.outputs == 8


def test_in_which_order_features_are_named_makes_no_difference() -> None:
    r = np.random.default_rng(0)
    usual, mixed = MindClassifier(hidden=8, max_features=16, seed=1), MindClassifier(hidden=8, max_features=16, seed=1)
    for t in range(300):
        x: dict[Any, Any] = {f"f{k}": float(v) for k, v in enumerate(r.normal(size=10))}
        x["f3"], x["f4"], x["f5"] = t % 2 == 0, t % 7, "2.5" if t % 5 == 0 else 2.5
        if t % 20 > 15:
            x["f6"] = None
        if t % 50 > 45:
            x[f"once {t}"] = 1.0  # in time it takes the place of another
        names = list(x)
        r.shuffle(names)
        other, y = {name: x[name] for name in names}, bool(r.random() < 0.5)
        assert usual.predict_proba_one(x) == mixed.predict_proba_one(other)
        usual.learn_one(x, y)
        mixed.learn_one(other, y)
    assert usual._named.mind.commitment() == mixed._named.mind.commitment()  # type: ignore[union-attr]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_many_are_as_one_after_another(library: str) -> None:
    frames = pytest.importorskip(library)
    r = np.random.default_rng(0)
    table = {"a": r.normal(size=90), "b": r.integers(0, 5, 90), "c": r.random(90) > 0.5}
    labels = np.array(["red", "green", "blue"])[(np.arange(90) // 25) % 3]
    weights = r.choice([0.0, 1.0, 2.0], 90)
    X = frames.DataFrame(table)
    for kind, y in ((MindClassifier, labels), (MindRegressor, 1e4 * table["a"])):
        one, many = (kind(hidden=6, learner="backprop") for _ in range(2))
        assert len(many.predict_many(X)) == 90
        for k in range(90):
            one.learn_one({name: column[k] for name, column in table.items()}, y[k], w=weights[k])
        many.learn_many(X[:40], frames.Series(y[:40]), weights[:40])
        many.learn_many(X[40:], frames.Series(y[40:]), w=weights[40:])
        assert one._named.mind.commitment() == many._named.mind.commitment()
        found = many.predict_many(X)
        assert isinstance(found, frames.Series)
        alone = [one.predict_one({name: column[k] for name, column in table.items()}) for k in range(90)]
        assert found.to_list() == (alone if kind is MindClassifier else pytest.approx(alone, rel=1e-5))
    p = one.predict_many(X[:0])
    assert len(p) == 0
    p = MindClassifier(learner="backprop").predict_proba_many(X)
    with pytest.raises(MindError, match="'d' is 'x'"):
        many.learn_many(frames.DataFrame({"a": [1.0], "d": ["x"]}), frames.Series([1.0]))
    with pytest.raises(MindError, match="need 2 targets"):
        many.learn_many(X[:2], frames.Series([1.0]))


def test_frames_of_probabilities_have_the_index_and_the_classes() -> None:
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": [0.0, 1.0, 0.0, 1.0]}, index=list("wxyz"))
    model = MindClassifier(hidden=4, learner="backprop")
    model.learn_many(X, pd.Series([7, "b", 7, "b"]))
    p = model.predict_proba_many(X)
    assert p.index.tolist() == list("wxyz") and p.columns.tolist() == [7, "b"]
    assert p.sum(axis=1).tolist() == pytest.approx([1.0] * 4)
    assert model.predict_many(X).index.tolist() == list("wxyz")


@pytest.mark.parametrize("names", [("yes", "no"), (True, False), (3, 7), (np.bool_(True), np.bool_(False)), (None, 1)])
def test_classes_may_be_called_anything_but_nothing(names: Any) -> None:
    model = MindClassifier(hidden=4, learner="backprop")
    if None in names:
        with pytest.raises(MindError, match="name its class"):
            model.learn_one({"a": 1.0}, None)
        return
    for t in range(200):
        model.learn_one({"a": float(t % 2)}, names[t % 2])
    assert model.predict_one({"a": 1.0}) == names[1] and set(model.predict_proba_one({"a": 1.0})) == set(names)


def test_weights_count() -> None:
    model, r = MindClassifier(hidden=4, learner="backprop"), np.random.default_rng(0)
    for _ in range(1000):
        y = bool(r.integers(2))
        model.learn_one({"a": r.normal()}, y, w=3.0 if y else 0.3)
    assert model.predict_one({"a": 0.0}) is True
    before = pickle.dumps(model)
    model.learn_one({"a": 1.0, "unheard": 1.0}, "unheard", w=0)
    assert pickle.dumps(model) == before
    for wrong in (-1.0, float("nan"), "x"):
        with pytest.raises(MindError, match="weight"):
            model.learn_one({"a": 1.0}, True, w=wrong)
    assert pickle.dumps(model) == before


def test_labels_may_arrive_and_be_left_out() -> None:
    model, r = MindMultiLabelClassifier(hidden=8), np.random.default_rng(0)
    for t in range(1500):
        a, b = r.normal(size=2)
        y = {"a": a > 0} if t < 300 else {"a": a > 0, "b": np.bool_(b > 0), "a and b": a > 0 < b}
        if t % 3 == 0:
            y.pop("a")
        model.learn_one({"a": a, "b": b}, y)
    assert model.predict_one({"a": 1.0, "b": -1.0}) == {"a": True, "b": False, "a and b": False}
    assert model.predict_one({"a": 1.0, "b": 1.0}) == {"a": True, "b": True, "a and b": True}
    with pytest.raises(MindError, match="'a' is 2"):
        model.learn_one({"a": 1.0}, {"a": 2})


def test_several_targets_each_with_its_own_unit() -> None:
    model, r = MindMultiTargetRegressor(hidden=8), np.random.default_rng(0)
    for t in range(1500):
        a, b = r.normal(size=2)
        y = {"large": 1e5 * a, "small": 1e-5 * b, "far": 1e4 + a * b}
        if t < 300 or t % 3 == 0:
            y.pop("far")
        model.learn_one({"a": a, "b": b}, y)
    found = model.predict_one({"a": 1.0, "b": -1.0})
    assert found == {"large": pytest.approx(1e5, rel=0.2), "small": pytest.approx(-1e-5, rel=0.2),
                     "far": pytest.approx(1e4 - 1, abs=0.7)}  # fmt: skip


def test_it_learns_rivers_phishing_better_than_guessing() -> None:
    model, accuracy = MindClassifier(hidden=(8,), seed=1), metrics.Accuracy()
    for x, y in datasets.Phishing():
        accuracy.update(y, model.predict_one(x) or False)
        model.learn_one(x, y)
    assert accuracy.get() > 0.86


def test_a_feature_that_is_text_is_refused_by_name() -> None:
    with pytest.raises(MindError, match="'colour' is 'red'"):
        MindClassifier().learn_one({"colour": "red"}, True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [MindClassifier, MindRegressor])
def test_what_cannot_be_learned_from_changes_nothing(kind: type) -> None:
    model = kind(hidden=(4,), learner="backprop")
    for k in range(30):
        model.learn_one({"a": float(k % 5)}, k % 2)

    def state() -> bytes:
        return pickle.dumps(model)

    before = state()
    bad: list[tuple[dict[str, object], object]] = [
        ({"a": 1.0}, float("nan")), ({"a": 1.0}, None), ({"a": float("inf")}, 3), ({"a": 1.0, "b": "red"}, 3),
        ({"new": 1e200}, 4), ({"a": 1.0}, [1]),
    ]  # fmt: skip
    if kind is MindRegressor:
        bad += [({"a": 1.0}, "x"), ({"a": 1.0, "b": 2.0}, float("inf")), ({"a": 1.0}, 1e30)]
    for x, y in bad:
        with pytest.raises(MindError) as caught:
            model.learn_one(x, y)
        assert "\n" not in str(caught.value) and state() == before, (x, y)
    model.learn_one({"a": 1.0, "b": 2.0}, 1)
    assert list(model._named.places) == ["a", "b"] and np.isfinite(model._named.mind.weights(0)).all()


@pytest.mark.parametrize("options", [{}, {"learner": "autostep"}, {"shortcut": True}, {"block": 4}])
def test_a_widened_mind_says_what_it_said_and_goes_on(options: dict[str, object]) -> None:
    r = np.random.default_rng(0)
    X, y = r.normal(size=(300, 3)), r.integers(0, 2, 300)
    m = Mind(3, 2, hidden=(5,), seed=1, **options)  # type: ignore[arg-type]
    m.learn(X, y)
    wide = m.widened(9, 12)
    padded = np.c_[X, np.zeros((300, 6))]
    p = wide.predict_proba(padded)[:, :2]
    assert p / p.sum(1, keepdims=True) == pytest.approx(m.predict_proba(X), abs=1e-5)
    assert wide.steps == 300
    wide.learn(padded, y + 5)
    assert np.isfinite(wide.predict_proba(padded)).all()
    with pytest.raises(MindError, match="narrower"):
        wide.widened(3, 12)


@pytest.mark.parametrize("wrong", [None, 1.0, "a", [1.0], float("nan")])
def test_what_is_no_dict_is_refused_in_one_line(wrong: Any) -> None:
    for model in (MindMultiLabelClassifier(), MindMultiTargetRegressor()):
        with pytest.raises(MindError, match="must be a dict by name"):
            model.learn_one({"a": 1.0}, wrong)
    for other, y in ((MindClassifier(), "x"), (MindRegressor(), 1.0)):
        with pytest.raises(MindError, match="features must be a dict by name"):
            other.learn_one(wrong, y)


def test_a_class_or_label_whose_truth_cannot_be_told_is_refused() -> None:
    class Unknown:  # as pandas' NA
        __hash__ = object.__hash__

        def __eq__(self, other: object) -> Any:
            return self

        def __bool__(self) -> bool:
            raise TypeError("boolean value of NA is ambiguous")

    with pytest.raises(MindError, match="the class is"):
        MindClassifier().learn_one({"a": 1.0}, Unknown())
    for said in (Unknown(), np.zeros(2)):
        with pytest.raises(MindError, match="say True or False"):
            MindMultiLabelClassifier().learn_one({"a": 1.0}, {"p": said})
