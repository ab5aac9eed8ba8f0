"""Parameters: a list of arrays, as bytes that are named by their hash, and nothing that could run."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from klopf.errors import FleetError

__all__ = ["MOST", "Parameters", "Shapes", "digest", "flat", "shapes_of", "split"]

Parameters = list[NDArray[np.float32]]
Shapes = tuple[tuple[int, ...], ...]

MOST = 16 << 20
"""Numbers in one model: as many as one message of the wire holds."""
_ARRAYS, _RANK = 4096, 8


def shapes_of(parameters: Sequence[NDArray[np.float32]]) -> Shapes:
    """The shape of each array."""
    return tuple(tuple(int(n) for n in array.shape) for array in parameters)


def flat(parameters: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """All arrays one after another in one, float32, shape ``(numbers,)``; a copy."""
    if not parameters:
        return np.zeros(0, np.float32)
    return np.concatenate([np.asarray(array, np.float32).ravel() for array in parameters])


def split(values: NDArray[np.float32], shapes: Sequence[Sequence[int]]) -> Parameters:
    """Back from :func:`flat`; a copy.

    Raises:
        FleetError: the shapes are none, or ask for more or fewer numbers than there are.

    >>> [a.shape for a in split(np.arange(5, dtype=np.float32), [(2, 2), (1,)])]
    [(2, 2), (1,)]
    """
    if len(shapes) > _ARRAYS or any(len(s) > _RANK or any(n < 0 for n in s) for s in shapes):
        raise FleetError(f"a model has at most {_ARRAYS} arrays of at most {_RANK} sides: make it smaller")
    sizes = [math.prod(shape) for shape in shapes]
    if sum(sizes) != values.size or values.size > MOST:
        raise FleetError(f"{values.size} numbers do not fill the shapes of the model, which has {sum(sizes)}")
    parts, start = [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        parts.append(np.array(values[start : start + size], np.float32).reshape(tuple(shape)))
        start += size
    return parts


def digest(parameters: Sequence[NDArray[np.float32]]) -> str:
    """sha256, hexadecimal, of the shapes and of the numbers as little-endian float32.

    >>> digest([np.zeros(2, np.float32)]) == digest([np.zeros((2, 1), np.float32)])
    False
    """
    hashed = hashlib.sha256(repr(shapes_of(parameters)).encode())
    for array in parameters:
        hashed.update(np.ascontiguousarray(array, "<f4").tobytes())
    return hashed.hexdigest()
