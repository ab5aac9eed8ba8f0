"""Patches of an image, compared with filters that were born from what was seen, and pooled over a coarse grid.

An image lies as its rows of pixels of channels. A filter's weights are a column of ``F``, ``(patch, filters)``, so that
all filters hear a pixel in one contiguous read. At every place the filters compete: one speaks as far as it is above
half of the loudest (a cheap cousin of the triangle activation of Coates, Ng and Lee 2011, whose finding this rests on:
patches that were merely seen are nearly as good filters as learned ones).
"""

from __future__ import annotations

import math

import numpy as np

from klopf.mind._jit import jit
from klopf.mind.kernels.random import uniform

BORN, SEEN, POWER = range(3)
"""Places among the counters ``G``: filters so far, images learned from, the running mean square of the features."""
BROOD, TRIES = 4, 8
"""Filters born of one image, and patches among which each is chosen."""
HORIZON = 10_000.0
"""Images over which the mean square runs."""
QUIET = 0.5
"""Share of the loudest filter below which the others are silent."""


@jit
def cut(X, t, width, channels, size, row, column, patch):  # type: ignore[no-untyped-def]
    """The patch of image ``X[t]`` from pixel ``row``, ``column`` on, less its mean in each channel, into ``patch``.
    Returns its length, squared."""
    long = size * channels
    for c in range(channels):
        mean = X.dtype.type(0)
        for i in range(size):
            at = ((row + i) * width + column) * channels + c
            for j in range(size):
                mean += X[t, at + j * channels]
        mean /= size * size
        for i in range(size):
            at = ((row + i) * width + column) * channels + c
            for j in range(size):
                patch[i * long + j * channels + c] = X[t, at + j * channels] - mean
    square = X.dtype.type(0)
    for i in range(size * long):
        square += patch[i] * patch[i]
    return square


@jit
def hear(F, filters, patch, said):  # type: ignore[no-untyped-def]
    """What the first ``filters`` filters say of a patch, into ``said``; returns the loudest, at least 0."""
    for k in range(filters):
        said[k] = 0
    for i in range(F.shape[0]):
        x = patch[i]
        w = F[i]
        for k in range(filters):
            said[k] += x * w[k]
    loudest = F.dtype.type(0)
    for k in range(filters):
        loudest = max(loudest, said[k])
    return loudest


@jit
def bear(shape, F, k, X, t, rng, patch, said):  # type: ignore[no-untyped-def]
    """Filter ``k`` becomes one of a few random patches of image ``X[t]``: the one that the filters before it explain
    least, at length 1. Returns whether there was any."""
    height, width, channels, size, stride, _ = shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    most = 0.0
    for _ in range(TRIES):
        row, column = int(uniform(rng) * rows) * stride, int(uniform(rng) * columns) * stride
        square = cut(X, t, width, channels, size, row, column, patch)
        left = square - hear(F, k, patch, said) ** 2
        if left > max(most, 1e-3 * square):
            most = left
            for i in range(F.shape[0]):
                F[i, k] = patch[i] / math.sqrt(square)
    return most > 0


@jit
def pool(shape, F, X, t, patch, said, out):  # type: ignore[no-untyped-def]
    """What all filters say of image ``X[t]``, on average over each cell of the grid, into ``out[t]``. Returns the mean
    square."""
    height, width, channels, size, stride, grid = shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    filters, features = F.shape[1], out.shape[1]
    for i in range(features):
        out[t, i] = 0
    for r in range(rows):
        for c in range(columns):
            if cut(X, t, width, channels, size, r * stride, c * stride, patch) == 0:
                continue
            least = F.dtype.type(QUIET) * hear(F, filters, patch, said)
            cell = (r * grid // rows * grid + c * grid // columns) * filters
            for k in range(filters):
                out[t, cell + k] += max(said[k] - least, F.dtype.type(0))
    share = F.dtype.type(grid * grid / (rows * columns))
    square = 0.0
    for i in range(features):
        out[t, i] *= share
        square += out[t, i] * out[t, i]
    return square / features


@jit
def learn_images(shape, F, G, rng, X, weights, out):  # type: ignore[no-untyped-def]
    """The features of every row of ``X`` into a row of ``out``. Filters are born of the first images that have a
    weight; the running mean square, to which features are scaled, follows all that have."""
    patch, said = np.empty(F.shape[0], F.dtype), np.empty(F.shape[1], F.dtype)
    for t in range(len(X)):
        if weights[t] > 0:
            for _ in range(BROOD):
                if G[BORN] < F.shape[1] and bear(shape, F, int(G[BORN]), X, t, rng, patch, said):
                    G[BORN] += 1.0
        square = pool(shape, F, X, t, patch, said, out)
        if weights[t] > 0:
            G[SEEN] += 1.0
            G[POWER] += (square - G[POWER]) / min(G[SEEN], HORIZON)
        scale(G, t, out)


@jit
def sense_images(shape, F, G, X, out):  # type: ignore[no-untyped-def]
    """The same, and nothing is learned."""
    patch, said = np.empty(F.shape[0], F.dtype), np.empty(F.shape[1], F.dtype)
    for t in range(len(X)):
        pool(shape, F, X, t, patch, said, out)
        scale(G, t, out)


@jit
def scale(G, t, out):  # type: ignore[no-untyped-def]
    """Features as loud as usual have the mean square 1."""
    by = 1.0 / math.sqrt(G[POWER] + 1e-30)
    for i in range(out.shape[1]):
        out[t, i] *= by
