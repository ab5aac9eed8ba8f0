"""A model that is trained in rounds by devices: softmax regression, by stochastic gradient descent."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet import FleetModel

__all__ = ["Softmax"]


class Softmax(FleetModel):
    """Classes from ``sensors`` numbers. All that it knows is one array ``(sensors + 1, classes)``."""

    def __init__(self, sensors: int, classes: int, step_size: float) -> None:
        self.weights = np.zeros((sensors + 1, classes), np.float32)
        self.step_size = step_size

    @classmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        if set(settings) - {"step_size"} != {"sensors", "classes"}:
            raise FleetError("softmax takes sensors, classes and step_size, and nothing else")
        return cls(settings["sensors"], settings["classes"], settings.get("step_size", 0.1))

    def parameters(self) -> list[NDArray[np.float32]]:
        return [self.weights.copy()]

    def load(self, parameters: list[NDArray[np.float32]]) -> None:
        if [array.shape for array in parameters] != [self.weights.shape]:
            raise FleetError("these are the parameters of another softmax")
        self.weights = parameters[0].copy()

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        for _ in range(epochs):
            for row in rng.permutation(len(inputs)):
                x = np.append(inputs[row], np.float32(1))
                wrong = self._probabilities(inputs[row : row + 1])[0]
                wrong[int(targets[row])] -= 1
                self.weights -= np.float32(self.step_size) * np.outer(x, wrong).astype(np.float32)

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        right = self._probabilities(inputs)[np.arange(len(targets)), targets.astype(int)]
        return float(-np.log(np.clip(right, 1e-7, 1)).mean())

    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        return float((self._probabilities(inputs).argmax(1) == targets).mean())

    def _probabilities(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        raised = (inputs @ self.weights[:-1] + self.weights[-1]).astype(np.float64)
        raised = np.exp(raised - raised.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)
