"""A change in few bytes: the largest 3 % of its numbers, at least 256, two bits each; what is left out is kept for the
next round.

Two bits are a sign and one of two magnitudes, the mean of the smaller and of the larger half of what is sent. Places
are sent as distances to the one before, compressed. See SparseLoCo (Sarfi et al. 2025) and error feedback (Seide et
al. 2014)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError

__all__ = ["pack", "part_of", "unpack"]

PART, LEAST = 0.03, 256
"""Of all numbers that is sent; and how many at least: fewer cost about as much, for a message has a head."""
_HEAD = struct.Struct("<IIff")  # numbers in all, numbers sent, the two magnitudes


def part_of(size: int, many: int = 1) -> float:
    """Which part of a model's ``size`` numbers is sent, where it comes from so many devices.

    >>> part_of(100_000), part_of(2560), part_of(2560, 20)
    (0.03, 0.1, 1.0)
    """
    return min(1.0, many * max(PART, LEAST / size))


def pack(values: NDArray[np.float32], part: float) -> bytes:
    """The largest ``part`` of ``values``, shape ``(numbers,)``, at least one.

    >>> unpack(pack(np.array([0, 0, -3, 0.1], np.float32), 0.25), 4).tolist()
    [0.0, 0.0, -3.0, 0.0]
    """
    many = max(1, round(part * values.size))
    places = np.sort(np.argpartition(-np.abs(values), many - 1)[:many])
    sizes = np.abs(values[places])
    large = sizes > np.median(sizes)
    low = float(sizes[~large].mean()) if (~large).any() else 0.0
    high = float(sizes[large].mean()) if large.any() else low
    gaps = np.diff(places, prepend=-1) - 1
    bits = np.packbits(np.concatenate([values[places] < 0, large]))
    return _HEAD.pack(values.size, many, low, high) + bits.tobytes() + zlib.compress(_small(gaps), 9)


def unpack(data: bytes, size: int) -> NDArray[np.float32]:
    """Back, with zeros between: shape ``(size,)``.

    Raises:
        FleetError: it is not what :func:`pack` makes of so many numbers.
    """
    try:
        total, many, low, high = _HEAD.unpack_from(data)
        if total != size or not 1 <= many <= size:  # before anything is opened: what it costs is what the model allows
            raise ValueError("it is not of this model's numbers")
        width = -(-2 * many // 8)
        bits = np.unpackbits(np.frombuffer(data, np.uint8, width, _HEAD.size))[: 2 * many].astype(bool)
        bound = 5 * many
        opened = zlib.decompressobj()
        text = opened.decompress(data[_HEAD.size + width :], bound + 1)
        places = np.cumsum(_wide(text, many) + 1) - 1
    except (struct.error, ValueError, zlib.error) as error:
        raise FleetError(f"a packed change is damaged ({error}): have it sent again") from None
    wrong = len(text) > bound or not opened.eof or opened.unused_data
    if wrong or places[-1] >= size or not np.isfinite([low, high]).all():
        raise FleetError("a packed change is not of this model's numbers: have it sent again")
    values = np.zeros(size, np.float32)
    values[places] = np.where(bits[many:], high, low) * np.where(bits[:many], -1, 1)
    return values


def _small(gaps: NDArray[np.int64]) -> bytes:
    """A byte for a distance under 255; else 255 and four more."""
    if gaps.max(initial=0) < 255:
        return gaps.astype(np.uint8).tobytes()
    return b"".join(bytes([gap]) if gap < 255 else b"\xff" + int(gap).to_bytes(4, "little") for gap in gaps.tolist())


def _wide(text: bytes, many: int) -> NDArray[np.int64]:
    if len(text) == many and 255 not in text:
        return np.frombuffer(text, np.uint8).astype(np.int64)
    gaps, at = [], 0
    while at < len(text):
        if text[at] < 255:
            gaps.append(text[at])
            at += 1
        else:
            gaps.append(int.from_bytes(text[at + 1 : at + 5], "little"))
            at += 5
    if len(gaps) != many:
        raise ValueError("places are missing")
    return np.array(gaps, np.int64)
