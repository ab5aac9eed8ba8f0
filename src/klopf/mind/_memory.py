"""Arrays that begin where a cache line does, with nothing else close to them.

NumPy's begin at any multiple of 16 bytes. A vector register that is loaded across two cache lines takes twice as long,
which makes a learning step up to a fifth slower, in one process and not in the next. What is computed is the same.

It would not be where one array begins just behind another: a compiled loop that writes to one while it reads the other
asks whether they lie closer than it works at a time, and if so goes number by number, which sums in another order. So
there is room on both sides.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf.errors import MindError

__all__ = ["APART", "LINE", "Owner", "apart", "enough_room", "owned", "room", "zeros"]

LINE = 64
"""Bytes of a cache line."""
APART = 512
"""Bytes on either side of an array that hold nothing: as many as compiled loops work at a time, and more."""


def zeros(shape: int | tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """As ``numpy.zeros``, from a multiple of 64 bytes on; large ones take no memory before they are written to."""
    dtype = np.dtype(dtype)
    size = dtype.itemsize * math.prod(shape if isinstance(shape, tuple) else (shape,))
    given = room(size + LINE + 2 * APART)
    start = APART + -given.ctypes.data % LINE
    made: NDArray[Any] = given[start : start + size].view(dtype).reshape(shape)
    return made


@contextlib.contextmanager
def enough_room(what: str) -> Iterator[None]:
    """Around the making of arrays whose sizes its user chose.

    Raises:
        MindError: they are more than memory holds, or than any array may have.
    """
    try:
        yield
    except (MemoryError, OverflowError) as error:
        raise MindError(f"there is no room in memory for {what}; give it smaller sizes") from error
    except ValueError as error:
        if "dimension" not in str(error) and "too big" not in str(error):  # NumPy's, of a shape that none may have
            raise
        raise MindError(f"there is no room in memory for {what}; give it smaller sizes") from error


def room(size: int) -> NDArray[np.uint8]:
    """So many bytes."""
    return np.zeros(size, np.uint8)


def apart(array: NDArray[Any]) -> NDArray[Any]:
    """A copy of ``array``, in C order and writable, that lies so.

    >>> apart(np.arange(5)[::2]).tolist()
    [0, 2, 4]
    """
    copy = zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def owned(value: Any) -> Any:
    """``value`` with all its arrays, also those in tuples, lists and dicts, as :func:`apart` gives them: what was
    unpickled may lie in a memory map that can only be read, and compiled code that writes there ends the process.

    >>> kept = owned(((np.arange(3), "a"), [1.0]))
    >>> kept[0][0].flags.writeable, kept[0][1], kept[1]
    (True, 'a', [1.0])
    """
    if isinstance(value, np.ndarray):
        return value if value.dtype.hasobject else apart(value)
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
