"""Samples that name what the last one did go a shorter way, and nothing comes of that but time."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pickle
import random
from typing import Any

import numpy as np
import pytest

from klopf.errors import MindError
from klopf.mind._usual import Usual


def test_values_stand_by_place_in_whatever_order_they_come() -> None:
    usual = Usual({"b": 0, "a": 1}, 4, np.inf)
    for sample in ({"a": 1.0, "b": 2}, {"b": 2, "a": 1.0}, {"b": np.float64(2), "a": True}):
        values = usual.values(sample)
        assert values is not None
        assert values == (2, 1.0)
        assert usual.row(values).tolist() == [[2.0, 1.0, np.inf, np.inf]]
    assert pickle.loads(pickle.dumps(usual)).values({"a": 1.0, "b": 2.0}) == (2.0, 1.0)


@pytest.mark.parametrize(
    "value",
    [
        None, "1.5", "red", 1j, np.complex128(1), np.datetime64("2026-01-01"), np.timedelta64(3, "s"), np.nan, np.inf,
        -np.inf, 1e16, 10**400, datetime.datetime(2026, 1, 1), datetime.timedelta(1), decimal.Decimal(1), [1.0],
        np.zeros(3), np.ma.masked, object(),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if type(value) is not object else "object",
)  # fmt: skip
@pytest.mark.parametrize("others", [(1.0, 2.0), (1, 2)])
def test_whatever_is_no_plain_number_goes_the_long_way(value: Any, others: tuple[float, float]) -> None:
    usual = Usual({"a": 0, "b": 1, "c": 2}, 3, 0.0)
    for name in "abc":
        sample = dict(zip("abc", (others[0], *others), strict=True)) | {name: value}
        assert usual.values(sample) is None


def test_other_features_go_the_long_way() -> None:
    usual = Usual({"a": 0, "b": 1}, 2, 0.0)
    more: list[Any] = [{"a": 1.0}, {"a": 1.0, "c": 1.0}, {"a": 1.0, "b": 1.0, "c": 1.0}, {}, [("a", 1.0)], None]
    assert [usual.values(sample) for sample in more] == [None] * len(more)
    assert Usual({"a": 0, "b": 2}, 3, 0.0).values({"a": 1.0, "b": 1.0}) is None  # a place between them is another's
    assert Usual({"a": 0}, 1, 0.0).values({"a": fractions.Fraction(1, 2)}) is None


@pytest.mark.extras
@pytest.mark.parametrize("kind", ["MindClassifier", "MindRegressor"])
def test_a_learner_is_the_same_to_the_bit_by_either_way(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    river = pytest.importorskip("klopf.mind.river")
    r = random.Random(0)
    samples = []
    for t in range(120):
        x: dict[str, Any] = {name: r.gauss(0, 1) for name in r.sample("abc", 3)}  # in another order each time
        if t % 17 == 5:
            x["a"] = None
        if t % 13 == 7:
            del x["b"]
        if t > 60:
            x["new"] = r.gauss(0, 1)
        samples.append((x, x["c"] if kind == "MindRegressor" else x["c"] > 0))

    def said() -> list[Any]:
        model, found = getattr(river, kind)(hidden=4, seed=1), []
        for x, y in samples:
            found.append(model.predict_one(x))
            model.learn_one(x, y)
        return [*found, model._named.mind.commitment()]

    taken, values = 0, Usual.values

    def counted(self: Usual, x: Any) -> Any:
        nonlocal taken
        found = values(self, x)
        taken += found is not None
        return found

    monkeypatch.setattr(Usual, "values", counted)
    short = said()
    assert taken > 50
    monkeypatch.setattr(Usual, "values", lambda self, x: None)
    assert said() == short


@pytest.mark.extras
def test_what_cannot_be_learned_is_refused_as_before_once_samples_are_usual() -> None:
    river = pytest.importorskip("klopf.mind.river")
    model = river.MindClassifier(hidden=4)
    for t in range(5):
        model.learn_one({"a": 1.0, "b": float(t)}, t > 2)
    before = model._named.mind.commitment()
    for value, word in ((1j, "1j"), (np.timedelta64(3, "s"), "timedelta"), ("red", "red"), (np.inf, "inf")):
        with pytest.raises(MindError, match=word):
            model.learn_one({"a": value, "b": 1.0}, True)
    assert model._named.mind.commitment() == before
    model.learn_one({"a": None, "b": 1.0}, True)
    assert model._named.mind.commitment() != before
