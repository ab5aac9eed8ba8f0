"""Predictions that are linear in features of your own: the classics, in float64."""

from __future__ import annotations

import importlib
import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind import _file
from klopf.mind._checked import plain
from klopf.mind._memory import enough_room, zeros
from klopf.mind._turns import Kept, Turns, in_turn
from klopf.mind.kernels.state import MOST

__all__ = ["SwiftTD", "TrueOnlineTD"]


def _checked(name: str, value: Any, low: float, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise MindError(f"{name}={value!r} must be a number from {low} to {high}")
    return float(value)


class _Linear(Kept):
    """What both have in common: features in, a prediction out, saved in one file."""

    rows = 10
    _names: tuple[str, ...] = ()

    def __init__(self, features: int, **given: Any) -> None:
        if isinstance(features, bool) or not isinstance(features, int | np.integer) or features < 1:
            raise MindError(f"features={features!r} must be a whole number from 1")
        self.features = int(features)
        self._given = given
        with enough_room(f"{self.features} features"):
            self._T = zeros((self.rows, self.features), float)
            self._N = zeros(8, float)
            self._x = zeros(self.features, float)
        self._begun = False
        self._turns = Turns()

    @property
    @in_turn
    def weights(self) -> NDArray[Any]:
        """A copy of the weights, shape ``(features,)``."""
        weights: NDArray[Any] = self._T[0].copy()
        return weights

    @in_turn
    def predict(self, x: ArrayLike) -> float:
        """The prediction for features ``x``. Changes nothing."""
        return float(self._T[0] @ self._features(x))

    def _features(self, x: ArrayLike) -> NDArray[Any]:
        given = plain(x, np.float64, "feature")
        if given.shape != (self.features,):
            raise MindError(f"{self.features} features are needed, not an array of shape {given.shape}")
        if not np.abs(given).max() <= MOST:
            raise MindError(f"a feature is NaN, infinite or beyond {MOST:g}; mend what makes them")
        return given

    def _told(self, cumulant: float, discount: float) -> tuple[float, float]:
        if not self._begun:
            raise MindError("nothing has begun; call begin(features) first")
        if not abs(cumulant) <= MOST:
            raise MindError(f"the cumulant is NaN, infinite or beyond {MOST:g}; mend what makes it")
        if not 0.0 <= discount <= 1.0:
            raise MindError(f"discount={discount!r} must be from 0 (the episode ends) to 1")
        return float(cumulant), float(discount)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write this learner to one file, atomically; ``load`` goes on to the bit."""
        with self._turns:
            header = {"kind": type(self).__name__, "features": self.features, "given": self._given,
                      "begun": self._begun}  # fmt: skip
            body = _file.pack(header, {"table": self._T, "numbers": self._N, "features": self._x})
        _file.write(path, body)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Any:
        """The learner that ``save`` wrote.

        Raises:
            MindError: no such file, damaged, or another learner's.
        """
        header, arrays = _file.read(path)
        if header.get("kind") != cls.__name__:
            raise MindError(f"{path} is not a saved {cls.__name__}")
        made = cls(header["features"], **header["given"])
        made._T[...], made._N[...], made._x[...] = arrays["table"], arrays["numbers"], arrays["features"]
        made._begun = bool(header["begun"])
        return made


class TrueOnlineTD(_Linear):
    """True-online TD(λ), van Seijen et al. (2016): exactly the online λ-return's weights, at the cost of TD(λ).

    Args:
        features: how many numbers describe a state.
        step_size: alpha.
        trace_decay: lambda.

    Raises:
        MindError: a number that makes no sense.

    >>> td = TrueOnlineTD(2, step_size=0.5, trace_decay=0.9)
    >>> td.begin([1, 0]); td.step(1.0, 0.9, [0, 1])
    0.0
    >>> td.predict([1, 0])
    0.5
    """

    rows = 2

    def __init__(self, features: int, step_size: float = 0.01, trace_decay: float = 0.8) -> None:
        self.step_size = _checked("step_size", step_size, 0.0)
        self.trace_decay = _checked("trace_decay", trace_decay, 0.0, 1.0)
        super().__init__(features, step_size=self.step_size, trace_decay=self.trace_decay)

    @in_turn
    def begin(self, x: ArrayLike) -> None:
        """An episode begins at features ``x``."""
        self._x = self._features(x).copy()
        self._T[1] = 0.0
        self._N[0] = 0.0
        self._N[4] = 0.0  # the discount of the step before
        self._begun = True

    @in_turn
    def step(self, cumulant: float, discount: float, x2: ArrayLike) -> float:
        """Learn from one transition; returns the prediction for the features ``x2`` that it led to.

        ``discount`` 0 says that nothing follows; then begin the next episode.
        """
        cumulant, discount = self._told(cumulant, discount)
        seen = self._features(x2)
        kernel = importlib.import_module("klopf.mind.rl._kernels.linear")
        decay = self._N[4] * self.trace_decay
        said = kernel.true_online(self._T, self._N, self._x, cumulant, discount, seen, decay, self.step_size)
        self._x = seen.copy()
        self._N[4] = discount
        return float(said)


class SwiftTD(_Linear):
    """SwiftTD, Javed, Sharifnassab and Sutton (2024): a learned step-size for each weight, and a bounded rate of
    learning.

    Args:
        features: how many numbers describe a state.
        step_size: of every weight at first.
        trace_decay: lambda.
        eta: the bound on the share of an error that one update may remove.
        eta_min: the smallest step-size.
        decay: what step-sizes are multiplied by where the bound was met (to the power of the feature's square).
        meta_step_size: theta.

    Raises:
        MindError: a number that makes no sense.
    """

    rows = 10

    def __init__(
        self,
        features: int,
        step_size: float = 1e-2,
        trace_decay: float = 0.95,
        eta: float = 0.1,
        eta_min: float = 1e-10,
        decay: float = 0.999,
        meta_step_size: float = 1e-3,
    ) -> None:
        self.trace_decay = _checked("trace_decay", trace_decay, 0.0, 1.0)
        self.eta = _checked("eta", eta, 1e-30, 1.0)
        self.eta_min = _checked("eta_min", eta_min, 1e-300, self.eta)
        self.decay = _checked("decay", decay, 1e-30, 1.0)
        self.meta_step_size = _checked("meta_step_size", meta_step_size, 0.0)
        self.step_size = _checked("step_size", step_size, 1e-300)
        super().__init__(
            features, step_size=self.step_size, trace_decay=self.trace_decay, eta=self.eta, eta_min=self.eta_min,
            decay=self.decay, meta_step_size=self.meta_step_size,
        )  # fmt: skip
        self._T[7] = math.log(self.step_size)

    @property
    @in_turn
    def step_sizes(self) -> NDArray[Any]:
        """A copy of the weights' own step-sizes, shape ``(features,)``."""
        sizes: NDArray[Any] = np.exp(self._T[7])
        return sizes

    @in_turn
    def begin(self, x: ArrayLike) -> None:
        """An episode begins at features ``x``."""
        seen = self._features(x)
        if self._begun:  # no trace and no error crosses from one episode into the next
            self._T[[1, 2, 3, 5, 6, 8, 9]] = 0.0
            self._T[6] = self._T[4]
            self._N[0] = self._N[1] = 0.0
        self._begun = True
        self._x = seen.copy()
        self._kernel()(self._T, self._N, seen, 0.0, 0.0, *self._constants())

    @in_turn
    def step(self, cumulant: float, discount: float, x2: ArrayLike) -> float:
        """Learn from one transition; returns the prediction for the features ``x2`` that it led to, made before this
        transition was learned from, as published.

        ``discount`` 0 says that nothing follows; then begin the next episode.
        """
        cumulant, discount = self._told(cumulant, discount)
        seen = self._features(x2)
        self._x = seen.copy()
        return float(self._kernel()(self._T, self._N, seen, cumulant, discount, *self._constants()))

    def _kernel(self) -> Any:
        return importlib.import_module("klopf.mind.rl._kernels.linear").swift

    def _constants(self) -> tuple[float, ...]:
        return self.trace_decay, self.eta, self.eta_min, self.decay, self.meta_step_size
