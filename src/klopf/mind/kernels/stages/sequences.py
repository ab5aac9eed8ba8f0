"""What came before: the last values as they are, and traces of those before them, in a bank of leaky oscillators.

A unit's state is ``h <- p h + x`` with a complex ``p`` of length below 1 (a diagonal linear recurrence, as in Orvieto
et al. 2023 and the recurrent trace units of Elelimy et al. 2024, but with a ``p`` that stays), where ``x`` is the value
that leaves the last ones: nothing is heard twice. Of a unit the features are its real and imaginary part, in the scale
in which those of white noise have about its variance.
"""

from __future__ import annotations

import math

from klopf.mind._jit import jit


@jit
def follow(P, L, H, X, out):  # type: ignore[no-untyped-def]
    """The features of every row of ``X``, one step after another, into a row of ``out``: for each sensor its last
    values, the newest first, then its units. ``P`` are the units' numbers, ``(2, units)``, real and imaginary; ``L``
    the last values, ``(sensors, steps)``, and ``H`` the units' states, ``(2, sensors, units)``, both float64, which
    follow."""
    steps, units = L.shape[1], P.shape[1]
    for t in range(len(X)):
        at = 0
        for s in range(X.shape[1]):
            leaves = L[s, steps - 1]
            for k in range(steps - 1, 0, -1):
                L[s, k] = L[s, k - 1]
                out[t, at + k] = L[s, k]
            L[s, 0] = X[t, s]
            out[t, at] = X[t, s]
            at += steps
            for k in range(units):
                real = P[0, k] * H[0, s, k] - P[1, k] * H[1, s, k] + leaves
                H[1, s, k] = P[0, k] * H[1, s, k] + P[1, k] * H[0, s, k]
                H[0, s, k] = real
                loud = math.sqrt(2.0 * (1.0 - P[0, k] * P[0, k] - P[1, k] * P[1, k]))
                out[t, at + 2 * k] = loud * real
                out[t, at + 2 * k + 1] = loud * H[1, s, k]
            at += 2 * units
