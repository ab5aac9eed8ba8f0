"""River's own checks of an estimator, on ours."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("river", reason="River is an extra: pip install klopf[river]")

from river import checks, datasets, metrics

from klopf.mind import Mind, MindError
from klopf.mind.river import MindClassifier, MindRegressor


@pytest.mark.parametrize(
    "model",
    [MindClassifier(hidden=(6,), learner="backprop"), MindRegressor(hidden=(6,), learner="backprop")],
    ids=["classifier", "regressor"],
)
def test_rivers_estimator_checks(model: object) -> None:
    done = 0
    for check in checks.yield_checks(model):
        check(model.clone())  # type: ignore[attr-defined]
        done += 1
    assert done > 10


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

    def state() -> tuple[object, ...]:
        others = {k: v for k, v in vars(model).items() if k not in ("_named", "_classes")}
        classes = list(getattr(model, "_classes", {}))
        return model._named.mind.commitment(), dict(model._named.places), classes, others

    before = state()
    bad: list[tuple[dict[str, object], object]] = [
        ({"a": 1.0}, float("nan")), ({"a": 1.0}, None), ({"a": float("nan")}, 3), ({"a": 1.0, "b": "red"}, 3),
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
