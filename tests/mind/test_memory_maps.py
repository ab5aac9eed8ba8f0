"""Estimators that lie in memory maps which can only be read go on as they would have, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

pytest.importorskip("river", reason="River is an extra: pip install klopf[river]")

from klopf.mind import Images, Sequences
from klopf.mind.river import (
    MindAnomalyDetector,
    MindClassifier,
    MindDriftDetector,
    MindMultiLabelClassifier,
    MindMultiTargetRegressor,
    MindRegressor,
)
from klopf.mind.sklearn import MindClassifier as TableClassifier
from klopf.mind.sklearn import MindRegressor as TableRegressor

pytestmark = pytest.mark.extras

X = np.random.default_rng(0).normal(size=(60, 4))


def lived(model: Any, target: Callable[[float], Any], first: int, last: int) -> list[Any]:
    """It learns those samples; what it says of each before."""
    said = []
    for t in range(first, last):
        x = dict(zip("abcd", X[t].tolist(), strict=True))
        if t % 5 == 3:
            del x["b"]
        if isinstance(model, MindDriftDetector):
            model.update(X[t, 0])
            said.append(model._means.tolist())
        elif isinstance(model, MindAnomalyDetector):
            said.append(model.score_one(x))
            model.learn_one(x)
        else:
            said.append(model.predict_interval(x) if isinstance(model, MindRegressor) else model.predict_one(x))
            model.learn_one(x, target(X[t, 0]))
    return said


STREAMS: dict[str, tuple[Callable[[], Any], Callable[[float], Any]]] = {
    "classes": (MindClassifier, lambda a: a > 0),
    "images": (lambda: MindClassifier(stage=Images(2, 2, filters=4, patch=2, grid=1)), lambda a: a > 0),
    "sequences": (lambda: MindRegressor(stage=Sequences(4)), float),
    "a number": (MindRegressor, float),
    "labels": (MindMultiLabelClassifier, lambda a: {"p": a > 0, "q": a > 1}),
    "numbers": (MindMultiTargetRegressor, lambda a: {"p": a, "q": -a}),
    "drift": (MindDriftDetector, float),
    "anomalies": (MindAnomalyDetector, float),
}


@pytest.mark.parametrize("made", STREAMS)
def test_rivers_learners_go_on(made: str, tmp_path: Path) -> None:
    make, target = STREAMS[made]
    model = make()
    lived(model, target, 0, 40)
    joblib.dump(model, tmp_path / "model")
    back = [joblib.load(tmp_path / "model", mmap_mode=mode) for mode in ("r", "c", None)]
    usual = lived(model, target, 40, 60)
    assert all(lived(one, target, 40, 60) == usual for one in back)


@pytest.mark.parametrize("options", [{}, {"intervals": True}], ids=["plain", "intervals"])
def test_scikit_learns_regressor_goes_on(options: dict[str, Any], tmp_path: Path) -> None:
    model = TableRegressor(passes=1, **options).partial_fit(X[:40], X[:40, 0])
    joblib.dump(model, tmp_path / "model")
    both = [joblib.load(tmp_path / "model", mmap_mode="r"), model]
    a, b = (one.partial_fit(X[40:], X[40:, 0]) for one in both)
    assert (a.predict(X) == b.predict(X)).all()
    if options:
        assert (a.predict_interval(X) == b.predict_interval(X)).all()


def test_scikit_learns_classifier_goes_on(tmp_path: Path) -> None:
    y = np.where(X[:, 0] > 0, "up", "down")
    model = TableClassifier(class_weight="balanced").partial_fit(X[:40], y[:40])
    joblib.dump(model, tmp_path / "model")
    both = [joblib.load(tmp_path / "model", mmap_mode="r"), model]
    a, b = (one.partial_fit(X[40:], y[40:]) for one in both)
    assert (a.predict_proba(X) == b.predict_proba(X)).all()
