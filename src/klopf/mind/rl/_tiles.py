"""Tile coding: few numbers with known bounds as many of which each says that they lie in one small region.

Sutton and Barto (2018), *Reinforcement Learning*, 2nd edition, section 9.5.4. Some grids lie over the same box, each
shifted by another part of a cell; of each grid exactly one cell is 1. What is learned in one cell is not learned in
those far away, so where an agent has not been keeps the value that it was born with: where all rewards are below 0
that is more than any other place's, and draws the agent there. A network over the numbers themselves lowers all places
at once, and has no reason to go anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from klopf.errors import MindError
from klopf.mind.kernels.state import MOST

__all__ = ["MOST_TILED", "Tiles"]

MOST_TILED = 2
"""Numbers that may be tiled: cells are ``GRIDS * (CELLS + 1) ** numbers``."""
GRIDS = 8
CELLS = 8


class Tiles:
    """``GRIDS`` grids of ``CELLS`` cells a number, and one more for the shift, over a box.

    Args:
        low, high: bounds of what is seen, shape ``(numbers,)``, finite.

    >>> t = Tiles([-1.0, 0.0], [1.0, 1.0])
    >>> t.count, int(t([0.3, 0.3]).sum())
    (648, 8)
    """

    def __init__(self, low: ArrayLike, high: ArrayLike) -> None:
        self.low = np.asarray(low, np.float64)
        numbers = len(self.low)
        self.per_cell = CELLS / (np.asarray(high, np.float64) - self.low)
        odd = 2 * np.arange(numbers) + 1  # shifts by 1, 3, 5, ... parts, as Miller and Glanz: no two grids agree
        self.shift = np.arange(GRIDS)[:, None] * odd % GRIDS / GRIDS
        self.strides = (CELLS + 1) ** np.arange(numbers)
        self.first = np.arange(GRIDS) * (CELLS + 1) ** numbers
        self.count = GRIDS * (CELLS + 1) ** numbers

    def __call__(self, seen: ArrayLike) -> NDArray[np.float64]:
        """``seen`` (clipped to the bounds), shape ``(numbers,)``, as 0 and 1, shape ``(count,)``.

        NaN if there is something in it that agents refuse.

        Raises:
            MindError: another number of numbers.
        """
        x = np.asarray(seen, np.float64).reshape(-1)
        if len(x) != len(self.low):
            raise MindError(f"an observation has {len(x)} numbers where this agent has {len(self.low)} sensors")
        if not (np.abs(x) <= MOST).all():
            return np.full(self.count, np.nan)
        at = (x - self.low) * self.per_cell
        cells = (np.clip(at, 0.0, CELLS * (1 - 1e-12)) + self.shift).astype(np.int64)
        told = np.zeros(self.count)
        told[self.first + cells @ self.strides] = 1.0
        return told
