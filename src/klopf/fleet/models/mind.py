"""A mind of Klopf's as a model that is trained in rounds: its weights travel, one layer after another."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._parameters import Parameters, shapes_of
from klopf.fleet.models._each import cut_steps
from klopf.fleet.models._model import FleetModel, cross_entropy
from klopf.mind import Mind

__all__ = ["MindModel"]

_TAKES = {"sensors", "outputs", "hidden", "output", "step_size", "l2"}


class MindModel(FleetModel):
    """Plain backpropagation, one record at a time. (Learners with a state of their own for each weight do not average.)

    Settings: sensors, outputs, hidden (a list of sizes), output ("softmax" or "linear"), step_size, l2.
    """

    def __init__(self, mind: Mind, step_size: float) -> None:
        self._mind, self._step = mind, step_size
        self._shapes = shapes_of(self.parameters())

    @classmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        if set(settings) - _TAKES:
            raise FleetError(
                f"a mind in a fleet takes {', '.join(sorted(_TAKES))}, not {', '.join(set(settings) - _TAKES)}"
            )
        mind = Mind(learner="backprop", seed=seed, **settings)
        if mind.output == "linear" and mind.outputs != 1:
            raise FleetError(f"a mind in a fleet predicts one number, not {mind.outputs}: outputs = 1")
        return cls(mind, 0.0 if settings.get("l2") else float(settings.get("step_size", 0.0)))

    def parameters(self) -> Parameters:
        return [self._mind.weights(layer).astype(np.float32) for layer in range(len(self._mind.hidden) + 1)]

    def load(self, parameters: Parameters) -> None:
        if shapes_of(parameters) != self._shapes:
            raise FleetError("parameters of another shape than this mind's: make it by the demand's settings")
        with self._mind.held():
            for layer, array in enumerate(parameters):
                self._mind._tables.live(layer)[0] = array

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        for _ in range(epochs):
            order = rng.permutation(len(inputs))
            self._mind.learn(inputs[order], self._targets(targets[order]))

    def cut_steps(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], clip: float
    ) -> NDArray[np.float64] | None:
        if not self._step or self._mind.output != "softmax":
            return None
        layers = [(both[:-1], both[-1]) for both in self.parameters()]
        found = cut_steps(layers, inputs, targets, self._step, clip)
        return np.concatenate([np.concatenate([w.ravel(), b]) for w, b in found])

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        out = self._mind.predict_proba(inputs)
        if self._mind.output == "softmax":
            return cross_entropy(out, targets)
        return float(((out[:, 0] - targets) ** 2).mean())

    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        if self._mind.output == "softmax":
            return float((self._mind.predict(inputs) == targets).mean())
        return 1 - self.loss(inputs, targets) / max(float(targets.var()), 1e-12)

    def answer(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of each class, ``(n, classes)``; of numbers the number, ``(n, 1)``."""
        return np.asarray(self._mind.predict_proba(inputs), np.float32)

    def _targets(self, targets: NDArray[np.float32]) -> NDArray[Any]:
        return targets.astype(int) if self._mind.output == "softmax" else targets
