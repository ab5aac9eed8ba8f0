"""An input stage: numbers, and by how much each has changed since the row before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.mind import Stage


@dataclass(frozen=True)
class Changes(Stage):
    """Rows that follow each other, and their changes.

    Args:
        width: how many numbers one input has.
    """

    width: int

    kind: ClassVar[str] = "changes"
    ordered: ClassVar[bool] = True

    def check(self) -> None:
        self.whole("width")

    @property
    def sensors(self) -> int:
        return self.width

    @property
    def features(self) -> int:
        return 2 * self.width

    @property
    def cost(self) -> int:
        return self.features

    def state(self, seed: int, dtype: Any) -> dict[str, NDArray[Any]]:
        return {"last": np.zeros((1, self.width), dtype)}

    def learn(self, state: dict[str, NDArray[Any]], x: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
        made = self.sense(state, x)
        state["last"][...] = x[-1:]
        return made

    def sense(self, state: dict[str, NDArray[Any]], x: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([x, x - np.concatenate([state["last"], x[:-1]])], 1)
