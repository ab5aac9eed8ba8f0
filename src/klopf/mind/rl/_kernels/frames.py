"""Sensors of which offset or unit change, and lone outliers: every value is said in the terms of before.

What an agent sees depends on what it does, so how its observations lie says little of whether a sensor changed: who
learns to balance sees other numbers than who falls. Two things hardly depend on what it does:

- **From one step to the next a sensor moves only so far.** A move of more than ``JUMP`` times the usual, to where no
  value was (``S_REACH`` deviations from the mean), is no move: the value before goes on, and what the sensor has more
  is its offset from now on. If it jumps back within ``PATIENCE`` steps the offset is that of before: it was an outlier,
  or an outage. If it keeps jumping its unit is another, as many times as its jumps are the usual move.
- **Where episodes begin** is the world's choice. First values that lie where none did (three of them where they are far
  off, up to two dozen where they are not), or that hardly differ from each other, tell a new offset, and, by how much
  they differ, a new unit. The first 64 after any change make both exact.

Where nothing of this happens, and until ``KNOWN`` values are known, values stay as they are to the bit; so do those of
sensors that rest more often than they move, such as contacts and flags.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    REACH,
    S_DOUBT,
    S_FARS,
    S_FARTHEST,
    S_FORMER_OFFSET,
    S_FORMER_UNIT,
    S_LAST,
    S_LAST_START,
    S_LIVELY,
    S_MEAN,
    S_MOVE,
    S_MOVES,
    S_NEW,
    S_NEW_MEAN,
    S_NEW_SQUARES,
    S_ODD,
    S_OFFSET,
    S_REACH,
    S_REFINING,
    S_START_MEAN,
    S_START_SQUARES,
    S_STARTS,
    S_STILL,
    S_UNIT,
)

KNOWN = 1000.0
"""Values after which a change can be told."""
JUMP = 12.0
"""How many times the usual a move is that is none."""
PATIENCE = 32.0
FURTHEST = 64.0
"""What the reach grows to where outliers come back."""
FEW, MANY = 16.0, 64.0
"""First values after which they are known; and to which a change is fitted."""
FIT = 8.0
"""First values, or jumps in a row, after which a unit is told from an offset."""
SURE, ALIKE = 24.0, 12.0
"""How odd first values must be together; how many in a row must hardly differ."""


@jit
def followed(S, i, x, start, variance, known):  # type: ignore[no-untyped-def]
    """``x``, a value of sensor ``i`` and the first of an episode or not, in the terms of before the sensor changed.

    ``variance`` is what is usual; only what is ``known`` can change."""
    u = (x - S[S_OFFSET, i]) / S[S_UNIT, i]
    if start:
        n = S[S_STARTS, i]
        known = known and n >= FEW
        likely, square = S[S_START_MEAN, i], S[S_START_SQUARES, i] / max(n - 1.0, 1.0)
    else:
        likely, square = S[S_LAST, i], S[S_MOVE, i]
    known = known and 2.0 * S[S_LIVELY, i] > S[S_MOVES, i]
    d, z, far = u - likely, u - S[S_MEAN, i], S[S_REACH, i] * S[S_REACH, i] * variance
    if known and d * d > JUMP * JUMP * square and z * z > far:
        u = jumped(S, i, x, start, likely, square, far)
    elif start:
        u = begun_at(S, i, x, u, variance, known)
    else:
        n = S[S_MOVES, i] + 1.0
        S[S_MOVES, i] = n
        S[S_LIVELY, i] += 0.0 if d == 0.0 else 1.0
        S[S_MOVE, i] += max(1.0 / n, 1e-4) * (d * d - square)
    S[S_LAST, i] = u
    if S[S_DOUBT, i] > 0.0:
        S[S_DOUBT, i] += 1.0
        if S[S_DOUBT, i] > PATIENCE:
            S[S_DOUBT, i] = 0.0
    if S[S_REFINING, i] > 0.0:  # what is not exact yet stays within bounds
        most = math.sqrt(far)
        u = S[S_MEAN, i] + min(max(u - S[S_MEAN, i], -most), most)
    return u


@jit
def jumped(S, i, x, start, likely, square, far):  # type: ignore[no-untyped-def]
    """``x`` is where no move leads from what was ``likely``: back to the terms of before, or on in new ones."""
    a, b = S[S_UNIT, i], S[S_OFFSET, i]
    if S[S_DOUBT, i] > 0.0:
        v = (x - S[S_FORMER_OFFSET, i]) / S[S_FORMER_UNIT, i]
        z = v - S[S_MEAN, i]
        if z * z <= far:
            S[S_OFFSET, i], S[S_UNIT, i] = S[S_FORMER_OFFSET, i], S[S_FORMER_UNIT, i]
            S[S_DOUBT, i] = 0.0
            S[S_REFINING, i] = 0.0
            S[S_NEW, i] = 0.0
            S[S_REACH, i] = min(1.5 * S[S_REACH, i], FURTHEST)
            return v
    else:
        S[S_FORMER_OFFSET, i], S[S_FORMER_UNIT, i] = b, a
        S[S_FARS, i] = 0.0
        S[S_FARTHEST, i] = 0.0
        S[S_REFINING, i] = 1.0
        S[S_NEW, i] = 0.0
    S[S_DOUBT, i] = 1.0
    if not start:
        S[S_FARTHEST, i] += abs(x - b - a * likely) if S[S_FARS, i] > 0.0 else 0.0  # the first is no move
        S[S_FARS, i] += 1.0
        if S[S_FARS, i] == FIT and square > 0.0:
            a = S[S_FARTHEST, i] / (FIT - 1.0) / math.sqrt(square)
            S[S_UNIT, i] = a
            S[S_REFINING, i] = 2.0
            S[S_FARS, i] = 0.0
            S[S_FARTHEST, i] = 0.0
    S[S_OFFSET, i] = x - a * likely
    return likely


@jit
def begun_at(S, i, x, u, variance, known):  # type: ignore[no-untyped-def]
    """An episode begins at ``x``, which is ``u`` in the terms of before as far as they are known."""
    n, mean = S[S_STARTS, i], S[S_START_MEAN, i]
    spread = math.sqrt(S[S_START_SQUARES, i] / max(n - 1.0, 1.0))
    usual = math.sqrt(variance)
    if S[S_REFINING, i] > 0.0:
        noted(S, i, x)
        return fitted(S, i, x, spread, usual)
    off = abs(u - mean)
    if known:
        odd = off > max(2.0 * spread, 0.05 * usual)
        alike = abs(u - S[S_LAST_START, i]) < spread / 8.0
        S[S_STILL, i] = S[S_STILL, i] + 1.0 if alike else 0.0
        if S[S_STILL, i] <= 1.0 and not (odd and S[S_ODD, i] > 0.0):
            S[S_NEW, i] = 0.0
        S[S_ODD, i] = S[S_ODD, i] + min(off / max(spread, 1e-9 * usual) - 2.0, 8.0) if odd else 0.0
        noted(S, i, x)
        if S[S_ODD, i] >= SURE or S[S_STILL, i] >= ALIKE:
            S[S_ODD, i] = 0.0
            S[S_STILL, i] = 0.0
            S[S_REFINING, i] = 1.0
            S[S_LAST_START, i] = u
            return fitted(S, i, x, spread, usual)
    S[S_LAST_START, i] = u
    n += 1.0
    d = u - mean
    if n > FEW:
        d = min(max(d, -4.0 * spread), 4.0 * spread)
    S[S_STARTS, i] = n
    S[S_START_MEAN, i] += d / n
    S[S_START_SQUARES, i] += d * d * (1.0 - 1.0 / n)
    return u


@jit
def noted(S, i, x):  # type: ignore[no-untyped-def]
    """``x``, as the sensor has it now, is one of those to which its offset and unit are fitted."""
    if S[S_NEW, i] == 0.0:
        S[S_NEW_MEAN, i] = 0.0
        S[S_NEW_SQUARES, i] = 0.0
    S[S_NEW, i] += 1.0
    d = x - S[S_NEW_MEAN, i]
    S[S_NEW_MEAN, i] += d / S[S_NEW, i]
    S[S_NEW_SQUARES, i] += d * (x - S[S_NEW_MEAN, i])


@jit
def fitted(S, i, x, spread, usual):  # type: ignore[no-untyped-def]
    """Offset and unit by which the new first values are like those of before; ``x`` is the last, and returned so."""
    n, new = S[S_NEW, i], math.sqrt(S[S_NEW_SQUARES, i] / max(S[S_NEW, i] - 1.0, 1.0))
    if n >= MANY:
        S[S_REFINING, i] = 0.0
        S[S_REACH, i] = REACH
    a = S[S_UNIT, i]
    if n >= FIT and spread > 1e-9 * usual and new > 0.0:
        ratio = new / spread
        if S[S_REFINING, i] == 2.0 or ratio > 3.0 * a or ratio < a / 3.0:
            S[S_REFINING, i] = 2.0 if n < MANY else 0.0
            a = ratio
    if spread <= 1e-9 * usual and new > 1e-6 * usual * a and n > 1.0:  # starts differ that never did: known anew
        S[S_STARTS, i] = 0.0
        S[S_START_MEAN, i] = 0.0
        S[S_START_SQUARES, i] = 0.0
        S[S_REFINING, i] = 0.0
    elif a != S[S_UNIT, i] or spread * spread <= n * S[S_MOVE, i]:
        S[S_UNIT, i] = a
        S[S_OFFSET, i] = S[S_NEW_MEAN, i] - a * S[S_START_MEAN, i]
    return (x - S[S_OFFSET, i]) / S[S_UNIT, i]
