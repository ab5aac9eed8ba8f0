"""Does an examination keep its promises, asked of models of every kind?"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.audit import Case, Examination, Score, Subject, World
from klopf.errors import AuditError
from klopf.peers import Classes, Model, Task

__all__ = ["check_examination"]

_SAMPLES = 160


class _Made(Model):
    """Answers by a rule: the right one in all but a part of the cases."""

    learns = False

    def __init__(self, task: Task, wrong: float) -> None:
        self.task, self._wrong = task, wrong

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        if inputs.dtype.kind not in "f":
            return np.array(["yes" if len(str(one)) % 2 else "no" for one in inputs])
        right = _right(inputs)
        off = np.abs(inputs * 1e3).sum(axis=1) % 1 < self._wrong
        if isinstance(self.task, Classes):
            k = len(self.task.names)
            said = np.where(off, (right > 0).astype(int) + 1, right > 0).astype(int) % k
            return np.asarray(0.2 / k + 0.8 * np.eye(k)[said], np.float32)
        return np.repeat(np.where(off, 0, right)[:, None], len(self.task.names), axis=1).astype(np.float32)

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None: ...

    def commitment(self) -> bytes:
        return bytes(32)

    def save(self, folder: Path) -> None: ...

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        return cls(task, 0.0)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        return cls(task, 0.0)


def _right(inputs: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(inputs[:, 0] * 2 - inputs[:, 1], np.float64)


def _case(task: Task) -> Case:
    """Evidence of every kind."""
    rng = np.random.default_rng(0)
    n = 2 * _SAMPLES
    if not task.input_shape:
        asked = np.array([f"is {i} odd?" for i in range(n)])
        right = np.array(["yes" if i % 2 else "no" for i in range(n)])
        return Case(task, asked[:_SAMPLES], right[:_SAMPLES])
    x = rng.normal(size=(n, *task.input_shape)).astype(np.float32)
    if isinstance(task, Classes):
        y: NDArray[Any] = (_right(x) > 0).astype(np.int64)
        y[::7] = rng.integers(0, len(task.names), len(y[::7]))
        others = np.full((_SAMPLES, len(task.names)), 1 / len(task.names), np.float32)
    else:
        y = np.repeat(_right(x)[:, None], len(task.names), axis=1).astype(np.float32)
        y += rng.normal(0, 0.3, y.shape).astype(np.float32)
        others = np.zeros_like(y[:_SAMPLES])
    half = slice(_SAMPLES), slice(_SAMPLES, n)
    return Case(
        task, x[half[0]], y[half[0]], {"side": np.where(x[half[0], 2] > 0, "left", "right")}, (x[half[1]], y[half[1]]),
        rng.normal(5, 1, x[half[0]].shape).astype(np.float32), {"ada": others}, series=True,
        world=World("a place", lambda: _Place(task), episodes=6, steps=12),
    )  # fmt: skip


class _Place:
    """A world in which what is right is what is right of any sample."""

    def __init__(self, task: Task) -> None:
        self._task, self.action_space = task, self
        self.low, self.high = np.float32(-9), np.float32(9)
        self._lots = np.random.default_rng(0)

    def seed(self, seed: int) -> None:
        self._lots = np.random.default_rng(seed)

    def sample(self) -> NDArray[np.float64]:
        return self._lots.uniform(-9, 9, len(self._task.names))

    def reset(self, *, seed: int) -> tuple[NDArray[np.float64], dict[str, Any]]:
        self._rng = np.random.default_rng(seed)
        self._seen = self._rng.normal(size=self._task.input_shape)
        return self._seen, {}

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        right = _right(self._seen[None])[0]
        near = (
            float(action == int(right > 0)) if isinstance(self._task, Classes) else -float(np.mean(abs(action - right)))
        )
        return self.reset(seed=int(self._rng.integers(2**31)))[0], near, False, False, {}


def check_examination(name: str, kind: type[Examination], task: Task) -> None:
    """Try ``kind`` on a good, a middling and a bad model.

    Raises:
        AssertionError: a promise of :class:`klopf.audit.Examination` is broken.
    """
    assert kind.side in ("quality", "safety"), f"{name}.side is {kind.side!r:.40}: give quality or safety"
    assert isinstance(kind.asks, str) and "\n" not in kind.asks, f"{name}.asks is no line: say what it finds out"
    fault = kind.fault
    assert fault is None or (type(fault) in (int, float) and 0 <= fault <= 1), (
        f"{name}.fault is {fault!r:.40}: give a figure from 0 to 1, or None"
    )
    for need in kind.needs:
        assert hasattr(Case, need) or need in Case.__dataclass_fields__, (
            f"{name}.needs {need!r:.40}, which is no field of a klopf.audit.Case"
        )
    case = _case(task)
    kept = copy.deepcopy(case)
    for wrong in (0.0, 0.3, 1.0):
        found = [_asked(name, kind, case, wrong, seed) for seed in (1, 1)]
        assert found[0] == found[1], f"{name} draws from elsewhere: use the generator that it is given"
        if found[0] is not None:
            _sound(name, found[0])
    assert case.digest == kept.digest, f"{name} changes the evidence: copy what it works on"


def _subject(task: Task, wrong: float) -> Subject:
    return Subject("a model", task, _Made(task, wrong))


def _asked(name: str, kind: type[Examination], case: Case, wrong: float, seed: int) -> Score | None:
    try:
        return kind(case.task).examine(_subject(case.task, wrong), case, np.random.default_rng(seed))
    except AuditError as error:
        assert str(error) and "\n" not in str(error), f"{name} refuses with {str(error)!r:.80}: say it in one line"
        return None


def _sound(name: str, score: Score) -> None:
    assert isinstance(score, Score), f"{name}.examine() gives {score!r:.80}: give a klopf.audit.Score"
    inside = 0.0 <= score.low <= score.value <= score.high <= 1.0 and 0.0 <= score.control <= 1.0
    assert inside, f"{name} gives {score}: a score lies in its interval, all of it in [0, 1]"
    assert isinstance(score.note, str) and "\n" not in score.note, f"{name}'s note has more than one line"
