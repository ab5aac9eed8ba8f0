"""A kernel's compiled code, without the search for it that Numba makes at every call.

Numba looks at all arguments of a call, of which a learner's tables are dozens of arrays, to find the code that was
compiled for such types: 2 to 4 µs each time, which for one sample is more than the code itself takes. Where the types
never change, the code is looked up once.
"""

from __future__ import annotations

from typing import Any

__all__ = ["direct"]

_HELD: list[Any] = []  # who lets go of a kernel lets go of its code


def direct(kernel: Any, *arguments: Any) -> Any:
    """``kernel`` for arguments of the types that ``arguments`` have: dtype, dimensions, C order, writable. Nobody looks
    at them any more, so that another type reads and writes what is not its own.

    Compiles it, or loads it, where that has not been done. A kernel that is plain Python is given back as it is.
    """
    if not hasattr(kernel, "overloads"):
        return kernel
    import numba

    types = tuple(numba.typeof(one) for one in arguments)  # type: ignore[no-untyped-call, unused-ignore]
    kernel.compile(types)
    _HELD.append(kernel)
    code = kernel.overloads[types].entry_point

    # Whoever measures a learner by what it refers to (as River does) stops at a function: else it would walk on through
    # the compiler, where references may be dead.
    def call(*given: Any) -> Any:
        return code(*given)

    return call
