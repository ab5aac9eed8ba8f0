"""Targets of any unit, brought to zero mean and unit variance for models that need it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scale"]


@dataclass
class Scale:
    """Mean and spread of the targets of the first call of :meth:`meet` that brings two different ones or more, by
    output. They stay: a model whose targets changed their meaning would have to learn anew."""

    mean: list[float]
    spread: list[float]
    met: bool = False

    @classmethod
    def of(cls, outputs: int) -> Self:
        return cls([0.0] * outputs, [1.0] * outputs)

    def meet(self, targets: NDArray[Any]) -> None:
        """See targets ``(n, outputs)``, before they are learned from."""
        if self.met or len(targets) < 2:
            return
        spread = targets.astype(np.float64).std(axis=0)
        if (spread > 0).any():
            self.mean = targets.astype(np.float64).mean(axis=0).tolist()
            self.spread = np.where(spread > 0, spread, 1.0).tolist()
            self.met = True

    def small(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """From units to standard deviations."""
        return ((targets.astype(np.float64) - self.mean) / self.spread).astype(np.float32)

    def large(self, answers: NDArray[Any]) -> NDArray[np.float32]:
        """From standard deviations to units."""
        return (answers.astype(np.float64) * self.spread + self.mean).astype(np.float32)

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> Self:
        return cls(**json.loads(file.read_text()))
