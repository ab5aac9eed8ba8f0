"""What a sample with names says by what it lacks: that something is missing, or that it is 0.

A place of a row is a number, NaN (its feature is said to be missing) or infinity (the sample has no such feature).
Absence is *missing*, unless the feature is one of those that are left out where they are 0, as in a bag of words or in
one-hot features that name only the one that holds: it was never seen as 0, and either had the same value whenever it
was there, or is there in less than half of the samples, with values that lie no farther from 0 than four of their own
deviations.
"""

from __future__ import annotations

import math

from klopf.mind._jit import jit

CAME, MEAN, SQUARES, SINCE, ZERO = range(5)
"""Rows of what is kept of each feature: in how many samples it came; the mean of its values and the sum of their
squared differences from it; how many samples there were since it came first; and whether it ever was 0."""
NEAR = 16.0
"""Squared deviations from 0 within which values lie of which 0 may be one."""


@jit
def hear(kept, rows, weights):  # type: ignore[no-untyped-def]
    """Put 0 or NaN where ``rows``, ``(n, sensors)``, have infinity; ``kept`` is ``(5, sensors)``.

    Rows whose weight, ``(n,)``, is above 0 are learned: ``kept`` takes them in, each before its own absences are read.
    """
    for t in range(rows.shape[0]):
        learned = weights[t] > 0
        for i in range(rows.shape[1]):
            x = rows[t, i]
            came = not math.isinf(x)
            if learned and (kept[CAME, i] > 0 or (came and x == x)):
                kept[SINCE, i] += 1.0
                if came and x == x:
                    kept[CAME, i] += 1.0
                    d = x - kept[MEAN, i]
                    kept[MEAN, i] += d / kept[CAME, i]
                    kept[SQUARES, i] += d * (x - kept[MEAN, i])
                    if x == 0:
                        kept[ZERO, i] = 1.0
            if not came:
                rows[t, i] = 0.0 if _is_left_out(kept, i) else math.nan


@jit
def _is_left_out(kept, i):  # type: ignore[no-untyped-def]
    """Whether feature ``i`` is one that is left out where it is 0."""
    came, mean, squares = kept[CAME, i], kept[MEAN, i], kept[SQUARES, i]
    if came == 0 or kept[ZERO, i] > 0:
        return False
    if squares == 0:
        return True
    return 2.0 * came < kept[SINCE, i] and mean * mean * came <= NEAR * squares
