"""Arrays that begin where a cache line does.

NumPy's begin at any multiple of 16 bytes. A vector register that is loaded across two cache lines takes twice as long,
which makes a learning step up to a fifth slower, in one process and not in the next. What is computed is the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LINE", "Owner", "aligned", "owned", "zeros"]

LINE = 64
"""Bytes of a cache line."""


def zeros(shape: int | tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """As ``numpy.zeros``, from a multiple of 64 bytes on; large ones take no memory before they are written to."""
    dtype = np.dtype(dtype)
    size = dtype.itemsize * math.prod(shape if isinstance(shape, tuple) else (shape,))
    room = np.zeros(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    made: NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return made


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """``array`` if it lies so, in C order and writable; a copy that does if not.

    >>> aligned(np.arange(5)[::2]).tolist()
    [0, 2, 4]
    """
    if array.flags.carray and array.ctypes.data % LINE == 0:
        return array
    copy = zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def owned(value: Any) -> Any:
    """``value`` with all its arrays, also those in tuples, lists and dicts, as :func:`aligned` gives them: what was
    unpickled may lie in a memory map that can only be read, and compiled code that writes there ends the process.

    >>> kept = owned(((np.arange(3), "a"), [1.0]))
    >>> kept[0][0].flags.writeable, kept[0][1], kept[1]
    (True, 'a', [1.0])
    """
    if isinstance(value, np.ndarray):
        return value if value.dtype.hasobject else aligned(value if type(value) is np.ndarray else np.array(value))
    if isinstance(value, tuple):
        parts = map(owned, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if type(value) is list:
        return list(map(owned, value))
    return {name: owned(one) for name, one in value.items()} if type(value) is dict else value


class Owner:
    """What owns its arrays, also when it was unpickled."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(owned(state))
