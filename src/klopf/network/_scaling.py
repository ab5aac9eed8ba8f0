"""How a network's numbers are scaled: by mean and spread of the requester's reference set, the same for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scaling"]

FARTHEST = 8.0
"""Spreads from the mean; what is farther away is taken to be there."""


@dataclass(frozen=True)
class Scaling:
    """``mean`` and ``spread`` of each feature, float32 ``(features,)``."""

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, inputs: NDArray[np.float32]) -> Self:
        """What scales ``inputs``, ``(n, features)``, to mean 0 and spread 1; what never changes is only shifted."""
        spread = inputs.std(axis=0)
        return cls(inputs.mean(axis=0), np.where(spread > 1e-6, spread, np.float32(1.0)))
