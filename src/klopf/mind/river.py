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
from klopf.mind._mind import Mind

try:
    from river import base
except ImportError as error:  # pragma: no cover - the extra is installed where the tests run
    raise MindError("klopf.mind.river needs River; install klopf[river]") from error

__all__ = ["MindClassifier", "MindRegressor"]


class _Named:
    """Names of features to places, and a mind that is widened when they no longer fit."""

    def __init__(self, hidden: tuple[int, ...], learner: str, output: str, seed: int, options: dict[str, Any]) -> None:
        self._make = {"hidden": hidden, "learner": learner, "output": output, "seed": seed, **options}
        self.places: dict[Hashable, int] = {}
        self.mind: Mind | None = None

    def vector(self, x: dict[Hashable, Any], outputs: int, learning: bool) -> np.ndarray[Any, Any]:
        """``x`` by place; a feature that is absent is 0. New features get their places in the order of their names."""
        if learning:
            for name in sorted((name for name in x if name not in self.places), key=str):
                self.places[name] = len(self.places)
        if self.mind is None:
            self.mind = Mind(_roomy(max(len(self.places), 1)), outputs, **self._make)
        elif len(self.places) > self.mind.sensors or outputs > self.mind.outputs:
            self.mind = self.mind.widened(_roomy(max(len(self.places), self.mind.sensors)), outputs)
        row = np.zeros(self.mind.sensors)
        for name, value in x.items():
            place = self.places.get(name)
            if place is not None:
                try:
                    row[place] = float(value)
                except (TypeError, ValueError) as error:
                    raise MindError(f"feature {name!r} is {value!r}; encode it as a number first") from error
        return row


def _roomy(n: int) -> int:
    """The next power of two, so that a stream of new features widens the network seldom."""
    return 1 << max(n - 1, 0).bit_length()


class MindClassifier(base.Classifier):  # type: ignore[misc, unused-ignore]
    """A mind that tells classes apart, any number of them, under any names.

    Args:
        hidden: units in each hidden layer.
        learner: a name from ``klopf.mind.LEARNERS``.
        seed: of everything random.
        options: fields of ``klopf.mind.Settings``. Inputs are normalised unless they say otherwise.
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
        self._named = _Named(hidden, learner, "softmax", seed, {"normalise_inputs": True, **(options or {})})
        self._classes: dict[Hashable, int] = {}

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: dict[Hashable, Any], y: Any) -> None:
        """Learn one sample."""
        number = self._classes.setdefault(y, len(self._classes))
        row = self._named.vector(x, _roomy(max(2, len(self._classes))), learning=True)
        assert self._named.mind is not None
        self._named.mind.learn_one(row, number)

    def predict_proba_one(self, x: dict[Hashable, Any], **_: Any) -> dict[Any, float]:
        """Probability of each class seen so far; empty before the first sample."""
        if self._named.mind is None or not self._classes:
            return {}
        row = self._named.vector(x, self._named.mind.outputs, learning=False)
        p = self._named.mind.predict_proba_one(row)[: len(self._classes)].astype(np.float64)
        p /= max(p.sum(), 1e-300)
        return {name: float(p[number]) for name, number in self._classes.items()}


class MindRegressor(base.Regressor):  # type: ignore[misc, unused-ignore]
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
        self._named = _Named(hidden, learner, "linear", seed, {"normalise_inputs": True, **(options or {})})
        self._count = 0
        self._mean = 0.0
        self._variance = 0.0

    def learn_one(self, x: dict[Hashable, Any], y: float) -> None:
        """Learn one sample."""
        self._count += 1
        rate = max(1.0 / self._count, 1e-5)
        d = float(y) - self._mean
        self._mean += rate * d
        self._variance = (1 - rate) * (self._variance + rate * d * d)
        row = self._named.vector(x, 1, learning=True)
        assert self._named.mind is not None
        self._named.mind.learn_one(row, (float(y) - self._mean) / (self._variance**0.5 + 1e-8))

    def predict_one(self, x: dict[Hashable, Any]) -> float:
        """The predicted number; 0 before the first sample."""
        if self._named.mind is None:
            return 0.0
        row = self._named.vector(x, 1, learning=False)
        predicted = float(self._named.mind.predict_one(row))
        return float(self._mean + (self._variance**0.5 + 1e-8) * predicted)
