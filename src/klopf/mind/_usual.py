"""Samples that name what the last one did: checked, and put in their places, in a few steps for all their numbers.

One after another each number costs more than all that a small network does with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import hypot
from operator import itemgetter
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.mind.kernels.state import MOST

__all__ = ["Usual"]

_PLAIN = (float, int, np.float64)


class Usual:
    """What samples look like that have just those features.

    Args:
        at: the features' places among ``sensors``.
        absent: what stands where there is no feature.
    """

    def __init__(self, at: Mapping[Hashable, int], sensors: int, absent: float) -> None:
        self._made = (dict(at), sensors, absent)
        names = sorted(at, key=at.__getitem__)
        first = [at[name] for name in names] == list(range(len(names)))
        self._count = len(names) if first and len(names) > 1 else -1  # no sample has so few: each goes the long way
        self._read: Any = itemgetter(*names) if names else None
        self._pack = Struct(f"{len(names)}d").pack_into
        self._blank = np.full((1, sensors), absent)

    def __reduce__(self) -> tuple[type[Usual], tuple[Any, ...]]:
        return Usual, self._made

    def values(self, x: Any) -> tuple[float, ...] | None:
        """The numbers of ``x`` by place, where it is a dict of just those features and each is a number within bounds;
        else None. NaN is no number."""
        if type(x) is not dict or len(x) != self._count:
            return None
        try:
            found: tuple[float, ...] = self._read(x)
            # whatever is no real number makes its sum none, or refuses to be added or measured
            return found if type(sum(found)) in _PLAIN and hypot(*found) <= MOST else None
        except Exception:  # another feature, or a stranger's number, which may raise anything
            return None

    def row(self, values: tuple[float, ...]) -> NDArray[np.float64]:
        """A sample's ``values`` in their places, ``(1, sensors)``."""
        row: NDArray[np.float64] = self._blank.copy()
        self._pack(row.data, 0, *values)
        return row
