"""Order among numbers: the one step of learning that needs memory of its own."""

from __future__ import annotations

import numpy as np

from klopf.mind._jit import jit


@jit
def nth_smallest(numbers, count, n):  # type: ignore[no-untyped-def]
    """The ``n``-th smallest of the first ``count`` numbers, counted from 1."""
    return np.sort(numbers[:count])[n - 1]
