"""Samples as models have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.peers import Task

__all__ = ["Samples"]


@dataclass(frozen=True)
class Samples:
    """Samples with what is right for each, both as ``task`` has them."""

    inputs: NDArray[Any]
    targets: NDArray[Any]
    task: Task

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: NDArray[np.int64]) -> Samples:
        return Samples(self.inputs[index], self.targets[index], self.task)
