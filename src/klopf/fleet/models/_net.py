"""A network as a row of layers, each a few plain functions over NumPy arrays: what it costs, gives and learns.

A row can be cut anywhere: whoever holds layers ``first`` to ``last`` needs nothing of the others. Nothing here depends
on who computes which part, or in what order gradients of micro-batches are added, to the bit on processors of one kind.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._parameters import MOST, Parameters, Shapes

__all__ = ["GREATEST", "Layer", "Net", "Sums", "batches", "descend", "lost"]

Array = NDArray[np.float32]
Shape = tuple[int, ...]

_LAYERS, _SIDE, _MICROS = 64, 1 << 20, 1024
_AT_ONCE = 1 << 28
"""Numbers that a micro-batch may take beside the parameters: 1 GiB. A demand is a stranger's, and the memory is not."""
GREATEST = 2.0**14
"""A number of a micro-batch's gradient is at most this far from 0: beyond, training has diverged."""
_ROUNDS = 1.5 * 2.0 ** (52 - 28)
"""Added and taken away in float64, it rounds to multiples of 2**-28; sums of 1,024 of those up to 2**14 are exact."""


class Layer(ABC):
    """One layer. takes, gives: shapes of one record. shapes: of its parameters. flops: multiplications and additions
    for one record, there and back. kept: numbers that it keeps for a record until the gradient comes. passing: those
    that it has for a record while it computes."""

    takes: Shape
    gives: Shape
    shapes: Shapes = ()
    flops: int
    kept: int
    passing: int = 0

    def begin(self, rng: np.random.Generator) -> Parameters:
        """New parameters: weights by He et al. (2015), biases 0."""
        return [
            (rng.standard_normal(shape) * (2 / shape[0]) ** 0.5).astype(np.float32)
            if len(shape) > 1
            else np.zeros(shape, np.float32)
            for shape in self.shapes
        ]

    @abstractmethod
    def forward(self, parameters: Parameters, x: Array) -> tuple[Array, Any]:
        """Outputs for ``x`` (``(n, *takes)``), and what ``backward`` needs."""

    @abstractmethod
    def backward(self, parameters: Parameters, kept: Any, gradient: Array, *, on: bool) -> tuple[Array, Parameters]:
        """The gradient of the inputs (an empty one where not ``on``), and those of the parameters, summed over
        records."""


class _Dense(Layer):
    def __init__(self, takes: Shape, high: int) -> None:
        wide = math.prod(takes)
        self.takes, self.gives, self.shapes = takes, (high,), ((wide, high), (high,))
        self.flops, self.kept = 6 * wide * high, wide

    def forward(self, parameters: Parameters, x: Array) -> tuple[Array, Any]:
        weights, bias = parameters
        return x.reshape(len(x), -1) @ weights + bias, x

    def backward(self, parameters: Parameters, kept: Any, gradient: Array, *, on: bool) -> tuple[Array, Parameters]:
        weights, _ = parameters
        own = [kept.reshape(len(kept), -1).T @ gradient, gradient.sum(0)]
        return (gradient @ weights.T).reshape(kept.shape) if on else np.zeros(0, np.float32), own


class _Relu(Layer):
    def __init__(self, takes: Shape) -> None:
        self.takes = self.gives = takes
        self.flops = self.kept = math.prod(takes)

    def forward(self, parameters: Parameters, x: Array) -> tuple[Array, Any]:
        return np.maximum(x, np.float32(0)), x > 0

    def backward(self, parameters: Parameters, kept: Any, gradient: Array, *, on: bool) -> tuple[Array, Parameters]:
        return gradient * kept, []


