"""The border to input stages: found by name in a saved mind; a fault of another package's is one line that names it.

Klopf's own are called as they are. Those of others are given copies, and what they give back is looked at, so that one
that breaks off leaves a mind as it was.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import ExtensionError, MindError
from klopf.extensions import said
from klopf.mind._checked import shown
from klopf.mind._shipped_stages import Images, Sequences
from klopf.mind._stage import MOST as MOST_NUMBERS
from klopf.mind._stage import STAGES, Stage, State
from klopf.mind.kernels.state import MOST

__all__ = [
    "born_state",
    "checked_stage",
    "heard",
    "is_own",
    "saved_stage",
    "sensed",
    "stage_given",
    "stage_of",
    "unusable",
]

TYPES = ("float32", "float64", "int32", "int64", "uint64")
"""Of arrays that a saved mind can hold."""
_OWN = frozenset((Images, Sequences))
_FIELDS = (int, float, str, bool, type(None))

T = TypeVar("T")


def is_own(stage: Stage) -> bool:
    """Whether it is one of Klopf's."""
    return type(stage) in _OWN


def stage_given(stage: Any) -> Stage | None:
    """What an estimator was given as its ``stage``. Raises: MindError, where it is none."""
    if stage is not None and not isinstance(stage, Stage):
        raise MindError(f"stage={shown(stage)} is no input stage; give one, such as klopf.mind.Images(28, 28), or None")
    return stage


def checked_stage(stage: Stage) -> Stage:
    """``stage``, if a mind can be made with it.

    Raises:
        MindError: what is wrong with it; its package is named.
    """
    if not is_own(stage):
        wrong = _called(stage, "saying what it is", lambda: unusable(stage))
        if wrong:
            raise MindError(f"{_whose(stage)} cannot be used: {wrong}")
        _USED[_name(type(stage))] = type(stage)
    return stage


def unusable(stage: Stage) -> str:
    """What is wrong with what a stage says of itself, as the end of a line; "" if nothing."""
    for name, most in (("sensors", MOST_NUMBERS), ("features", MOST_NUMBERS), ("cost", 2**62)):
        value = getattr(stage, name)
        if type(value) is not int or not 1 <= value <= most:
            return f"its {name} is {value!r:.80}, not a whole number from 1 to {most}"
    for name in ("ordered", "scaled"):
        if type(getattr(stage, name)) is not bool:
            return f"{name} is {getattr(stage, name)!r:.80}, neither True nor False"
    saved = stage.saved()
    if type(saved) is not dict or saved.get("kind") != getattr(stage, "kind", None) or type(saved["kind"]) is not str:
        return "it has no kind, a text by which a saved mind names it, or saved() does not give it"
    for name, value in saved.items():
        if type(name) is not str or name == "package" or type(value) not in _FIELDS or value != value:
            return f"{name}={value!r:.80} cannot be saved: fields are numbers, texts, True, False or None"
    return ""


def gains_of(stage: Stage) -> NDArray[np.float64] | None:
    """How loud its features are heard, or None where all are alike.

    Raises:
        MindError: they are no such numbers; its package is named.
    """
    if is_own(stage):
        return stage.gains
    gains = _called(stage, "saying how loud its features are", lambda: stage.gains)
    if gains is None:
        return None
    usable = type(gains) is np.ndarray and gains.dtype == np.float64 and gains.shape == (stage.features,)
    if not usable or not ((gains >= 1e-3) & (gains <= 1e3)).all():
        raise MindError(f"{_whose(stage)}: gains must be None or {stage.features} numbers (float64) from .001 to 1,000")
    return gains.copy()


def born_state(stage: Stage, seed: int, dtype: Any) -> State:
    """All that ``stage`` learns, as at birth."""
    if is_own(stage):
        return stage.state(seed, dtype)
    given = _called(stage, "state()", lambda: stage.state(seed, dtype))
    wrong = _no_state(given)
    if wrong:
        raise MindError(f"{_whose(stage)}: state() {wrong}")
    return {name: np.array(array, order="C") for name, array in given.items()}


def _no_state(given: Any) -> str:
    if type(given) is not dict:
        return f"gives {given!r:.80}: give a dict of arrays by name"
    for name, array in given.items():
        if type(name) is not str or not (0 < len(name) <= 64 and name.isprintable()):
            return f"has an array called {name!r:.80}: give it a name of at most 64 letters"
        if type(array) is not np.ndarray or array.dtype.name not in TYPES or not array.dtype.isnative:
            kind = array.dtype.name if isinstance(array, np.ndarray) else type(array).__name__
            return f"has {name!r} of the type {kind}: give an array of {', '.join(TYPES)}"
    return ""


