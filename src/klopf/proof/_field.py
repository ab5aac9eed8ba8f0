"""Whole numbers modulo p = 2⁶⁴ - 2³² + 1, and polynomials over them, compiled.

Every array is uint64 with values below p. p - 1 is divisible by 2³², so there is a root of unity of every order 2ᵏ up
to that: polynomials of degree below n are evaluated at n points by the fast Fourier transform. A product of two
numbers has 128 bits, of which LLVM gives both halves; 2⁶⁴ = 2³² - 1 and 2⁹⁶ = -1 modulo p make them one number again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = ["P", "Words", "add", "combined", "dot", "forward", "inverse", "inverses", "mul", "outer", "products", "root",
           "scatter", "signed",
           "sub", "unsigned"]  # fmt: skip

Words = NDArray[np.uint64]
P = 2**64 - 2**32 + 1
_P = np.uint64(P)
_LOW = np.uint64(2**32 - 1)
_32 = np.uint64(32)
_GENERATOR = 7


def jit(function: Callable[..., Any]) -> Any:
    """Compiled, kept beside this file or where Numba keeps such; compiled anew where nothing can be kept."""
    try:
        return numba.njit(function, cache=True, nogil=True)
    except RuntimeError:  # no folder that can be written
        return numba.njit(function, nogil=True)


@cast("Any", intrinsic)
def _high(typing, a, b):  # type: ignore[no-untyped-def]
    """The upper 64 bits of a product of two words."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        x, y = (builder.zext(one, wide) for one in arguments)
        return builder.trunc(builder.lshr(builder.mul(x, y), ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@jit
def _mul(a, b):  # type: ignore[no-untyped-def]
    low, high = a * b, _high(a, b)
    above, middle = high >> _32, high & _LOW
    t = low - above
    if low < above:
        t -= _LOW
    m = middle * _LOW
    r = t + m
    if r < m:
        r += _LOW
    return r - _P if r >= _P else r


@jit
def _add(a, b):  # type: ignore[no-untyped-def]
    r = a + b
    if r < a:
        return r + _LOW
    return r - _P if r >= _P else r


@jit
def _sub(a, b):  # type: ignore[no-untyped-def]
    return a - b if a >= b else a - b + _P


def _each(function: Callable[..., Any]) -> Any:
    vectorize: Any = numba.vectorize
    return vectorize([types.uint64(types.uint64, types.uint64)])(function)


@_each
def mul(a, b):  # type: ignore[no-untyped-def]
    """Products, element by element."""
    return _mul(a, b)


@_each
def add(a, b):  # type: ignore[no-untyped-def]
    """Sums, element by element."""
    return _add(a, b)


@_each
def sub(a, b):  # type: ignore[no-untyped-def]
    """Differences, element by element."""
    return _sub(a, b)


@jit
def dot(a, b):  # type: ignore[no-untyped-def]
    """Sum of ``a[i] * b[i]``."""
    total = np.uint64(0)
    for i in range(len(a)):
        total = _add(total, _mul(a[i], b[i]))
    return total


@jit
def combined(weights, rows):  # type: ignore[no-untyped-def]
    """Sum over i of ``weights[i] * rows[i]``: (m), (m, n) to (n)."""
    made = np.zeros(rows.shape[1], np.uint64)
    for i in range(rows.shape[0]):
        w = weights[i]
        for j in range(rows.shape[1]):
            made[j] = _add(made[j], _mul(w, rows[i, j]))
    return made


@jit
def products(a, b):  # type: ignore[no-untyped-def]
    """Sum over i of ``a[i] * b[i]``: twice (m, n) to (n)."""
    made = np.zeros(a.shape[1], np.uint64)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            made[j] = _add(made[j], _mul(a[i, j], b[i, j]))
    return made


@jit
def outer(a, b):  # type: ignore[no-untyped-def]
    """``a[i] * b[j]``."""
    made = np.empty((len(a), len(b)), np.uint64)
    for i in range(len(a)):
        for j in range(len(b)):
            made[i, j] = _mul(a[i], b[j])
    return made


@jit
def scatter(into, places, numbers):  # type: ignore[no-untyped-def]
    """``into[places[i]] += numbers[i]``, also where a place comes twice."""
    for i in range(len(places)):
        into[places[i]] = _add(into[places[i]], numbers[i])


@jit
def inverses(a):  # type: ignore[no-untyped-def]
    """``1 / a[i]``, none of which may be zero: one inversion, three products each."""
    before = np.empty(len(a), np.uint64)
    total = np.uint64(1)
    for i in range(len(a)):
        before[i] = total
        total = _mul(total, a[i])
    back = np.uint64(1)
    for bit in range(63, -1, -1):  # total ** (p - 2)
        back = _mul(back, back)
        if (_P - np.uint64(2)) >> np.uint64(bit) & np.uint64(1):
            back = _mul(back, total)
    made = np.empty(len(a), np.uint64)
    for i in range(len(a) - 1, -1, -1):
        made[i] = _mul(back, before[i])
        back = _mul(back, a[i])
    return made


@jit
def _transform(rows, twiddles):  # type: ignore[no-untyped-def]
    """In place: each row of coefficients to its values at the powers of the root whose powers ``twiddles`` has."""
    n = rows.shape[1]
    for row in range(rows.shape[0]):
        a = rows[row]
        j = 0
        for i in range(1, n):
            bit = n >> 1
            while j & bit:
                j ^= bit
                bit >>= 1
            j ^= bit
            if i < j:
                a[i], a[j] = a[j], a[i]
        half = 1
        while half < n:
            step = n // (2 * half)
            for start in range(0, n, 2 * half):
                for i in range(half):
                    u, v = a[start + i], _mul(a[start + i + half], twiddles[i * step])
                    a[start + i], a[start + i + half] = _add(u, v), _sub(u, v)
            half *= 2


def root(n: int) -> int:
    """A root of unity of order ``n``, a power of two."""
    return pow(_GENERATOR, (P - 1) // n, P)


@cache
def _powers(base: int, n: int) -> Words:
    made = np.empty(n, np.uint64)
    value = 1
    for i in range(n):
        made[i] = value
        value = value * base % P
    return made


def forward(rows: Words, n: int, shift: int = 1) -> Words:
    """Values at ``shift * root(n) ** i`` of the polynomials whose coefficients, lowest first, are in ``rows``: (m, k)
    to (m, n), k at most n."""
    made = np.zeros((rows.shape[0], n), np.uint64)
    made[:, : rows.shape[1]] = rows if shift == 1 else mul(rows, _powers(shift, rows.shape[1]))
    _transform(made, _powers(root(n), n))
    return made


def inverse(rows: Words, shift: int = 1) -> Words:
    """The coefficients of the polynomials of which :func:`forward` gave ``rows``: (m, n)."""
    n = rows.shape[1]
    made = rows.copy()
    _transform(made, _powers(pow(root(n), -1, P), n))
    return np.asarray(mul(mul(made, np.uint64(pow(n, -1, P))), _powers(pow(shift, -1, P), n)))


def unsigned(numbers: Any) -> Words:
    """Whole numbers, negative ones too, modulo p."""
    given = np.asarray(numbers, np.int64)
    return np.where(given < 0, given.view(np.uint64) + _P, given.view(np.uint64))


def signed(words: Words) -> NDArray[np.int64]:
    """The other way: what is above p/2 is negative."""
    return np.where(words > _P >> np.uint64(1), words - _P, words).view(np.int64)
