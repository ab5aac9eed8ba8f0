"""Klopf's own input stages: images, and rows that follow each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError
from klopf.mind._memory import zeros
from klopf.mind._stage import MOST, Stage, State

__all__ = ["Images", "Sequences"]

SLOW = 2.2
"""Angle by which a slow unit turns within its time constant."""
FAINT = 0.5
"""How loud traces are heard beside the last values."""


@dataclass(frozen=True)
class Images(Stage):
    """Images: features are what filters say of patches, averaged over the cells of a coarse grid.

    The filters are patches of the first few images that have a weight, each unlike those before it; then they stay.
    Features are not negative and do not depend on how bright an image is, nor on the unit of its pixels.

    Args:
        height: rows of an image.
        width: pixels of a row.
        channels: numbers of a pixel. An input is the image flat, as ``image.reshape(-1)`` of ``(height, width,
            channels)``.
        filters: how many. There are ``grid * grid * filters`` features.
        patch: sides of a patch, in pixels; by default 5, and 3 where an image's side is below 20.
        stride: pixels between two patches; by default 2, and 1 where an image's side is below 20.
        grid: cells along a side; by default 4, and 3 where an image's side is below 20.

    Raises:
        MindError: sizes that do not fit into each other.

    >>> Images(28, 28).features, Images(8, 8).features, Images(32, 32, channels=3).sensors
    (512, 288, 3072)
    """

    height: int
    width: int
    channels: int = 1
    filters: int = 32
    patch: int | None = None
    stride: int | None = None
    grid: int | None = None

    kind: ClassVar[str] = "images"
    scaled: ClassVar[bool] = True

    def check(self) -> None:
        """Sizes fit into each other; those that were not given follow the image's."""
        self.whole("height", "width", "channels", "filters")
        small = min(self.height, self.width) < 20
        for name, value in (("patch", 3 if small else 5), ("stride", 1 if small else 2), ("grid", 3 if small else 4)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self.whole("patch", "stride", "grid")
        _, _, _, patch, stride, grid = self.shape
        if patch < 2 or patch > min(self.height, self.width):
            raise MindError(f"patch={patch} must be from 2 to the image's shorter side, {min(self.height, self.width)}")
        places = (min(self.height, self.width) - patch) // stride + 1
        if grid > places:
            raise MindError(
                f"grid={grid}: there are only {places} patches along the image's shorter side; ask for less"
            )

    @property
    def shape(self) -> tuple[int, int, int, int, int, int]:
        """As the kernels take it."""
        return self.height, self.width, self.channels, self.patch or 0, self.stride or 0, self.grid or 0

    @property
    def sensors(self) -> int:
        return self.height * self.width * self.channels

    @property
    def features(self) -> int:
        return self.shape[5] ** 2 * self.filters

    @property
    def cost(self) -> int:
        places = (self.height // self.shape[4] + 1) * (self.width // self.shape[4] + 1)
        return places * self.shape[3] ** 2 * self.channels * self.filters

    def state(self, seed: int, dtype: Any) -> State:
        return {
            "filters": zeros((self.shape[3] ** 2 * self.channels, self.filters), dtype),
            "counters": zeros(3, np.float64),
            "random": np.random.default_rng([seed, 1]).integers(0, 2**64, 1, dtype=np.uint64),
        }

    def learn(self, state: State, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        from klopf.mind.kernels.stages.images import learn_images

        out = np.empty((len(x), self.features), x.dtype)
        learn_images(self.shape, state["filters"], state["counters"], state["random"], x, weights, out)
        return out

    def sense(self, state: State, x: NDArray[Any]) -> NDArray[Any]:
        from klopf.mind.kernels.stages.images import sense_images

        out = np.empty((len(x), self.features), x.dtype)
        sense_images(self.shape, state["filters"], state["counters"], x, out)
        return out


@dataclass(frozen=True)
class Sequences(Stage):
    """Rows of a stream that follow each other: features are the last values, and traces of what came before them.

    Of every sensor the last ``steps`` values are heard as they are, the newest first. What leaves them drives a bank of
    leaky oscillators: slow ones, one for each doubling of the time from 8 steps to ``horizon``, that hear level, trend
    and rhythm; and where there are several sensors ``steps // 4`` of evenly spaced frequencies that forget within
    ``steps / 2``, from which about as many values again can be told apart, if with less certainty. (With one there are
    24 features without them, up to which each unit of the next layer has a covariance of its own: that is worth more.)
    A unit is one complex number, so memory costs the same for ever. Features follow the unit of a sensor: let
    ``normalise_inputs`` scale them, the traces to half the deviation of the last values, so that where these tell all
    the others cost little.

    Each row that is learned is a step, also one of weight 0: it is not learned from, and time passes. Rows that are
    predicted follow the last that was learned, one after another, and are forgotten again.

    Args:
        width: how many numbers one input has.
        steps: how many of the last values are heard as they are.
        horizon: time constant of the slowest unit, in steps.

    Raises:
        MindError: a number that is not whole or too small.

    >>> Sequences(1).features, Sequences(3).features, Sequences(1, steps=4, horizon=4).features
    (24, 96, 4)
    """

    width: int
    steps: int = 16
    horizon: int = 64

    kind: ClassVar[str] = "sequences"
    ordered: ClassVar[bool] = True

    def check(self) -> None:
        """Whole numbers from 1, and not so large that nothing is ever forgotten."""
        self.whole("width", "steps", "horizon")
        if max(self.steps, self.horizon) > MOST:
            raise MindError(f"steps={self.steps} and horizon={self.horizon} must be at most {MOST}")

    @property
    def sensors(self) -> int:
        return self.width

    @property
    def turning(self) -> int:
        """Units of each sensor that tell values apart."""
        return self.steps // 4 if self.width > 1 else 0

    @property
    def units(self) -> int:
        """That each sensor drives."""
        return self.turning + max(0, self.horizon.bit_length() - 3)

    @property
    def features(self) -> int:
        return self.width * (self.steps + 2 * self.units)

    @property
    def cost(self) -> int:
        return self.width * (2 * self.steps + 16 * self.units)

    @property
    def gains(self) -> NDArray[np.float64]:
        each = np.ones(self.steps + 2 * self.units)
        each[self.steps :] = FAINT
        return np.tile(each, self.width)

    def numbers(self) -> NDArray[np.float64]:
        """By what each unit's state is multiplied in a step, real and imaginary part: ``(2, units)``."""
        fast = self.turning
        constants = [self.steps / 2] * fast + [8.0 * 2**k for k in range(self.units - fast)]
        angles = [math.pi * (k + 0.5) / fast for k in range(fast)] + [SLOW / t for t in constants[fast:]]
        each = np.exp(-1 / np.array(constants) + 1j * np.array(angles))
        return np.ascontiguousarray([each.real, each.imag])

    def state(self, seed: int, dtype: Any) -> State:
        return {
            "last": zeros((self.width, self.steps), np.float64),
            "traces": zeros((2, self.width, self.units), np.float64),
        }

    def learn(self, state: State, x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        from klopf.mind.kernels.stages.sequences import follow

        out = np.empty((len(x), self.features), x.dtype)
        follow(self.numbers(), state["last"], state["traces"], x, out)
        return out

    def sense(self, state: State, x: NDArray[Any]) -> NDArray[Any]:
        return self.learn({name: array.copy() for name, array in state.items()}, x, x)
