"""For devices that train long and send rarely: outer Nesterov steps on what they changed (DiLoCo, arXiv 2311.08105)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from klopf.fleet.strategies._strategy import Combined, Strategy
from klopf.fleet.strategies.robust import Robust

__all__ = ["DiLoCo"]


class DiLoCo(Strategy):
    """Combines robustly; the result is the pseudo-gradient g of an outer step: ``m = momentum m + g``, and the change
    is ``step_size (g + momentum m)``. The paper's 0.7 and 0.9 are for hundreds of rounds; these are for tens."""

    step_size, momentum = 0.7, 0.5

    def __init__(self) -> None:
        self._inner = Robust()
        self._speed: NDArray[np.float32] | None = None

    def combine(self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> Combined:
        self._inner.proven = self.proven
        combined = self._inner.combine(changes, weights)
        pushed = combined.change
        speed = pushed if self._speed is None else np.float32(self.momentum) * self._speed + pushed
        self._speed = speed
        change = np.float32(self.step_size) * (pushed + np.float32(self.momentum) * speed)
        return replace(combined, change=np.asarray(change, np.float32))
