"""Ridge regression by moments: devices give sums over their records, once, and the model is solved from their mean."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._parameters import Parameters, flat, shapes_of
from klopf.fleet.models._model import FleetModel

__all__ = ["Ridge"]

_MOST = 1000
"""Features: moments are their square."""
_AT_ONCE = 1 << 20
"""Numbers of records' own moments that are held at once."""


@cache
def _upper(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(size)


class Ridge(FleetModel):
    """A linear model of numbers whose parameters are what it is solved from: with z a record's inputs and a 1, the mean
    of z z' (its upper triangle) and of y z. The mean of devices' moments, by their records, is that of all records
    pooled, so one round is all it takes; the weights are (mean z z' + l2 t I)⁻¹ mean y z, t being the mean of the
    diagonal.

    With noise on what a device gives (Dwork et al. 2014, Analyze Gauss), ask for one round and a group for each record:
    then the noise is added once, and to a sum over all records. What noise made negative in the moments' spectrum
    counts as 0.

    Settings: features, l2 (0.02).
    """

    def __init__(self, features: int, l2: float) -> None:
        self._features, self._l2 = features, l2
        self._upper = _upper(features + 1)
        self.load([np.zeros(len(self._upper[0]), np.float32), np.zeros(features + 1, np.float32)])

    @classmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        features, l2 = settings.get("features", 0), settings.get("l2", 0.02)
        if set(settings) - {"features", "l2"} or not 0 < features <= _MOST or not 0 < l2 < 1e6:
            raise FleetError(f"ridge takes features, at most {_MOST}, and l2, above 0")
        return cls(int(features), float(l2))

    def parameters(self) -> Parameters:
        return [array.copy() for array in self._moments]

    def load(self, parameters: Parameters) -> None:
        wanted = ((len(self._upper[0]),), (self._features + 1,))
        if shapes_of(parameters) != wanted:
            raise FleetError("parameters of another shape than this ridge's: make it by the demand's settings")
        self._moments = [np.array(array, np.float32) for array in parameters]
        self._weights: NDArray[np.float64] | None = None  # solved when they are asked for

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        """The moments of these records, whatever was loaded before; a second pass changes nothing."""
        z = self._with_one(inputs)
        both = z.T @ z / len(z)
        self.load([np.asarray(both[self._upper], np.float32), np.asarray(z.T @ targets / len(z), np.float32)])

    def cut_steps(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], clip: float
    ) -> NDArray[np.float64] | None:
        now = flat(self._moments).astype(np.float64)
        z, total = self._with_one(inputs), np.zeros(len(now))
        some = max(1, _AT_ONCE // len(now))
        for at in range(0, len(z), some):
            part = z[at : at + some]
            both = part[:, self._upper[0]] * part[:, self._upper[1]]
            change = np.concatenate([both, part * targets[at : at + some, None]], axis=1).astype(np.float32) - now
            lengths = np.linalg.norm(change, axis=1)
            sound = np.isfinite(lengths)  # who goes beyond numbers changes nothing: that it did, tells of it
            scale = np.where(sound, np.minimum(1.0, clip / np.maximum(lengths, 1e-30)), 0.0)
            total += scale @ np.where(sound[:, None], change, 0.0)
        return total

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        return float(((self._with_one(inputs) @ self._solved() - targets) ** 2).mean())

    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        return 1 - self.loss(inputs, targets) / max(float(targets.var()), 1e-12)

    def _with_one(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        if inputs.ndim != 2 or inputs.shape[1] != self._features:
            raise FleetError(f"records of shape {inputs.shape} have not this ridge's {self._features} features")
        return np.concatenate([inputs.astype(np.float64), np.ones((len(inputs), 1))], axis=1)

    def _solved(self) -> NDArray[np.float64]:
        if self._weights is None:
            both = np.zeros((self._features + 1, self._features + 1))
            both[self._upper] = self._moments[0]
            if not all(np.isfinite(array).all() for array in self._moments):  # which no solver takes
                self._weights = np.full(len(both), np.nan)
                return self._weights
            values, axes = np.linalg.eigh(both, UPLO="U")
            values = np.maximum(values, 0)
            mean = float(values.mean())
            along = (axes.T @ self._moments[1].astype(np.float64)) / (values + self._l2 * mean + 1e-30)
            self._weights = axes @ along if mean > 0 else np.zeros(len(axes))
        return self._weights
