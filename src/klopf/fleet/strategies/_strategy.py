"""What a strategy is: a file with one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Combined", "Strategy"]


@dataclass(frozen=True)
class Combined:
    """change: what is added to the parameters, shape ``(numbers,)``. used: the weight of each update in it, by name, 1
    in all. left_out: why others were not used, by name."""

    change: NDArray[np.float32]
    used: Mapping[str, float]
    left_out: Mapping[str, str] = field(default_factory=dict)


class Strategy(ABC):
    """Makes one change of many. It may keep state from round to round; a job has one of its own.

    To add one, derive a class in a file of its own, and name it in ``STRATEGIES``, in the ``pyproject.toml`` of a
    package of your own or, in a demand, as ``package.module:Class``. ``klopf.checks.check_strategy`` tells whether it
    keeps its promises.
    """

    proven: frozenset[str] = frozenset()
    """Of those that are combined next, whose worth on the committed validation set is clearly above 0: who is far from
    the others among them has what they have not."""

    @abstractmethod
    def combine(self, changes: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> Combined:
        """``changes``: at least one, by name in sorted order, each finite and of shape ``(numbers,)``. ``weights``:
        above 0, by the same names; not to be believed beyond what the strategy bounds."""
