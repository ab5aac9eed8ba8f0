"""A linear model of scikit-learn's, with partial_fit."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier, SGDRegressor

from klopf.errors import FleetError
from klopf.fleet._parameters import Parameters, shapes_of
from klopf.fleet.models._model import FleetModel, cross_entropy

__all__ = ["Linear"]

_TAKES = {"features", "classes", "step_size", "alpha"}


class Linear(FleetModel):
    """scikit-learn's SGDClassifier (logistic loss, one class against the rest) or, with ``classes = 0``, SGDRegressor.

    Settings: features, classes (0 for numbers), step_size (0.01), alpha (1e-5, the weight of L2).
    """

    def __init__(self, features: int, classes: int, step_size: float, alpha: float, seed: int) -> None:
        common: dict[str, Any] = {
            "learning_rate": "constant",
            "eta0": step_size,
            "alpha": alpha,
            "shuffle": False,
        }
        self._classes = np.arange(classes)
        self._rows = 1 if classes < 3 else classes
        kind: Any = (
            SGDClassifier(loss="log_loss", random_state=seed, **common)
            if classes
            else SGDRegressor(random_state=seed, **common)
        )
        self._fit = (lambda x, y: kind.partial_fit(x, y, self._classes)) if classes else kind.partial_fit
        self._model = kind
        zeros = np.zeros((1, features))  # scikit-learn makes its arrays when it first learns
        self._fit(zeros, np.zeros(1))
        self.load([np.zeros((self._rows, features), np.float32), np.zeros(self._rows, np.float32)])

    @classmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        if set(settings) - _TAKES or not settings.get("features", 0) > 0 or settings.get("classes", -1) in (-1, 1):
            raise FleetError("a linear model takes features, classes (0 for numbers), step_size and alpha")
        given = {"step_size": 0.01, "alpha": 1e-5, **settings}
        return cls(given["features"], given["classes"], given["step_size"], given["alpha"], seed)

    def parameters(self) -> Parameters:
        coefficients = np.array(self._model.coef_, np.float32).reshape(self._rows, -1)
        return [coefficients, np.array(self._model.intercept_, np.float32)]

    def load(self, parameters: Parameters) -> None:
        if shapes_of(parameters) != ((self._rows, self._model.n_features_in_), (self._rows,)):
            raise FleetError("parameters of another shape than this linear model's: make it by the demand's settings")
        weights, bias = (array.astype(np.float64) for array in parameters)
        self._model.coef_ = weights if len(self._classes) else weights[0]
        self._model.intercept_ = bias

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        for _ in range(epochs):
            order = rng.permutation(len(inputs))
            self._fit(inputs[order].astype(np.float64), targets[order])

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        if not len(self._classes):
            return float(((self._model.predict(inputs) - targets) ** 2).mean())
        return cross_entropy(self._model.predict_proba(inputs), targets)

    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        if not len(self._classes):
            return 1 - self.loss(inputs, targets) / max(float(targets.var()), 1e-12)
        return float((self._model.predict(inputs) == targets).mean())
