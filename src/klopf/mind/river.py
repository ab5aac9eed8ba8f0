"""The same learners with River's interface: samples are dicts, features and classes may appear at any time.

River (https://riverml.xyz) is an optional extra: ``pip install klopf[river]``. The estimators pass River's own checks.

>>> from klopf.mind.river import MindClassifier
>>> model = MindClassifier(hidden=(8,), seed=1)
>>> for x, y in [({"a": 1.0}, True), ({"a": -1.0, "b": 2.0}, False)] * 30:
...     model.learn_one(x, y)
>>> model.predict_one({"a": 1.0})
True
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from klopf.errors import MindError
from klopf.extras import require as _require
from klopf.mind._company import options_of
from klopf.mind._mind import Mind
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.kernels.state import MOST

_require("river", "klopf.mind.river")

from river import base

__all__ = ["MindClassifier", "MindRegressor"]


class _Named:
    """Names of features to places, and a mind that is widened when they no longer fit."""

    def __init__(self, hidden: tuple[int, ...], learner: str, output: str, seed: int, options: dict[str, Any]) -> None:
        self._make = {"hidden": hidden, "learner": learner, "output": output, "seed": seed, **options}
        self.places: dict[Hashable, int] = {}
        self.mind: Mind | None = None

    def learn_one(self, x: dict[Hashable, Any], y: Any, outputs: int) -> None:
        """Learn one sample, ``y`` as a mind with ``outputs`` takes it; a feature that is absent is 0.

        New features get their places in the order of their names. What cannot be learned from changes nothing.
        """
        numbers = {name: _number(name, value) for name, value in x.items()}
        new = sorted((name for name in x if name not in self.places), key=str)
        needed = len(self.places) + len(new)
        mind = self.mind
        if mind is None:
            mind = Mind(_roomy(max(needed, 1)), outputs, **self._make)
        elif needed > mind.sensors or outputs > mind.outputs:
            mind = mind.widened(_roomy(max(needed, mind.sensors)), outputs)
        self.mind = mind
        self.places.update(zip(new, range(len(self.places), needed), strict=True))
        mind.learn_one(self._row(mind, numbers), y)

    def vector(self, mind: Mind, x: dict[Hashable, Any]) -> np.ndarray[Any, Any]:
        """``x`` by place; features that were never learned from are left out."""
        return self._row(mind, {name: _number(name, value) for name, value in x.items() if name in self.places})

    def _row(self, mind: Mind, numbers: dict[Hashable, float]) -> np.ndarray[Any, Any]:
        row = np.zeros(mind.sensors)
        for name, number in numbers.items():
            row[self.places[name]] = number
        return row


def _number(name: Hashable, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise MindError(f"feature {name!r} is {value!r}; encode it as a number first") from error
    if not abs(number) <= MOST:
        raise MindError(
            f"feature {name!r} is {value!r}: NaN, infinite or beyond {MOST:g}; drop, fill or scale it first"
        )
    return number


def _roomy(n: int) -> int:
    """The next power of two, so that a stream of new features widens the network seldom."""
    return 1 << max(n - 1, 0).bit_length()


class MindClassifier(Kept, base.Classifier):  # type: ignore[misc, unused-ignore]
    """A mind that tells classes apart, any number of them, under any names.

    Args:
        hidden: units in each hidden layer.
        learner: a name from ``klopf.mind.LEARNERS``.
        seed: of everything random.
        options: fields of ``klopf.mind.Settings``. Inputs are normalised unless they say otherwise, and the Klopf
            learner keeps company (``memory=1000, trees=10, shortcut=True, listening_prior=1.0``); ``memory=0,
            trees=0`` leaves it alone.
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (32,),
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.hidden = hidden
        self.learner = learner
        self.seed = seed
        self.options = options
        self._named = _Named(hidden, learner, "softmax", seed, {**options_of(learner), **(options or {})})
        self._classes: dict[Hashable, int] = {}
        self._turns = Turns()

    @property
    def _multiclass(self) -> bool:
        return True

    @in_turn
    def learn_one(self, x: dict[Hashable, Any], y: Any) -> None:
        """Learn one sample."""
        try:
            number = self._classes.get(y, len(self._classes))
        except TypeError as error:
            raise MindError(f"class {y!r} cannot be a name; give a text, a number or True and False") from error
        if y is None or y != y:
            raise MindError(f"the class is {y!r}; drop the sample or name its class")
        self._named.learn_one(x, number, _roomy(max(2, len(self._classes), number + 1)))
        self._classes[y] = number

    @in_turn
    def predict_proba_one(self, x: dict[Hashable, Any], **_: Any) -> dict[Any, float]:
        """Probability of each class seen so far; empty before the first sample."""
        if self._named.mind is None or not self._classes:
            return {}
        row = self._named.vector(self._named.mind, x)
        p = self._named.mind.predict_proba_one(row)[: len(self._classes)].astype(np.float64)
        p /= max(p.sum(), 1e-300)
        return {name: float(p[number]) for name, number in self._classes.items()}


class MindRegressor(Kept, base.Regressor):  # type: ignore[misc, unused-ignore]
    """A mind that predicts one number; arguments as for :class:`MindClassifier`.

    Targets are shifted and scaled by their running mean and deviation inside, so that their unit does not matter.
    """

    def __init__(
        self,
        hidden: tuple[int, ...] = (32,),
        learner: str = "klopf",
        seed: int = 0,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.hidden = hidden
        self.learner = learner
        self.seed = seed
        self.options = options
        self._named = _Named(hidden, learner, "linear", seed, {**options_of(learner), **(options or {})})
        self._count = 0
        self._mean = 0.0
        self._variance = 0.0
        self._turns = Turns()

    @in_turn
    def learn_one(self, x: dict[Hashable, Any], y: float) -> None:
        """Learn one sample."""
        try:
            target = float(y)
        except (TypeError, ValueError, OverflowError) as error:
            raise MindError(f"the target is {y!r}, not a number") from error
        if not abs(target) <= MOST:
            raise MindError(f"the target is {y!r}: NaN, infinite or beyond {MOST:g}; drop or scale it first")
        rate = max(1.0 / (self._count + 1), 1e-5)
        d = target - self._mean
        mean = self._mean + rate * d
        variance = (1 - rate) * (self._variance + rate * d * d)
        self._named.learn_one(x, (target - mean) / (variance**0.5 + 1e-8), 1)
        self._count, self._mean, self._variance = self._count + 1, mean, variance

    @in_turn
    def predict_one(self, x: dict[Hashable, Any]) -> float:
        """The predicted number; 0 before the first sample."""
        if self._named.mind is None:
            return 0.0
        row = self._named.vector(self._named.mind, x)
        predicted = float(self._named.mind.predict_one(row))
        return float(self._mean + (self._variance**0.5 + 1e-8) * predicted)
