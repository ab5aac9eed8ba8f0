"""A row of layers, trained by batches: the model that a node's devices can hold in parts (:mod:`klopf.fleet.node`)."""

from __future__ import annotations

from math import fsum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._parameters import Parameters, flat, shapes_of, split
from klopf.fleet.models._each import cut_steps
from klopf.fleet.models._model import FleetModel
from klopf.fleet.models._net import Net, Sums, batches, descend, lost

__all__ = ["Layers"]


class Layers(FleetModel):
    """Stochastic gradient descent with momentum, in one place.

    Settings: inputs (the shape of a record, such as ``[64]`` or ``[1, 28, 28]``), layers (a list of ``["dense", 64]``,
    ``["relu"]`` and ``["convolution", channels, side, stride]``), output ("softmax" or "linear"), batch (64), micro (8:
    so many records are computed at once, here as in a node), step_size (0.05), momentum (0)."""

    def __init__(self, net: Net, seed: int) -> None:
        self._net, self._shapes = net, net.shapes()
        self._values = flat(net.begin(seed))

    @classmethod
    def create(cls, settings: dict[str, Any], seed: int) -> Self:
        return cls(Net.of(settings), seed)

    def parameters(self) -> Parameters:
        return split(self._values, self._shapes)

    def load(self, parameters: Parameters) -> None:
        if shapes_of(parameters) != self._shapes:
            raise FleetError("parameters of another shape than these layers': make them by the demand's settings")
        self._values = flat(parameters)

    def train(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], epochs: int, rng: np.random.Generator
    ) -> None:
        net, speed = self._net, np.zeros_like(self._values)
        for places in batches(len(inputs), net.batch, epochs, rng):
            sums, parameters = Sums(speed.size), self.parameters()
            for start in range(0, len(places), net.micro):
                some = places[start : start + net.micro]
                out, kept = net.forward(parameters, net.rows(inputs[some]))
                _, gradient = lost(net.output, out, targets[some])
                sums.add(net.backward(parameters, kept, gradient)[1])
            descend(net, self._values, speed, sums.total, len(places))

    def cut_steps(
        self, inputs: NDArray[np.float32], targets: NDArray[np.float32], clip: float
    ) -> NDArray[np.float64] | None:
        if not self._net.alternates or self._net.output != "softmax":
            return None
        own = self.parameters()
        pairs = list(zip(own[::2], own[1::2], strict=True))
        found = cut_steps(pairs, inputs, targets, self._net.step_size, clip)
        return np.concatenate([np.concatenate([w.ravel(), b]) for w, b in found])

    def loss(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        total = []
        for start in range(0, len(inputs), self._net.micro):
            some = slice(start, start + self._net.micro)
            total.append(lost(self._net.output, self._out(inputs[some]), targets[some])[0])
        return fsum(total) / len(inputs)

    def score(self, inputs: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
        out = np.concatenate([self._out(inputs[i : i + 256]) for i in range(0, len(inputs), 256)])
        if self._net.output == "softmax":
            return float((out.argmax(1) == targets).mean())
        return 1 - float(((out[:, 0] - targets) ** 2).mean()) / max(float(targets.var()), 1e-12)

    def _out(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._net.forward(self.parameters(), self._net.rows(inputs))[0]
