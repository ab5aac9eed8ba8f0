"""Which samples all auditors of an epoch ask about: those with the lowest lots, of what each has.

A lot is a hash of the epoch's seed and the sample. So auditors with the same samples ask the same questions, and those
with some in common ask most of these, without a word between them. Who tells two of them different things then
contradicts himself, where otherwise each was merely asked something else. The seed is made after every neuron has
committed to its model.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["common", "noise"]


def common(seed: bytes, inputs: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The places of ``count`` of ``inputs``, all of them different, by their lots."""
    lots = [hashlib.sha256(seed + _bytes(one)).digest() for one in inputs]
    return np.array(sorted(range(len(lots)), key=lots.__getitem__)[:count], np.int64)


def noise(seed: bytes) -> np.random.Generator:
    """What tasks draw from: the same for all auditors of an epoch, or they would ask other questions."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(b"klopf audit noise" + seed).digest()))


def _bytes(one: Any) -> bytes:
    return str(one).encode() if isinstance(one, str) else np.ascontiguousarray(one).tobytes()
