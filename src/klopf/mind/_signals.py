"""Signals from what a learner knows: that the world has changed, and that an input is like none before.

**Drift** is looked for in a stream of numbers: errors, or a model's ``surprise``. Each is standardised by the mean and
deviation since the last alarm; running means of it over four horizons, each divided by its own deviation, are compared
with one threshold (a geometric moving average chart: Roberts, *Control chart tests based on geometric moving averages*,
Technometrics 1959). **An anomaly** is an input that lies far out in the covariance that a layer shares (``x'Kx``, what
the Klopf learner calls its doubt): of the scaled features and of as many units that were drawn and never learn.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Hashable
from typing import Any

import numpy as np
from river import base

from klopf.errors import MindError
from klopf.mind._checked import no_number, shown
from klopf.mind._memory import enough_room
from klopf.mind._named import Places, number
from klopf.mind._rows import roomy
from klopf.mind._targets import Scale, Steady, named
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.kernels.state import MOST

__all__ = ["MindAnomalyDetector", "MindDriftDetector"]

_WARNING = 2 / 3
_RATES = np.array([1 / 32, 1 / 64, 1 / 128, 1 / 256])
_Anomaly: Any = getattr(base, "AnomalyDetector", None) or importlib.import_module("river.anomaly.base").AnomalyDetector


class MindDriftDetector(Kept, base.DriftAndWarningDetector, base.Estimator):  # type: ignore[misc, unused-ignore]
    """Says when the numbers it is given are no longer what they were: higher, or lower.

    It is an estimator too, as River's checks ask for, though none of River's own detectors is one.

    Args:
        threshold: deviations of a running mean that are an alarm: 4.25 is one false alarm in tens of thousands of
            samples, less is quicker.
        grace: samples after an alarm, and at first, in which there is none.

    >>> import random
    >>> r, detector, alarms = random.Random(0), MindDriftDetector(), []
    >>> for t in range(2000):
    ...     detector.update(r.random() < (0.1 if t < 1000 else 0.5))
    ...     alarms += [t] * detector.drift_detected
    >>> len(alarms) == 1 and 1000 < alarms[0] < 1100
    True
    """

    def __init__(self, threshold: float = 4.25, grace: int = 60) -> None:
        if not threshold > 0 or not grace >= 2:
            raise MindError(f"threshold={threshold!r} must be above 0, and grace={grace!r} a number of samples from 2")
        super().__init__()  # with a warning at two thirds of the threshold
        self.threshold = threshold
        self.grace = grace
        self._turns = Turns()
        self._reset()

    def _reset(self) -> None:
        super()._reset()
        self._scale = Steady()
        self._means = np.zeros(len(_RATES))
        self._kept = np.ones(len(_RATES))  # (1 - rate) ** samples

    @in_turn
    def update(self, x: float) -> None:
        """Take in one number. Raises: MindError, where it is none."""
        try:
            if no_number(x):
                raise TypeError("a date, a duration or complex")
            found = float(x)
        except (TypeError, ValueError, OverflowError) as error:
            raise MindError(f"{shown(x)} is not a number; leave it out") from error
        if not abs(found) <= MOST:
            raise MindError(f"the number is {shown(x)}: NaN, infinite or beyond {MOST:g}; leave it out")
        if self._drift_detected:
            self._reset()
        n = self._scale.count
        if n > 1:
            z = min(max((found - self._scale.mean) / self._scale.deviation, -4.0), 4.0)
            self._means += _RATES * (z - self._means)
            self._kept *= 1.0 - _RATES
            # of a mean that began at 0, and of the mean that was subtracted
            variance = _RATES / (2.0 - _RATES) * (1.0 - self._kept**2) + 1.0 / n
            furthest = float((self._means**2 / variance).max()) if n >= self.grace else 0.0
            self._drift_detected = furthest > self.threshold**2
            self._warning_detected = furthest > (_WARNING * self.threshold) ** 2
        self._scale.learn(found)


class MindAnomalyDetector(Kept, _Anomaly):  # type: ignore[misc]
    """Scores how unlike all inputs of before one is: 0 or more, of the order of 1 on the usual.

    Args:
        units: that are drawn beside the features, so that what lies between clusters is seen too.
        horizon: samples after which an input is nearly forgotten.
        seed: of the units.
        max_features: how many features are known at a time; see :class:`MindClassifier`.

    >>> import random
    >>> r, detector = random.Random(0), MindAnomalyDetector()
    >>> for _ in range(500):
    ...     a = r.gauss(0, 1)
    ...     detector.learn_one({"a": a, "b": a + r.gauss(0, 0.1)})
    >>> detector.score_one({"a": 1, "b": -1}) > 5 > 2 > detector.score_one({"a": 1, "b": 1})
    True
    """

    def __init__(self, units: int = 16, horizon: float = 5000.0, seed: int = 0, max_features: int = 128) -> None:
        if not isinstance(units, int | np.integer) or units < 0 or not horizon >= 1:
            raise MindError(f"units={units!r} must be a whole number from 0, and horizon={horizon!r} samples from 1")
        self.units = units
        self.horizon = horizon
        self.seed = seed
        self.max_features = max_features
        self._turns = Turns()
        self._places = Places(max_features, "feature")
        self._scales: list[Scale] = []
        self._size = 0
        self._covariance = np.eye(0)
        self._usual = Scale()

    def _grow(self, size: int) -> None:
        """Room for so many features; what is known of fewer stays."""
        n, old = size + self.units, self._size
        rng = np.random.default_rng(self.seed)
        with enough_room(f"{self.units} units and {self.max_features} features"):
            drawn = rng.normal(size=(self.units, self.max_features))[:, :size]
        made, bias = np.eye(n), rng.normal(size=self.units)
        if old:
            places = np.append(np.arange(old), np.arange(size, n))
            made[np.ix_(places, places)] = self._covariance
        self._drawn, self._bias, self._covariance, self._size = drawn, bias, made, size

    def _features(self, x: dict[Hashable, Any]) -> Any:
        """Scaled features, and what the units say of them; a feature that is absent is as usual."""
        z = np.zeros(self._size)
        for name, value in named("an input's features", x).items():
            place = self._places.at.get(name)
            found = number(name, value)
            if found == found and place is not None and self._scales[place].count > 1:
                scale = self._scales[place]
                z[place] = min(max((found - scale.mean) / scale.deviation, -8.0), 8.0)
        return np.concatenate([z, np.tanh(self._drawn @ z / math.sqrt(max(len(x), 1)) + self._bias)])

    @in_turn
    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Take one input in as usual."""
        found = {name: number(name, value) for name, value in named("an input's features", x).items()}
        self._places.check(found)
        freed = self._places.see(list(found))
        if len(self._places) > self._size or not self._size:
            self._grow(min(roomy(max(len(self._places), 1)), self.max_features))
        self._scales += [Steady() for _ in range(self._size - len(self._scales))]
        for place in freed:
            self._scales[place] = Steady()
        for name, value in found.items():
            if value == value:  # else it is missing
                self._scales[self._places.at[name]].learn(value)
        h = self._features(found)
        g = self._covariance @ h
        q = float(h @ g)
        if self._usual.count < 100 or q < 9 * self._usual.mean:  # what is far out is no measure of what is usual
            self._usual.learn(q)
        self._covariance -= np.outer(g, g / (1.0 + q))
        if np.trace(self._covariance) < len(h):  # forgetting never leaves it less known than at birth
            self._covariance *= 1.0 + 1.0 / self.horizon

    @in_turn
    def score_one(self, x: dict[Hashable, Any]) -> float:
        """How far out it lies; 0 before the first input."""
        if not self._usual.count:
            return 0.0
        h = self._features(x)
        # what is usual shrinks as more is known, by one over the count; the newest is no anomaly for being early
        return float(h @ self._covariance @ h) * min(self._usual.count, self.horizon) / len(h)

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"units": 8}
