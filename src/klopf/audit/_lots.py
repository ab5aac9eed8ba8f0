"""Which samples all auditors of an epoch ask about: those with the lowest lots, of what each has not asked about yet.

A lot is a hash of the epoch's seed and the sample. So auditors with the same samples ask the same questions, and those
with some in common ask most of these, without a word between them. Who tells two of them different things then
contradicts himself, where otherwise each was merely asked something else. The seed is made after every neuron has
committed to its model. Nothing is asked about a second time before all was: whoever was asked may remember what others
answered. What was asked before follows from the seeds of the epochs before, also for an auditor that was away then: so
all with the same samples begin them anew in the same epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Unasked", "noise"]


class Unasked:
    """The samples of an auditor whose ``inputs`` are all different, ``count`` of which are asked about in an epoch."""

    def __init__(self, inputs: NDArray[Any], count: int) -> None:
        self._inputs = [_bytes(one) for one in inputs]
        self._count = min(count, len(inputs))
        self._rounds = max(1, len(inputs) // max(1, self._count))
        self._next, self._left = 0, list(range(len(inputs)))

    def epochs(self, epoch: int) -> range:
        """The epochs whose seeds are needed to draw for ``epoch``: it, and those not drawn yet since all was begun
        anew."""
        first = epoch - (epoch - 1) % self._rounds
        return range(self._next if first < self._next <= epoch else first, epoch + 1)

    def drawn(self, epoch: int, seeds: Mapping[int, bytes]) -> NDArray[np.int64]:
        """The places of what is asked about in ``epoch``, by the ``seeds`` of :meth:`epochs`."""
        found: list[int] = []
        for each in self.epochs(epoch):
            if (each - 1) % self._rounds == 0:
                self._left = list(range(len(self._inputs)))
            lots = {at: hashlib.sha256(seeds[each] + self._inputs[at]).digest() for at in self._left}
            order = sorted(self._left, key=lots.__getitem__)
            found, self._left = order[: self._count], sorted(order[self._count :])
        self._next = epoch + 1
        return np.array(found, np.int64)


def noise(seed: bytes) -> np.random.Generator:
    """What tasks draw from: the same for all auditors of an epoch, or they would ask other questions."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(b"klopf audit noise" + seed).digest()))


def _bytes(one: Any) -> bytes:
    return str(one).encode() if isinstance(one, str) else np.ascontiguousarray(one).tobytes()
