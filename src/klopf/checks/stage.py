"""Does an input stage keep its promises?"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.checks._borders import alone
from klopf.checks._promise import promise
from klopf.mind import STAGES, Mind, Stage
from klopf.mind._stage import State
from klopf.mind._staged import born_state, heard, saved_stage, sensed, stage_of, unusable

__all__ = ["check_stage"]

_ROWS = 90
_DTYPES = (np.dtype("float32"), np.dtype("float64"))


def check_stage(stage: Stage) -> None:
    """Let ``stage`` make features as a mind does: in one piece and row by row, learned, sensed, saved and gone on with.

    Args:
        stage: one, with the settings that it is to be checked with, such as ``Images(8, 8)``.

    Raises:
        AssertionError: a promise of :class:`klopf.mind.Stage` is broken; one line says which.
    """
    what = stage.__qualname__ if isinstance(stage, type) else repr(stage)
    assert isinstance(stage, Stage), (
        f"{what:.80} is no input stage: give check_stage one that is made, of a class derived from klopf.mind.Stage"
    )
    name = type(stage).__name__
    with promise(name, type(stage)):
        wrong = unusable(stage)
        assert not wrong, f"{name} cannot be used: {wrong}"
        _has_its_name(name, stage)
        for dtype in _DTYPES:
            _born(name, stage, dtype)
            _follows_rows(name, stage, dtype)
            _only_senses(name, stage, dtype)
            _heeds_weights(name, stage, dtype)
        _lets_a_mind_learn(name, stage)


def _rows(stage: Stage, dtype: Any, seed: int = 1, n: int = _ROWS) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs that anything can be heard in, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, stage.sensors)).astype(dtype)
    weights = np.where(rng.random(n) < 0.2, 0.0, 1.0).astype(dtype)
    return x, weights


def _same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(
        (one[k].dtype, one[k].shape, one[k].tobytes()) == (other[k].dtype, other[k].shape, other[k].tobytes())
        for k in one
    )


def _copied(state: State) -> State:
    return {name: array.copy() for name, array in state.items()}


def _has_its_name(name: str, stage: Stage) -> None:
    """What a saved mind says of it makes an equal one; what it is registered as is what it is called."""
    kind = type(stage)
    for called in STAGES:
        if STAGES.origin(called) == kind.__module__.split(".")[0] or called == stage.kind:
            found = STAGES.load(called)
            assert found is not kind or called == stage.kind, (
                f"{name} is registered as {called!r} and has the kind {stage.kind!r}: let both be the same"
            )
            assert found is kind or called != stage.kind, (
                f"{name} has the kind {called!r}, which is that of {STAGES.origin(called)}'s {found.__name__}: "
                "give it a name of its own"
            )
    saved = json.loads(json.dumps(saved_stage(stage)))
    again = (
        stage_of(saved) if ":" not in saved["kind"] else kind(**{k: v for k, v in stage.saved().items() if k != "kind"})
    )
    assert type(again) is kind and again == stage and again.saved() == stage.saved(), (
        f"{name} made again from what it says it is, is another: {again!r:.100}; keep every setting in a field, under "
        "@dataclass(frozen=True)"
    )
    sizes = [(s.sensors, s.features, s.cost) for s in (stage, again, stage)]
    assert sizes[0] == sizes[1] == sizes[2], (
        f"{name} has other sizes when it is asked again: let them follow its fields"
    )


def _born(name: str, stage: Stage, dtype: Any) -> None:
    with promise(f"{name}.state()"):
        with alone(name, "state"):
            state = born_state(stage, 3, dtype)
        kept = _copied(state)
        again = born_state(stage, 3, dtype)
    assert _same(kept, again), f"{name}.state() is another for the same seed: draw everything random from it"
    x, weights = _rows(stage, dtype)
    given = _copied(state)
    stage.learn(given, x.copy(), weights.copy())
    assert _same(born_state(stage, 3, dtype), kept), (
        f"{name} keeps what it learned outside the state that it was given: another mind is born with it"
    )


def _learned(name: str, stage: Stage, state: State, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """As a mind learns, and the rows that were given stay as they are."""
    given = x.copy(), weights.copy(), _copied(state)
    with alone(name, "learn"):
        stage.learn(given[2], *given[:2])
    same = given[0].tobytes() == x.tobytes() and given[1].tobytes() == weights.tobytes()
    assert same, f"{name}.learn() changes the rows or weights that it is given: copy what it works on"
    return heard(stage, state, x, weights)


def _follows_rows(name: str, stage: Stage, dtype: Any) -> None:
    """However a stream is cut, features and state are those of its rows."""
    x, weights = _rows(stage, dtype)
    whole = born_state(stage, 3, dtype)
    made = _learned(name, stage, whole, x, weights)
    for size in (1, 7):
        state, parts = born_state(stage, 3, dtype), []
        for start in range(0, _ROWS, size):
            parts.append(heard(stage, state, x[start : start + size], weights[start : start + size]))
        how = "one by one" if size == 1 else "in pieces"
        assert np.array_equal(np.concatenate(parts), made), (
            f"{name}.learn() makes other features of the same rows when they come {how}: they may depend on earlier "
            "rows alone"
        )
        assert _same(state, whole), f"{name}.learn() comes to another state when the same rows come {how}"
    later = x.copy()
    later[_ROWS // 2 :] += 1
    other = heard(stage, born_state(stage, 3, dtype), later, weights)
    assert np.array_equal(other[: _ROWS // 2], made[: _ROWS // 2]), (
        f"{name}.learn() makes features of rows that come later: use those up to each row alone"
    )
    assert not np.array_equal(other, made), f"{name}.learn() makes the same features whatever the rows are"


def _only_senses(name: str, stage: Stage, dtype: Any) -> None:
    x, weights = _rows(stage, dtype)
    state = born_state(stage, 3, dtype)
    heard(stage, state, x, weights)
    before, asked = _copied(state), _rows(stage, dtype, 2, 20)[0]
    given = asked.copy()
    with alone(name, "sense"):
        stage.sense(state, given)
    assert _same(state, before), f"{name}.sense() changes its state: what only predicts must leave it as it was"
    assert given.tobytes() == asked.tobytes(), f"{name}.sense() changes the rows it is given: copy what it works on"
    one, again = sensed(stage, state, asked), sensed(stage, state, asked)
    assert np.array_equal(one, again), f"{name}.sense() makes other features of the same rows the second time"
    first = sensed(stage, state, asked[:1])
    assert np.array_equal(first, one[:1]), f"{name}.sense() makes other features of a row when others come after it"
    if not stage.ordered:
        backwards = sensed(stage, state, np.ascontiguousarray(asked[::-1]))[::-1]
        assert np.array_equal(backwards, one), (
            f"{name}.sense() makes features of a row that depend on the rows before it: say ordered = True"
        )


def _heeds_weights(name: str, stage: Stage, dtype: Any) -> None:
    """A row of weight 0 is not learned from; only where rows are ordered, time passes."""
    if stage.ordered:
        return
    x, _ = _rows(stage, dtype)
    state = born_state(stage, 3, dtype)
    heard(stage, state, x, np.ones(_ROWS, dtype))
    before = _copied(state)
    made = heard(stage, state, x[:20], np.zeros(20, dtype))
    assert _same(state, before), (
        f"{name}.learn() learns from rows of weight 0: leave them out, or say ordered = True if rows follow each other"
    )
    assert np.array_equal(made, sensed(stage, state, x[:20])), (
        f"{name}: learn() of rows of weight 0 and sense() make different features of the same rows"
    )


def _lets_a_mind_learn(name: str, stage: Stage) -> None:
    """A mind with it learns, is saved, and goes on to the bit."""
    x, weights = _rows(stage, np.float32)
    y = (x[:, 0] > 0).astype(int)
    m = Mind(stage, 2, (4,), seed=1)
    m.learn(x, y, weights)
    assert m.finite and np.isfinite(m.predict_proba(x)).all(), f"{name} makes features by which a mind diverges"
    with tempfile.TemporaryDirectory() as place:
        m.save(Path(place) / "m")
        again = Mind.load(Path(place) / "m")
    assert again.commitment() == m.commitment(), f"{name}: a mind with it is another one after Mind.save and Mind.load"
    one, other = m.learn(x, y, weights), again.learn(x, y, weights)
    assert np.array_equal(one, other) and again.commitment() == m.commitment(), (
        f"{name}: a mind with it learns on differently after Mind.save and Mind.load; keep all that is learned in state"
    )
