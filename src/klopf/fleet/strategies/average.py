"""Federated averaging (McMahan et al. 2017): the mean, by the number of records. Believes everybody."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from klopf.fleet.strategies._strategy import Combined, Strategy

__all__ = ["Average"]


class Average(Strategy):
    def combine(self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> Combined:
        total = sum(weights[name] for name in changes)
        used = {name: weights[name] / total for name in changes}
        mean = sum(used[name] * change.astype(np.float64) for name, change in changes.items())
        return Combined(np.asarray(mean, np.float32), used)
