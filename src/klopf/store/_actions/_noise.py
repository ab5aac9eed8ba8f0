"""A number with noise on it, so that nobody can tell which value within its range it had."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from klopf.errors import StoreError
from klopf.store._actions._base import Action, Column, Helps
from klopf.store._actions._cells import numbers
from klopf.tables import Table

__all__ = ["Noise"]


class Noise(Action):
    """Clipped to [``low``, ``high``], put on a grid of ``step``, and given discrete Laplace noise of the scale
    ``(high − low) / epsilon``: what is written is ``epsilon``-differentially private for any change of the value
    (Ghosh, Roughgarden, Sundararajan, 2009; whole numbers, so that no rounding of floats gives it away)."""

    action: Literal["noise"]
    low: float
    high: float
    step: float = Field(gt=0)
    epsilon: float = Field(ge=1e-4, le=100)
    """The price of one value, out of the device's budget."""

    @model_validator(mode="after")
    def _range(self) -> Noise:
        if not self.low < self.high:
            raise ValueError("low must be under high")
        if not 1 <= (self.high - self.low) / self.step <= 1e9:
            raise ValueError("between low and high there must be 1 to 1e9 steps")
        return self

    @property
    def width(self) -> int:
        """Steps between low and high: how far a change of the value can move it."""
        return int(np.ceil((self.high - self.low) / self.step - 1e-9))

    @property
    def error(self) -> float:
        """The mean absolute error that the noise alone makes, about."""
        return self.width * self.step / self.epsilon

    def check(self, column: Column, table: Table) -> None:
        if np.isnan(numbers(column)).any():
            raise StoreError("there are gaps, which noise would not hide: fill them, or drop the field")

    def apply(self, column: Column, level: int, helps: Helps) -> Column:
        values = np.clip(numbers(column), self.low, self.high)
        whole: NDArray[Any] = np.clip(np.rint((values - self.low) / self.step), 0, self.width).astype(np.int64)
        given = helps.noise(whole, self.width / self.epsilon)
        digits = max(0, int(np.ceil(-np.log10(self.step))) + 2)
        return np.round(self.low + given * self.step, digits)
