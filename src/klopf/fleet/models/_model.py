"""What a model needs to be trained in rounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.fleet._parameters import Parameters

__all__ = ["FleetModel", "cross_entropy"]


class FleetModel(ABC):
    """A model whose parameters can be taken out, put back, and trained on a device's records. To add one, derive a
    class in a file of its own and name it in ``MODELS``, or in the ``pyproject.toml`` of a package of your own, which
    devices and server then have installed; ``klopf.checks.check_fleet_model`` tells whether it keeps its promises.

    Inputs are ``(n, features)`` and targets ``(n,)``, float32: class numbers, or numbers.
    """

    @classmethod
    @abstractmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        """A new model; the same settings and seed give the same parameters, to the bit. Raises for settings that it
        does not take."""

    @abstractmethod
    def parameters(self) -> Parameters:
        """A copy of all that is learned and shared."""

    @abstractmethod
    def load(self, parameters: Parameters) -> None:
        """Put them back, in the same shapes. What is trained from them then is what a new model would come to, whatever
        this one was trained on before: noise on what single records change relies on that."""

    @abstractmethod
    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        """Pass ``epochs`` times over the records, in an order that ``rng`` draws."""

    def cut_steps(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], clip: float
    ) -> NDArray[np.float64] | None:
        """The sum over records of what one step on each alone changes, ``(numbers,)``, each at most ``clip`` long; None
        where the model has no faster way to it than a pass over one record after another. Nothing is learned by it."""
        return None

    @abstractmethod
    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        """The mean loss: cross-entropy in nats, or squared error."""

    @abstractmethod
    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        """What a demand's test asks for, more is better: the accuracy, or the part of the variance that is
        explained."""


def cross_entropy(probabilities: NDArray[Any], targets: NDArray[Any]) -> float:
    """Mean of -log p of the right class, in nats; a p under 1e-7 counts as that.

    >>> round(cross_entropy(np.array([[0.5, 0.5]]), np.array([1.0])), 3)
    0.693
    """
    right = probabilities[np.arange(len(targets)), targets.astype(int)]
    return float(-np.log(np.clip(right, 1e-7, 1)).mean())
