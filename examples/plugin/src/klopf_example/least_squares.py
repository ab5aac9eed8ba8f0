"""A model for numbers: recursive least squares, after which nothing is left to learn from a sample.

With inputs ``x`` (a 1 before them), weights ``W`` and ``P`` the inverse of what has been seen,

    k = P x / (forget + x' P x),   W <- W + k (y - W' x)',   P <- (P - k x' P) / forget.

Source: Ljung and Soderstrom, *Theory and Practice of Recursive Identification* (1983), section 2.2.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import PeersError
from klopf.peers import Model, Numbers, Task


class LeastSquares(Model):
    """``model = "least-squares"``; ``forget`` below 1 forgets old samples."""

    def __init__(self, task: Task, forget: float, weights: NDArray[np.float64], inverse: NDArray[np.float64]) -> None:
        self.task, self.forget, self.weights, self.inverse = task, forget, weights, inverse

    @classmethod
    def create(cls, task: Task, seed: int, settings: Mapping[str, Any]) -> Self:
        if not isinstance(task, Numbers):
            raise PeersError(f"least-squares learns numbers, not {task.kind}: choose another model")
        forget = dict(settings).pop("forget", 1.0)
        if set(settings) - {"forget"} or not 0 < forget <= 1:
            raise PeersError("least-squares takes forget, above 0 and at most 1, and nothing else")
        width = len(task.features) + 1
        return cls(task, forget, np.zeros((width, len(task.names))), np.eye(width) * 1e3)

    def learn(self, inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self.task.check_inputs(inputs)
        self.task.check_targets(targets, len(inputs))
        for x, y in zip(_with_one(inputs), targets.astype(np.float64), strict=True):
            seen = self.inverse @ x
            gain = seen / (self.forget + x @ seen)
            self.weights = self.weights + np.outer(gain, y - x @ self.weights)
            self.inverse = (self.inverse - np.outer(gain, seen)) / self.forget

    def answer(self, inputs: NDArray[Any]) -> NDArray[Any]:
        self.task.check_inputs(inputs)
        return (_with_one(inputs) @ self.weights).astype(np.float32)

    def commitment(self) -> bytes:
        return hashlib.sha256(self.weights.tobytes() + self.inverse.tobytes()).digest()

    def save(self, folder: Path) -> None:
        np.savez(folder / "state.npz", forget=self.forget, weights=self.weights, inverse=self.inverse)

    @classmethod
    def load(cls, folder: Path, task: Task) -> Self:
        with np.load(folder / "state.npz", allow_pickle=False) as saved:
            return cls(task, float(saved["forget"]), saved["weights"], saved["inverse"])


def _with_one(inputs: NDArray[Any]) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(inputs)), inputs.astype(np.float64)])
