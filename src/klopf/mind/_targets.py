"""One target at a time: its scale, and what is refused as one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from klopf.errors import MindError
from klopf.mind._checked import checked_weights, no_number, shown
from klopf.mind.kernels.state import MOST

__all__ = ["Scale", "Steady", "check_class", "holds", "named", "target_of", "weight_of"]


class Scale:
    """The running mean and deviation of a target."""

    def __init__(self, count: int = 0, mean: float = 0.0, variance: float = 0.0) -> None:
        self.count, self.mean, self.variance = count, mean, variance

    def copy(self) -> Scale:
        return Scale(self.count, self.mean, self.variance)

    def learn(self, target: float) -> float:
        """It takes ``target`` in; in deviations from the mean it is what is returned."""
        rate = max(1.0 / (self.count + 1), 1e-5)
        d = target - self.mean
        self.count, self.mean = self.count + 1, self.mean + rate * d
        self.variance = (1 - rate) * (self.variance + rate * d * d)
        return float((target - self.mean) / self.deviation)

    @property
    def deviation(self) -> float:
        return float(self.variance**0.5 + 1e-8)

    def back(self, out: Any) -> Any:
        """A number from deviations."""
        return self.mean + self.deviation * out


class Steady(Scale):
    """The same of numbers of which one may lie far beyond all others: it counts as far out as the farthest so far.

    Where such come back they count for twice as much each time, so what recurs is data. One of the first ``FEW`` can be
    told by those that follow; then mean and variance are those of the others.
    """

    FEW, FAR, MORE = 32, 12.0, 2.0

    def __init__(self) -> None:
        super().__init__()
        self.first: list[float] = []
        self.most = 0.0

    def learn(self, target: float) -> float:
        if self.count < self.FEW:
            self.first.append(target)
            super().learn(target)
            if self.count == self.FEW:
                self._settle()
            return (target - self.mean) / self.deviation
        off = abs(target - self.mean)
        bound = max(self.FAR * self.deviation, self.MORE * self.most)
        heard = target if off <= bound or not self.most else self.mean + math.copysign(self.most, target - self.mean)
        self.most = max(self.most, min(off, bound) if self.most else off)
        super().learn(heard)
        return (target - self.mean) / self.deviation

    def _settle(self) -> None:
        far = max(self.first, key=lambda x: abs(x - self.mean))
        self.first.remove(far)
        mean = sum(self.first) / len(self.first)
        variance = sum((x - mean) ** 2 for x in self.first) / len(self.first)
        if variance > 0 and (far - mean) ** 2 > self.FAR**2 * variance:
            self.mean, self.variance = mean, variance
        else:
            self.first.append(far)
        self.most = max(abs(x - self.mean) for x in self.first)
        self.first = []


_NAMES = (str, int, bool)


def check_class(y: Any) -> None:
    if type(y) in _NAMES:  # as is usual
        return
    try:
        hash(y)
    except TypeError as error:
        raise MindError(f"class {shown(y)} cannot be a name; give a text, a number or True and False") from error
    try:
        known = y is not None and bool(y == y)
    except TypeError:  # pandas' NA
        known = False
    if not known:
        raise MindError(f"the class is {shown(y)}; drop the sample or name its class")


def weight_of(w: Any) -> float:
    if type(w) is float and 0 <= w <= MOST:  # as is usual
        return w
    return float(checked_weights([w], 1, np.float64)[0])


def holds(name: Hashable, value: Any) -> float:
    try:
        said = value in (0, 1)
    except (TypeError, ValueError):  # pandas' NA, an array
        said = False
    if not said:
        raise MindError(f"label {shown(name)} is {shown(value)}; say True or False")
    return float(value)


def named(what: str, found: Any) -> Mapping[Hashable, Any]:
    """A sample's features, labels or targets by name. Raises: MindError, where they are no dict."""
    if type(found) is not dict and not isinstance(found, Mapping):
        raise MindError(f"{what} must be a dict by name, not {type(found).__name__}")
    return found


def target_of(y: Any) -> float:
    if type(y) is float and abs(y) <= MOST:  # as is usual
        return y
    try:
        if no_number(y):
            raise TypeError("a date, a duration or complex")
        target = float(y)
    except (TypeError, ValueError, OverflowError) as error:
        raise MindError(f"the target is {shown(y)}, not a number") from error
    if not abs(target) <= MOST:
        raise MindError(f"the target is {shown(y)}: NaN, infinite or beyond {MOST:g}; drop or scale it first")
    return target
