"""Whatever holds numbers may be given, in every call, and gives the same answers; the rest is one line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numba
import numpy as np
import pytest

from klopf.mind import Mind, MindError, _company, _mind, diagnostics
from klopf.mind._direct import direct
from klopf.mind.rl import Agent, Horde, SwiftTD

X = np.random.default_rng(0).integers(-3, 4, (30, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def read_only(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    a = a.copy()
    a.flags.writeable = False
    return a


def unaligned(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    b = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    b[...] = a
    return b


FORMS: dict[str, Callable[[np.ndarray[Any, Any]], Any]] = {
    "read-only": read_only,
    "every other": lambda a: np.repeat(a, 2, 0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "Fortran order": np.asfortranarray,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": unaligned,
    "float16": lambda a: a.astype(np.float16),
    "float64": lambda a: read_only(a.astype(np.float64)),
    "long double": lambda a: a.astype(np.longdouble),
    "int8": lambda a: a.astype(np.int8),
    "objects": lambda a: a.astype(object),
    "lists": lambda a: a.tolist(),
    "tuples": lambda a: tuple(map(tuple, a.tolist())) if a.ndim > 1 else tuple(a.tolist()),
    "masked, nothing is": lambda a: np.ma.masked_array(a, np.zeros(a.shape, bool)),
}


def looked_at(kernel: Any, *arguments: Any) -> Any:
    """``direct``, but each call's arguments are held to the types that the code was looked up for."""
    code, types = direct(kernel, *arguments), [numba.typeof(one) for one in arguments]

    def run(*given: Any) -> None:
        assert [numba.typeof(one) for one in given] == types
        code(*given)

    return run


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_numbers_gives_the_same(
    form: Callable[[np.ndarray[Any, Any]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mind, "direct", looked_at)
    usual, m = Mind(4, 2, hidden=(4,)), Mind(4, 2, hidden=(4,))
    usual.learn(X, Y)
    usual.learn_one(X[0], 1)
    m.learn(form(X), form(Y))
    m.learn_one(form(X[0]), np.int8(1))
    assert m.commitment() == usual.commitment()
    assert (m.predict_proba(form(X)) == usual.predict_proba(X)).all()
    assert m.predict_one(form(X[0])) == usual.predict_one(X[0])
    assert diagnostics.diagnose(m, form(X)) == diagnostics.diagnose(usual, X)


@pytest.mark.long
def test_who_keeps_company_finds_its_code_by_types_that_never_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mind, "direct", looked_at)
    monkeypatch.setattr(_company, "direct", looked_at)
    monkeypatch.setattr(_company, "_loaded", {})
    more: dict[str, Any] = _company.options_of("klopf")
    kinds = [
        ("softmax", 2, Y, more),
        ("linear", 1, X[:, 1], more),
        ("linear", 1, X[:, 1], {**more, "scale_targets": False}),
    ]
    for output, outputs, y, options in kinds:
        m = Mind(4, outputs, (4,), output=output, **options)
        m.learn(X, y, sample_weight=np.arange(30) % 3)
        joblib.dump(m, tmp_path / "m")
        m.save(tmp_path / "m.klopf")
        loaded = joblib.load(tmp_path / "m", mmap_mode="r"), Mind.load(tmp_path / "m.klopf")
        for other in (m, copy.deepcopy(m), *loaded):
            other.learn_one(X[3], y[3])
            other.learn(read_only(X), read_only(y))
            assert (other.predict_proba(read_only(X)) == m.predict_proba(X)).all()


def test_memory_maps_are_read_and_a_learner_that_was_one_goes_on(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    usual = Mind(4, 2, hidden=(4,))
    usual.learn(X, Y)
    for mode in ("r", "c", "r+"):
        m = Mind(4, 2, hidden=(4,))
        m.learn(np.load(tmp_path / "x.npy", mmap_mode=mode), Y)
        assert m.commitment() == usual.commitment()
    learners: list[Any] = [usual, Agent(4, choices=2, agent="stream-q", hidden=(4,)), Horde(4, [0.9]), SwiftTD(4)]
    for learner in learners:
        joblib.dump(learner, tmp_path / "learner")
        for mode in (None, "r", "c"):
            back, alone = joblib.load(tmp_path / "learner", mmap_mode=mode), copy.deepcopy(learner)
            for one in (back, alone):
                if isinstance(one, Mind):
                    one.learn(X, Y)
                    continue
                one.begin(X[0])
                for x in X[1:]:
                    one.step(x, 1.0) if isinstance(one, Agent) else (
                        one.step([1.0], x) if isinstance(one, Horde) else one.step(1.0, 0.9, x)
                    )
            if isinstance(back, Mind | Agent):
                assert back.commitment() == alone.commitment()
            else:
                assert (back.weights == alone.weights).all()
    assert set(joblib.Parallel(2, max_nbytes=1)(joblib.delayed(_learned)(usual) for _ in range(2))) == {_learned(usual)}


def _learned(m: Mind) -> bytes:
    m = copy.deepcopy(m)
    m.learn(X, Y)
    return m.commitment()


class Rude:
    """Says that it is an array, and is none."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no\nnever")


WRONG = {
    "nothing": None,
    "a number": 1.0,
    "an array of no dimension": np.array(1.0),
    "no rows of numbers": np.zeros((0,)),
    "three dimensions": np.zeros((2, 2, 4)),
    "too few": np.zeros((2, 3)),
    "ragged": [[1, 2, 3, 4], [1]],
    "texts": [["a"] * 4],
    "texts with _": [["1_000"] * 4],
    "an array of such": np.array([["1_000"] * 4, ["1"] * 4]),
    "bytes with _": [[b"1_0"] * 4],
    "such among objects": np.array([["1_000", 1, 2, 3]], object),
    "complex": np.zeros((2, 4), complex),
    "times": np.zeros((2, 4), "M8[s]"),
    "records": np.zeros((2, 4), [("a", "f4")]),
    "bytes": b"abcd",
    "numbers without end": [[10**400] * 4],
    "what is masked": np.ma.masked_array(np.zeros((2, 4)), np.eye(2, 4, dtype=bool)),
    "what raises": Rude(),
    "what raises inside": [[Rude()] * 4],
    "a dict": {"a": 1},
    "None among numbers": [[None, 1, 2, 3]],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_no_rows_of_numbers_is_one_line(wrong: Any) -> None:
    m = Mind(4, 2, hidden=(4,))
    before = m.commitment()
    n = 2
    for call in (
        lambda: m.learn(wrong, np.zeros(n, int)),
        lambda: m.predict(wrong),
        lambda: m.predict_one(wrong),
        lambda: m.learn_one(wrong, 0),
        lambda: diagnostics.diagnose(m, wrong),
        lambda: m.learn(np.zeros((n, 4)), wrong),
        lambda: Mind(4, 1, output="linear").learn(np.zeros((n, 4)), wrong),
    ):
        with pytest.raises(MindError) as caught:
            call()
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    assert m.commitment() == before
