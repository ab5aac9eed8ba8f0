"""What one row of weights does: everything that an input says to all units of a layer, in one contiguous read.

Flat arrays and offsets in, nothing allocated. ``W[b : b + stride]`` is the row, ``D[zo : zo + stride]`` the deltas of
the units that listen.
"""

from __future__ import annotations

from klopf.mind._jit import jit


@jit
def row_dot(W, b, stride, D, zo):  # type: ignore[no-untyped-def]
    """Inner product of one row of weights with the listeners' deltas."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        g += w[j] * d[j]
    return g


@jit
def row_dot_squares(W, b, stride, C, zo):  # type: ignore[no-untyped-def]
    """Sum of squared weights times the listeners' curvatures."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    c = C[zo : zo + stride]
    for j in range(stride):
        g += w[j] * w[j] * c[j]
    return g


@jit
def row_step(W, b, stride, x, D, zo):  # type: ignore[no-untyped-def]
    """One row learns: ``W[b:b+stride] += x * D[zo:zo+stride]``."""
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        w[j] += x * d[j]


@jit
def row_dot_step(W, b, stride, x, D, zo):  # type: ignore[no-untyped-def]
    """Both in one pass over memory; the inner product is with the weights as they were."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        v = w[j]
        e = d[j]
        g += v * e
        w[j] = v + x * e
    return g


@jit
def row_dot_step_size(W, b, stride, x, D, zo):  # type: ignore[no-untyped-def]
    """The same, and the sum of the absolute weights as they are afterwards, still in one pass."""
    g = W.dtype.type(0)
    size = g
    w = W[b : b + stride]
    d = D[zo : zo + stride]
    for j in range(stride):
        v = w[j]
        e = d[j]
        g += v * e
        v += x * e
        size += abs(v)
        w[j] = v
    return g, size


@jit
def row_size(W, b, stride):  # type: ignore[no-untyped-def]
    """Sum of the absolute weights of one row: how much this input is listened to."""
    g = W.dtype.type(0)
    w = W[b : b + stride]
    for j in range(stride):
        g += abs(w[j])
    return g
