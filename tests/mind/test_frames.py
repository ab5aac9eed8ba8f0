"""What tables may hold, and what is refused by the name of its column, in River's hands and scikit-learn's."""

from __future__ import annotations

import datetime
import pickle
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("river", reason="River is an extra: pip install klopf[river]")

from klopf.errors import MindError
from klopf.mind import Mind
from klopf.mind import _frames as frames_of
from klopf.mind.river import (
    MindAnomalyDetector,
    MindClassifier,
    MindDriftDetector,
    MindMultiLabelClassifier,
    MindMultiTargetRegressor,
    MindRegressor,
)

pytestmark = pytest.mark.extras

DAY = datetime.datetime(2024, 1, 1)


class Loud:
    """Whose name is many lines, or none."""

    def __init__(self, said: Any) -> None:
        self.said = said

    def __repr__(self) -> str:
        return str(self.said)


NO_NUMBERS = [
    np.datetime64(3, "ns"), np.datetime64("2024-01-01"), np.timedelta64(3, "ns"), np.datetime64("NaT"), DAY, DAY.date(),
    datetime.timedelta(1), 1j, np.complex128(1), "red", b"red", "", [1.0], {1}, Loud("a\nb\n" * 100), Loud(None),
    10**5000,
]  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda v: type(v).__name__)
def test_what_is_no_number_is_refused_in_one_short_line_and_changes_nothing(value: Any) -> None:
    made: list[tuple[Any, tuple[Any, ...]]] = [
        (MindClassifier(hidden=3, learner="backprop"), (True,)),
        (MindRegressor(hidden=3, learner="backprop"), (1.0,)),
        (MindMultiLabelClassifier(hidden=3, learner="backprop"), ({"p": True},)),
        (MindMultiTargetRegressor(hidden=3, learner="backprop"), ({"p": 1.0},)),
        (MindAnomalyDetector(), ()),
    ]
    for model, y in made:
        model.learn_one({"a": 1.0}, *y)
        model.learn_one({"a": 2.0}, *y)
        before = pickle.dumps(model)
        calls = [lambda m=model, t=y: m.learn_one({"a": value}, *t)]
        calls += [lambda m=model: (m.predict_one if hasattr(m, "predict_one") else m.score_one)({"a": value})]
        if isinstance(model, MindRegressor):
            calls += [lambda m=model: m.learn_one({"a": 1.0}, value)]
        if isinstance(model, MindMultiTargetRegressor):
            calls += [lambda m=model: m.learn_one({"a": 1.0}, {"p": value})]
        for call in calls:
            with pytest.raises(MindError) as caught:
                call()
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 220
        assert pickle.dumps(model) == before
    with pytest.raises(MindError, match="number"):
        MindDriftDetector().update(value)


@pytest.mark.parametrize("value", [np.datetime64(3, "ns"), np.timedelta64(3, "ns"), 1j])
def test_a_mind_reads_no_dates_as_numbers_however_they_come(value: Any) -> None:
    for X in ([[1.0, value]], np.array([[1.0, value]], object), np.array([[value, value]])):
        with pytest.raises(MindError, match="must be numbers"):
            Mind(2, 2, (3,), "backprop").predict(X)


@pytest.mark.parametrize("wrong", [None, "a", [("a", 1.0)], 1.0])
def test_what_is_no_dict_is_not_predicted_of_either(wrong: Any) -> None:
    made: list[tuple[Any, Any]] = [
        (MindClassifier(hidden=3, learner="backprop"), True), (MindRegressor(hidden=3, learner="backprop"), 1.0),
        (MindMultiLabelClassifier(hidden=3, learner="backprop"), {"p": True}),
        (MindMultiTargetRegressor(hidden=3, learner="backprop"), {"p": 1.0}),
    ]  # fmt: skip
    for model, y in made:
        model.learn_one({"a": 1.0}, y)
        with pytest.raises(MindError, match="features must be a dict by name"):
            model.predict_one(wrong)
    odd = MindAnomalyDetector()
    odd.learn_one({"a": 1.0})
    for call in (odd.learn_one, odd.score_one):
        with pytest.raises(MindError, match="features must be a dict by name"):
            call(wrong)


def test_nothing_is_called_nan() -> None:
    nan = float("nan")
    with pytest.raises(MindError, match="feature is called NaN"):
        MindClassifier().learn_one({nan: 1.0}, True)
    with pytest.raises(MindError, match="label is called NaN"):
        MindMultiLabelClassifier().learn_one({"a": 1.0}, {nan: True})
    with pytest.raises(MindError, match="target is called NaN"):
        MindMultiTargetRegressor().learn_one({"a": 1.0}, {nan: 1.0})


@pytest.mark.parametrize(
    "wrong", [{"options": "x"}, {"options": [1]}, {"hidden": None}, {"hidden": 2.5}, {"hidden": "a"}]
)
def test_parameters_that_are_none_are_refused_in_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(MindError, match=r"must be (a dict of settings|whole numbers)"):
        MindClassifier(**wrong).learn_one({"a": 1.0}, True)
    with pytest.raises(MindError, match="the most classes must be"):
        MindClassifier(max_classes=1)


