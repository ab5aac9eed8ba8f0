"""How a network's inputs are scaled: by mean and spread of the requester's reference set, the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

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

    def scaled(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """``inputs``, ``(n, features)``, as the network has them."""
        scaled: NDArray[np.float32] = np.clip((inputs - self.mean) / self.spread, -FARTHEST, FARTHEST)
        return scaled.astype(np.float32)

    def to_json(self) -> dict[str, list[float]]:
        """Exact: 32 bits are written in full."""
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """What :meth:`to_json` gave. Raises ``KeyError``, ``TypeError`` or ``ValueError`` where it is none."""
        mean, spread = (np.array(saved[name], np.float32) for name in ("mean", "spread"))
        if mean.ndim != 1 or mean.shape != spread.shape or not (np.isfinite(mean).all() and (spread > 0).all()):
            raise ValueError("no scaling")
        return cls(mean, spread)