def heard(stage: Stage, state: State, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Features of the rows ``x``, which are about to be learned; ``state`` follows.

    Raises:
        MindError: the stage breaks off or gives no features; its package is named, and ``state`` as it was.
    """
    if type(stage) in _OWN:
        return stage.learn(state, x, weights)
    after = {name: array.copy() for name, array in state.items()}
    made = _called(stage, "learn()", lambda: stage.learn(after, x.copy(), weights.copy()))
    features = _features(stage, "learn()", made, x)
    same = after.keys() == state.keys() and all(
        type(after[name]) is np.ndarray and (after[name].shape, after[name].dtype) == (array.shape, array.dtype)
        for name, array in state.items()
    )
    if not same:
        raise MindError(f"{_whose(stage)}: learn() leaves a state of other arrays than at birth: write into those")
    for name, array in state.items():
        array[...] = after[name]
    return features


def sensed(stage: Stage, state: State, x: NDArray[Any]) -> NDArray[Any]:
    """The same for who only predicts; ``state`` stays as it is."""
    if type(stage) in _OWN:
        return stage.sense(state, x)
    kept = {name: array.copy() for name, array in state.items()}
    return _features(stage, "sense()", _called(stage, "sense()", lambda: stage.sense(kept, x.copy())), x)


def _features(stage: Stage, where: str, made: Any, x: NDArray[Any]) -> NDArray[Any]:
    shape = (len(x), stage.features)
    if type(made) is not np.ndarray or made.shape != shape or made.dtype != x.dtype:
        what = f"{made.dtype} of shape {made.shape}" if isinstance(made, np.ndarray) else f"a {type(made).__name__}"
        raise MindError(f"{_whose(stage)}: {where} gives {what} where features are {x.dtype} of shape {shape}")
    if made.size and not np.abs(made).max() <= MOST:  # as NaN is not
        raise MindError(f"{_whose(stage)}: {where} gives a feature that is NaN, infinite or beyond {MOST:g}")
    return np.array(made, order="C")  # which nobody else has


def _called(stage: Stage, where: str, call: Callable[[], T]) -> T:
    """What a stranger's method gives; whatever it raises is one line."""
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise MindError(f"{_whose(stage)} breaks off in {where}: {said(error)}") from error


def _whose(stage: Stage) -> str:
    name = _name(type(stage))
    return f"the input stage {name!r} of {_package(name)}"


def _package(name: str) -> str:
    return name.split(":")[0].split(".")[0] if ":" in name else STAGES.origin(name)


# --- in a saved mind --------------------------------------------------------------------------------------------------

_USED: dict[str, type[Stage]] = {}
"""Stages that this program has made minds with, by the name under which they are saved."""


@functools.lru_cache(256)
def _name(kind: type[Stage]) -> str:
    """Under which it is saved: its own where it is registered by it, else ``module:Class``."""
    called = getattr(kind, "kind", None)
    try:
        if isinstance(called, str) and called in STAGES and STAGES.load(called) is kind:
            return called
    except ExtensionError:  # another package claims the name, and is broken
        pass
    return f"{kind.__module__}:{kind.__qualname__}"


def saved_stage(stage: Stage) -> dict[str, Any]:
    """For a header: :func:`stage_of` makes an equal one of it, and who lacks the package can be told."""
    if is_own(stage):
        return stage.saved()
    name = _name(type(stage))
    return {**stage.saved(), "kind": name, "package": _package(name)}


def stage_of(saved: dict[str, Any]) -> Stage:
    """The stage that a saved mind's header tells of. What is not installed as a package is never imported for it.

    Raises:
        MindError: there is no such kind, or its package cannot make it.
        KeyError, TypeError: the header lacks something, or says too much.
    """
    fields = dict(saved)
    name, package = str(fields.pop("kind")), str(fields.pop("package", ""))
    try:
        kind = _here(name) if ":" in name else STAGES.load(name) if name in STAGES else None
    except ExtensionError as error:
        raise MindError(f"it has an input stage of the kind {name!r} that cannot be used: {error}") from error
    if kind is None:
        mend = f"import {name.split(':')[0]} before" if ":" in name else f"install {package}"
        mend = f"is not here; {mend}" if package else "this Klopf lacks; load it with its own Klopf"
        raise MindError(f"it has an input stage of the kind {name!r}, which {mend}")
    if kind in _OWN:
        return kind(**fields)
    try:
        made = kind(**fields)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        whose = f"the input stage {name!r} of {_package(name)}"
        raise MindError(f"{whose} cannot be made again with {json.dumps(fields):.200}: {said(error)}") from error
    return made


def _here(name: str) -> type[Stage] | None:
    """The class at ``module:Class``, if this program has imported it already."""
    if name in _USED:
        return _USED[name]
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) and issubclass(found, Stage) else None