class _Convolution(Layer):
    """Square windows, ``stride`` apart, without padding; records are ``(channels, height, width)``."""

    def __init__(self, takes: Shape, high: int, side: int, stride: int) -> None:
        if len(takes) != 3 or min(takes[1:]) < side:
            raise FleetError(f"a convolution of {side} needs records of channels, height and width, not {list(takes)}")
        self._side, self._stride = side, stride
        tall, broad = ((n - side) // stride + 1 for n in takes[1:])
        wide = takes[0] * side * side
        self.takes, self.gives, self.shapes = takes, (high, tall, broad), ((wide, high), (high,))
        self.flops, self.kept = 6 * wide * high * tall * broad, math.prod(takes)
        self.passing = 2 * wide * tall * broad

    def _windows(self, x: Array) -> Array:
        step = self._stride
        seen = np.lib.stride_tricks.sliding_window_view(x, (self._side, self._side), (2, 3))[:, :, ::step, ::step]
        return np.ascontiguousarray(seen.transpose(0, 2, 3, 1, 4, 5)).reshape(-1, self.shapes[0][0])

    def forward(self, parameters: Parameters, x: Array) -> tuple[Array, Any]:
        weights, bias = parameters
        high, tall, broad = self.gives
        out = (self._windows(x) @ weights + bias).reshape(len(x), tall, broad, high)
        return np.ascontiguousarray(out.transpose(0, 3, 1, 2)), x

    def backward(self, parameters: Parameters, kept: Any, gradient: Array, *, on: bool) -> tuple[Array, Parameters]:
        weights, _ = parameters
        high, tall, broad = self.gives
        rows = np.ascontiguousarray(gradient.transpose(0, 2, 3, 1)).reshape(-1, high)
        own = [self._windows(kept).T @ rows, rows.sum(0)]
        if not on:
            return np.zeros(0, np.float32), own
        side, step = self._side, self._stride
        parts = (
            (rows @ weights.T).reshape(len(kept), tall, broad, self.takes[0], side, side).transpose(0, 3, 4, 5, 1, 2)
        )
        back = np.zeros_like(kept)
        for i in range(side):
            for j in range(side):
                back[:, :, i : i + step * tall : step, j : j + step * broad : step] += parts[:, :, i, j]
        return back, own


_KINDS: dict[str, tuple[type[Any], int]] = {"dense": (_Dense, 1), "relu": (_Relu, 0), "convolution": (_Convolution, 3)}


@dataclass(frozen=True)
class Net:
    """A row of layers, or a part of one. output: "softmax" or "linear" after the last of the whole row. records: how
    many make a batch. micro: how many of them are computed at once."""

    layers: tuple[Layer, ...]
    output: str
    batch: int
    micro: int
    step_size: float
    momentum: float

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Net:
        """As settings say: inputs (the shape of a record), layers (``["dense", 64]``, ``["relu"]``, or
        ``["convolution", channels, side, stride]`` each), output, batch (64), micro (8), step_size (0.05), momentum
        (0).

        Raises:
            FleetError: they are none, or ask for more than one model may have.
        """
        given = {"batch": 64, "micro": 8, "step_size": 0.05, "momentum": 0.0, **settings}
        if set(given) != {"inputs", "layers", "output", "batch", "micro", "step_size", "momentum"}:
            raise FleetError("a model of layers takes inputs, layers, output, batch, micro, step_size and momentum")
        shape = tuple(given["inputs"])
        _whole(shape)
        if not 1 <= len(shape) <= 3 or not 1 <= len(given["layers"]) <= _LAYERS:
            raise FleetError(f"a model of layers has 1 to {_LAYERS} of them, and inputs of 1 to 3 sides")
        made: list[Layer] = []
        for kind, *numbers in given["layers"]:
            if kind not in _KINDS or len(numbers) != _KINDS[kind][1]:
                raise FleetError('a layer is ["dense", outputs], ["relu"] or ["convolution", channels, side, stride]')
            _whole(numbers)
            made.append(_KINDS[kind][0](shape, *numbers))
            shape = made[-1].gives
            if math.prod(shape) > _SIDE or sum(math.prod(s) for one in made for s in one.shapes) > MOST:
                raise FleetError(
                    f"a model has at most {MOST} numbers, and a layer at most {_SIDE} outputs: make it smaller"
                )
        batch, micro = given["batch"], given["micro"]
        _whole((batch, micro))
        if -(-batch // micro) > _MICROS:
            raise FleetError(f"a batch has at most {_MICROS} micro-batches: make micro larger")
        sides = max(math.prod(side) for one in made for side in (one.takes, one.gives))
        numbers = sum(one.kept for one in made) + 3 * sides + max(one.passing for one in made)
        if min(batch, micro) * numbers > _AT_ONCE:
            raise FleetError(
                f"{min(batch, micro)} records at once take {min(batch, micro) * numbers:,} numbers beside the "
                f"parameters, and {_AT_ONCE:,} are the most: make micro smaller"
            )
        if (
            given["output"] not in ("softmax", "linear")
            or len(shape) != 1
            or (given["output"] == "linear" and shape != (1,))
        ):
            raise FleetError("a model of layers ends with a dense one: of each class for softmax, of 1 for linear")
        if not 0 < float(given["step_size"]) < 1e3 or not 0 <= float(given["momentum"]) < 1:
            raise FleetError("a step_size is above 0, and a momentum from 0 to below 1")
        return cls(tuple(made), given["output"], batch, micro, float(given["step_size"]), float(given["momentum"]))

    @property
    def alternates(self) -> bool:
        """Whether it is dense layers with a ReLU between each two."""
        kinds = [_Relu if place % 2 else _Dense for place in range(len(self.layers))]
        return len(kinds) % 2 == 1 and all(type(one) is kind for one, kind in zip(self.layers, kinds, strict=True))

    def shapes(self, first: int = 0, last: int | None = None) -> Shapes:
        """Of the parameters of layers ``first`` up to and without ``last``."""
        return tuple(shape for layer in self.layers[first:last] for shape in layer.shapes)

    def begin(self, seed: int) -> Parameters:
        """New parameters, each layer's by the seed and its place."""
        return [a for i, layer in enumerate(self.layers) for a in layer.begin(np.random.default_rng([seed, i]))]

    def forward(
        self, parameters: Parameters, x: Array, first: int = 0, last: int | None = None
    ) -> tuple[Array, list[Any]]:
        """Outputs of these layers for ``x``, and what :meth:`backward` needs. parameters: of these layers alone."""
        kept, at = [], 0
        for layer in self.layers[first:last]:
            x, one = layer.forward(parameters[at : at + len(layer.shapes)], x)
            kept.append(one)
            at += len(layer.shapes)
        return x, kept

    def backward(
        self, parameters: Parameters, kept: list[Any], gradient: Array, first: int = 0, last: int | None = None
    ) -> tuple[Array, Parameters]:
        """The gradient of these layers' inputs (an empty one for the row's first) and of their parameters."""
        found: Parameters = []
        at = len(parameters)
        layers = self.layers[first:last]
        for number in reversed(range(len(layers))):
            layer = layers[number]
            own = parameters[at - len(layer.shapes) : at]
            gradient, gradients = layer.backward(own, kept[number], gradient, on=first + number > 0)
            found, at = gradients + found, at - len(layer.shapes)
        return gradient, found

    def rows(self, inputs: Array) -> Array:
        """Records as the first layer takes them."""
        return inputs.reshape(len(inputs), *self.layers[0].takes)


def _whole(numbers: Sequence[Any]) -> None:
    if not all(isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= _SIDE for n in numbers):
        raise FleetError(f"sizes of a model of layers are whole numbers from 1 to {_SIDE}")


def lost(output: str, out: Array, targets: Array) -> tuple[float, Array]:
    """The loss, summed over records (nats, or squared error), and its gradient by ``out``."""
    if output == "linear":
        off = out[:, 0] - targets
        return float(np.square(off, dtype=np.float64).sum()), (np.float32(2) * off)[:, None]
    rows, right = np.arange(len(out)), targets.astype(np.int64)
    if right.min() < 0 or right.max() >= out.shape[1]:
        raise FleetError(f"a target is none of the {out.shape[1]} classes: name as many outputs as there are classes")
    powers = np.exp(out - out.max(1, keepdims=True))
    part = powers / powers.sum(1, keepdims=True)
    loss = -np.log(np.maximum(part[rows, right], np.float32(1e-7)), dtype=np.float64).sum()
    part[rows, right] -= 1
    return float(loss), part


class Sums:
    """Gradients of micro-batches, added exactly: each is rounded to multiples of 2**-28 first, so that the sum is the
    same in whatever order, and whoever adds which."""

    def __init__(self, size: int) -> None:
        self.total = np.zeros(size)
        self._one = np.empty(size)

    def add(self, gradients: Parameters) -> None:
        """Raises FleetError where training has diverged."""
        at, one = 0, self._one
        for array in gradients:
            one[at : at + array.size] = array.ravel()
            at += array.size
        if not (np.abs(one, out=None).max(initial=0.0) < GREATEST):
            raise FleetError("training diverged: ask for a smaller step_size")
        one += _ROUNDS
        one -= _ROUNDS
        self.total += one


def batches(count: int, size: int, epochs: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Places of the records of each batch, in an order that ``rng`` draws anew for each pass."""
    for _ in range(epochs):
        order = rng.permutation(count)
        for start in range(0, count, size):
            yield order[start : start + size]


def descend(net: Net, values: Array, speed: Array, total: NDArray[np.float64], records: int) -> None:
    """One step down the mean of gradients that sum to ``total``; all parameters as one array each, changed in place."""
    speed *= np.float32(net.momentum)
    speed += (total / records).astype(np.float32)
    values -= np.float32(net.step_size) * speed