def table(library: str, columns: dict[str, list[Any]], **kinds: Any) -> Any:
    return pytest.importorskip(library).DataFrame(columns, **kinds)


def dated(library: str) -> dict[str, Any]:
    frames = pytest.importorskip(library)
    days = [DAY + datetime.timedelta(k) for k in range(6)]
    found = {"when": days, "long": [d - DAY for d in days]}
    if library == "polars":
        return found | {"day": [d.date() for d in days], "hour": [d.time() for d in days], "several": [[1], [2]] * 3}
    when = frames.to_datetime(days)
    return found | {
        "zone": when.tz_localize("UTC"), "month": when.to_period("M"), "span": frames.interval_range(0, 6),
        "i": [1j] * 6,
    }  # fmt: skip


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_dates_and_durations_are_refused_by_name(library: str) -> None:
    for name, column in dated(library).items():
        for others in ({}, {"a": [1.0] * 6}):
            X = table(library, {**others, name: column})
            for call in (lambda X=X: MindRegressor().learn_many(X, [1.0] * 6), lambda X=X: frames_of.columns(X)):
                with pytest.raises(MindError, match=f"column '{name}' is of type"):
                    call()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_whatever_says_numbers_is_read_and_what_is_missing_is_missing(library: str) -> None:
    frames = pytest.importorskip(library)
    kinds: list[Any] = [[1, None, 3], [True, None, False], [1.5, None, 2.5], ["1", None, "2"]]
    if library == "pandas":
        kinds = [
            frames.array([1, None, 3], "Int64"), frames.array([True, None, False], "boolean"),
            frames.array([1.5, None, 2.5], "Float64"), frames.Series([1, frames.NA, 2], dtype=object),
            frames.Series([1, None, 2], dtype=object), frames.Categorical([3, None, 4]),
        ]  # fmt: skip
    for column in kinds:
        names, found = frames_of.columns(table(library, {"a": [0, 1, 2], "z": column}))
        assert names == ["a", "z"] and found[:, 0].tolist() == [0, 1, 2]
        assert np.isnan(found[:, 1]).tolist() == [False, True, False]
    colours: list[Any] = [["red", "green"], [None, "green"]]
    colours += [frames.Categorical(["red", "green"])] if library == "pandas" else []
    colours += [] if library == "pandas" else [frames.Series(["red", "green"], dtype=frames.Categorical)]
    for column in colours:
        with pytest.raises(MindError, match=r"'z' is '(red|green)'; encode"):
            MindClassifier().learn_many(table(library, {"z": column}), ["x", "y"])


def test_a_frame_must_be_one_and_have_a_column_for_each_name() -> None:
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for X, said in (
        (pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]), "two columns are called 'a'"),
        (pl.LazyFrame({"a": [1.0, 2.0]}), "collect"), (np.ones((2, 2)), "ndarray"), ({"a": [1, 2]}, "dict"),
    ):  # fmt: skip
        with pytest.raises(MindError, match=said):
            MindClassifier().learn_many(X, ["x", "y"])
    for y in (None, 1.0, "xy", {1, 2}, {"x": 1, "y": 2}, pd.DataFrame({"y": [1, 2]}), pl.DataFrame({"y": [1, 2]})):
        with pytest.raises(MindError, match="targets are"):
            MindClassifier().learn_many(pd.DataFrame({"a": [1.0, 2.0]}), y)
    model = MindClassifier(hidden=3, learner="backprop")
    model.learn_many(pd.DataFrame({"a": []}), [])
    for w in (None, 1, [1.0, 2.0], pl.Series([1.0, 2.0])):
        model.learn_many(pd.DataFrame({"a": [1.0, 2.0]}), np.array(["x", "y"]), w)
    with pytest.raises(MindError, match="weight must be a number"):
        model.learn_many(pd.DataFrame({"a": [1.0, 2.0]}), ["x", "y"], "heavy")


def test_tables_of_arrow_go_in_and_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Arrow's classes look: nothing here needs it installed."""
    arrow = SimpleNamespace(array=lambda found: list(found), table=lambda columns: dict(columns))
    monkeypatch.setitem(sys.modules, "arrow_like", arrow)

    class Column(list[Any]):
        def to_pylist(self) -> list[Any]:
            return list(self)

    class Table(dict[str, Any]):
        __module__ = "arrow_like.lib"
        schema = SimpleNamespace(types=["double", "int64"])
        column_names = ("a", "b")

        def __len__(self) -> int:
            return 4

    X = Table(a=Column([0.0, 1.0, 0.0, None]), b=Column([1, 2, 3, 4]))
    model = MindClassifier(hidden=3, learner="backprop")
    model.learn_many(X, Column(["x", "y", "x", "y"]))
    assert set(model._classes) == {"x", "y"} and len(model.predict_many(X)) == 4
    assert set(model.predict_proba_many(X)) == {"x", "y"}
    Table.schema = SimpleNamespace(types=["date32[day]", "int64"])
    with pytest.raises(MindError, match="column 'a' is of type date32"):
        model.predict_many(X)
