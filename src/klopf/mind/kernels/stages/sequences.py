"""Traces of what came before: every sensor drives a bank of leaky oscillators, of which each is one complex number.

A unit's state is ``h <- p h + x`` with a complex ``p`` of length below 1 (a diagonal linear recurrence, as in Orvieto
et al. 2023 and the recurrent trace units of Elelimy et al. 2024, but with a ``p`` that stays). The features of a sample
are the sensors as they are, and each unit's real and imaginary part, in the scale in which those of white noise have
about its variance.
"""

from __future__ import annotations

import math

from klopf.mind._jit import jit


@jit
def follow(P, H, X, out):  # type: ignore[no-untyped-def]
    """The features of every row of ``X``, one step after another, into a row of ``out``: for each sensor its value,
    then its units. ``P`` are the units' numbers, ``(2, units)``, real and imaginary; ``H`` their states,
    ``(2, sensors, units)``, float64, which follow."""
    units = P.shape[1]
    for t in range(len(X)):
        at = 0
        for s in range(X.shape[1]):
            x = float(X[t, s])
            out[t, at] = X[t, s]
            for k in range(units):
                real = P[0, k] * H[0, s, k] - P[1, k] * H[1, s, k] + x
                H[1, s, k] = P[0, k] * H[1, s, k] + P[1, k] * H[0, s, k]
                H[0, s, k] = real
                loud = math.sqrt(2.0 * (1.0 - P[0, k] * P[0, k] - P[1, k] * P[1, k]))
                out[t, at + 1 + 2 * k] = loud * real
                out[t, at + 2 + 2 * k] = loud * H[1, s, k]
            at += 1 + 2 * units
