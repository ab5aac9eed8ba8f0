"""A strategy: of each number of the updates, the median."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from klopf.fleet import Combined, Strategy

__all__ = ["Median"]


class Median(Strategy):
    """Nobody moves it further than half of the others allow; how many records somebody has counts for nothing."""

    def combine(self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> Combined:
        middle = np.median(np.stack(list(changes.values())), axis=0).astype(np.float32)
        return Combined(middle, dict.fromkeys(changes, 1 / len(changes)))
