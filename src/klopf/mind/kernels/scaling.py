"""Numbers of any unit and level, made fit to learn from: shifted and scaled by what is usual, and usual *now*.

Each scaled number (a sensor, a target) has a column of a table with a running mean and variance, and its last 32.

- **An outlier is bounded.** What lies beyond ``reach`` deviations counts as lying there, for the running mean and
  variance and for the learner. Where outliers come back, the reach grows, a step a block: what recurs is data.
- **A change is noticed.** After each block of 32 values it is asked whether their level is off by more than .6 of a
  deviation, and by more than three and a half times what the levels of blocks usually are; or whether they spread three
  times as far, or as little, as usual. Two such blocks in a row, or eight values in a row out of reach, and the running
  mean and variance *start again* from the latest values (the mean alone, where they spread as usual). So a frame that
  moves is followed within 8 to 96 samples.
- **What was usual before may come back**, as after an outage: for 1,024 values mean and variance of before are kept.
  Once the values' likelihood speaks for those by 20 nats (a cumulative sum: Page 1954), they are those again.
- **A missing value** (NaN) is the mean, and nothing is learned from it about the mean.

Where nothing of this happens, mean and variance are the plain ones of all values so far, of the last ``horizon``
beyond that.
"""

from __future__ import annotations

import math

from klopf.mind._jit import jit
from klopf.mind.kernels.state import (
    REACH,
    RECENT,
    S_BACK,
    S_BLOCKS,
    S_COUNT,
    S_FILL,
    S_FORMER_COUNT,
    S_FORMER_MEAN,
    S_FORMER_VARIANCE,
    S_GAIN,
    S_LEVEL,
    S_MEAN,
    S_REACH,
    S_RECENT,
    S_RUN,
    S_SPREAD,
    S_SUSPECT,
    S_VARIANCE,
)

FURTHEST = 64.0
"""Deviations from the mean within which a value counts as it is, at most; ``REACH`` at first."""
RUN = 8
"""Values in a row out of reach that are no outliers."""
KEPT = 1024.0
"""Values for which they are."""
SURE = 20.0
"""How much, in nats, must speak for them."""
LEAST, MOST, ROUNDING = 1e-30, 1e30, 1e-26
"""Variances between which 32 bits have room for a number of the row, and the share of the squared mean below which one
may be rounding; beyond, each is taken by itself."""


@jit
def least(S):  # type: ignore[no-untyped-def]
    """What no variance is below, of numbers of the type of ``S``: what is only rounding, as a share of the squared
    mean; and a number above 0."""
    if S.itemsize == 4:
        return S.dtype.type(1e-13), S.dtype.type(1e-30)
    return S.dtype.type(1e-29), S.dtype.type(1e-200)


@jit
def deviation(S, i):  # type: ignore[no-untyped-def]
    """The usual deviation of number ``i`` from its mean: above 0, and above what is only rounding."""
    mean = S[S_MEAN, i]
    rounding, nothing = least(S)
    return math.sqrt(S[S_VARIANCE, i] + mean * mean * rounding + nothing)


@jit
def standardised(S, i, x):  # type: ignore[no-untyped-def]
    """``x``, a value of number ``i``, in deviations from its mean: bounded, and 0 where it is missing or never seen."""
    z = S.dtype.type(0)
    if x == x and S[S_COUNT, i] > 0:
        z = (x - S[S_MEAN, i]) / deviation(S, i)
        z = min(max(z, -S[S_REACH, i]), S[S_REACH, i])
    return z


@jit
def mean_variance(S):  # type: ignore[no-untyped-def]
    """The mean of all numbers' variances."""
    total = S[S_VARIANCE, 0]
    for i in range(1, S.shape[1]):
        total += S[S_VARIANCE, i]
    return total / S.shape[1]


@jit
def followed(S, i, x, horizon):  # type: ignore[no-untyped-def]
    """Take ``x`` in as a value of number ``i``. Returns whether the mean and variance started again."""
    if x != x:
        return False
    one = S.dtype.type(1)
    n = S[S_COUNT, i] + one
    S[S_COUNT, i] = n
    rate = S.dtype.type(max(1.0 / n, 1.0 / horizon))
    d = x - S[S_MEAN, i]
    v = S[S_VARIANCE, i]
    run = S.dtype.type(0)
    if n > RECENT and v > 0:
        most = S[S_REACH, i] * deviation(S, i)
        if abs(d) > most:
            d = math.copysign(most, d)
            run = S[S_RUN, i] + one
    S[S_RUN, i] = run
    S[S_MEAN, i] += rate * d
    S[S_VARIANCE, i] = (one - rate) * (v + rate * d * d)
    k = int(S[S_FILL, i])
    S[S_RECENT + k, i] = x
    S[S_FILL, i] = (k + 1) % RECENT
    if S[S_FORMER_COUNT, i] > 0 and came_back(S, i, x):
        return True
    if run >= RUN:
        restart(S, i, RUN)
        return True
    return k + 1 == RECENT and examined(S, i)


@jit
def came_back(S, i, x):  # type: ignore[no-untyped-def]
    """Whether ``x`` is the value of number ``i`` after which its mean and variance are again what they were before."""
    if S[S_COUNT, i] > KEPT:
        S[S_FORMER_COUNT, i] = 0
        return False
    nothing = least(S)[1]
    now, then = S[S_VARIANCE, i] + nothing, S[S_FORMER_VARIANCE, i] + nothing
    a, b = x - S[S_MEAN, i], x - S[S_FORMER_MEAN, i]
    most = REACH * REACH
    speaks = 0.5 * (min(a * a / now, most) - min(b * b / then, most) + math.log(now / then))
    S[S_BACK, i] = max(S[S_BACK, i] + speaks, 0.0)
    if S[S_BACK, i] < SURE:
        return False
    mean, variance, count = S[S_MEAN, i], S[S_VARIANCE, i], S[S_COUNT, i]
    begin(S, i, S[S_FORMER_MEAN, i], S[S_FORMER_VARIANCE, i], S[S_FORMER_COUNT, i])
    S[S_BLOCKS, i] = 1
    S[S_LEVEL, i] = 1.0 / RECENT
    S[S_SPREAD, i] = 0.8
    S[S_FORMER_MEAN, i] = mean
    S[S_FORMER_VARIANCE, i] = variance
    S[S_FORMER_COUNT, i] = count
    return True


@jit
def row_heard(S, room, x, horizon, z):  # type: ignore[no-untyped-def]
    """:func:`followed` for ``x``, ``(n,)``, a value of every number, and :func:`row_standardised` of it into ``z``: all
    at once where nothing is unusual. ``room``, ``(3, n)``, is for this call alone.

    What is far from 0 needs 64 bits until its mean is taken off; the quotient is in the type of ``z``."""
    n = x.shape[0]
    if not ordinary(S, x):
        for i in range(n):
            followed(S, i, x[i], horizon)
        row_standardised(S, x, z)
        return
    one = S.dtype.type(1)
    mean, variance, count, fill = S[S_MEAN], S[S_VARIANCE], S[S_COUNT], S[S_FILL]
    k = int(fill[0])
    recent, full = S[S_RECENT + k], k + 1 == RECENT
    rate = one / (count[0] + one)
    other = 0
    for i in range(n):
        other += 1 if count[i] != count[0] else 0
    for i in range(n):
        count[i] += one
        fill[i] += one
        recent[i] = x[i]
    if other == 0:
        rate = max(rate, S.dtype.type(1.0 / horizon))
        for i in range(n):
            off = x[i] - mean[i]
            variance[i] = (one - rate) * (variance[i] + rate * off * off)
            # within reach before it was taken in, so within it now
            z[i] = z.dtype.type((one - rate) * off) / math.sqrt(z.dtype.type(variance[i]))
        for i in range(n):
            mean[i] += rate * (x[i] - mean[i])
    else:
        for i in range(n):
            rate = max(one / count[i], S.dtype.type(1.0 / horizon))
            off = x[i] - mean[i]
            mean[i] += rate * off
            variance[i] = (one - rate) * (variance[i] + rate * off * off)
            z[i] = z.dtype.type((one - rate) * off) / math.sqrt(z.dtype.type(variance[i]))
    if full:
        row_examined(S, room)
        row_standardised(S, x, z)


@jit
def ordinary(S, x):  # type: ignore[no-untyped-def]
    """Whether every value is there and within reach, of a usual size, and nothing has happened of late."""
    mean, variance, reach, gain = S[S_MEAN], S[S_VARIANCE], S[S_REACH], S[S_GAIN]
    fill, run, former, count = S[S_FILL], S[S_RUN], S[S_FORMER_COUNT], S[S_COUNT]
    k = fill[0]
    odd = 0
    for i in range(x.shape[0]):
        d = x[i] - mean[i]
        v = variance[i]
        usual = (d * d <= reach[i] * reach[i] * v) & (v > LEAST) & (v < MOST) & (v > ROUNDING * mean[i] * mean[i])
        calm = (fill[i] == k) & (run[i] == 0) & (former[i] == 0) & (count[i] > 0) & (gain[i] == 1)
        odd += 0 if usual & calm else 1
    return odd == 0


@jit
def row_standardised(S, x, z):  # type: ignore[no-untyped-def]
    """:func:`standardised` of ``x``, ``(n,)``, a value of every number, into ``z``, each as loud as it is heard."""
    mean, variance, reach, count, gain = S[S_MEAN], S[S_VARIANCE], S[S_REACH], S[S_COUNT], S[S_GAIN]
    rounding, nothing = least(S)
    zero = S.dtype.type(0)
    for i in range(x.shape[0]):
        off = (x[i] - mean[i]) / math.sqrt(variance[i] + mean[i] * mean[i] * rounding + nothing)
        off = min(max(off, -reach[i]), reach[i])
        z[i] = off * gain[i] if (x[i] == x[i]) & (count[i] > 0) else zero


@jit
def row_examined(S, room):  # type: ignore[no-untyped-def]
    """:func:`examined` for every number: a block of each is full."""
    n = S.shape[1]
    most, level, spread = room[0], room[1], room[2]
    mean, reach, zero = S[S_MEAN], S[S_REACH], S.dtype.type(0)
    for i in range(n):
        most[i] = reach[i] * deviation(S, i)
        level[i] = zero
        spread[i] = zero
        S[S_FILL, i] = zero
    beyond = 0
    for k in range(RECENT):
        recent = S[S_RECENT + k]
        for i in range(n):
            d = recent[i] - mean[i]
            level[i] += d
            beyond += 1 if abs(d) > most[i] else 0
    if beyond:
        for i in range(n):
            examined(S, i)
        return
    for i in range(n):
        level[i] = mean[i] + level[i] / RECENT
    for k in range(RECENT):
        recent = S[S_RECENT + k]
        for i in range(n):
            spread[i] += abs(recent[i] - level[i])
    for i in range(n):
        usually = most[i] / reach[i]
        judged(S, i, (level[i] - mean[i]) / usually, spread[i] / (RECENT * usually), 0)


@jit
def examined(S, i):  # type: ignore[no-untyped-def]
    """A block of number ``i`` is full: is it as blocks usually are? Returns whether the frame started again."""
    mean, reach = S[S_MEAN, i], S[S_REACH, i]
    usually = deviation(S, i)
    level, beyond = 0.0, 0
    for k in range(RECENT):
        z = (S[S_RECENT + k, i] - mean) / usually
        beyond += abs(z) > reach
        level += min(max(z, -reach), reach)
    level /= RECENT
    spread = 0.0
    for k in range(RECENT):
        z = (S[S_RECENT + k, i] - mean) / usually
        spread += abs(min(max(z, -reach), reach) - level)
    return judged(S, i, level, spread / RECENT, beyond)


@jit
def judged(S, i, level, spread, beyond):  # type: ignore[no-untyped-def]
    """The last block of number ``i`` had that level and spread, in deviations, and so many values out of reach."""
    reach = S[S_REACH, i]
    S[S_REACH, i] = min(reach * 1.5, FURTHEST) if beyond else max(reach * 0.97, REACH)
    blocks = S[S_BLOCKS, i]
    usual = S[S_SPREAD, i]
    if blocks == 0:
        settle(S, i)
    elif blocks >= 3:
        moved = abs(level) > 0.6 and level * level > 12.0 * S[S_LEVEL, i]
        if moved or ((spread > 3.0 * usual or spread < usual / 3.0) and quartiles_differ(S, i)):
            S[S_SUSPECT, i] += 1
            if S[S_SUSPECT, i] < 2:
                return False
            variance = S[S_VARIANCE, i]
            restart(S, i, RECENT)
            if spread < 1.5 * usual and usual < 1.5 * spread:  # only its level is another
                S[S_VARIANCE, i] = variance
            return True
    S[S_SUSPECT, i] = 0
    S[S_BLOCKS, i] = blocks + 1
    rate = max(1.0 / (blocks + 1), 1.0 / RECENT)
    square = max(level * level, 1.0 / RECENT)
    if blocks >= 8:  # what is known of levels is not to grow by the very change that it should tell
        square = min(square, 4.0 * S[S_LEVEL, i])
    S[S_LEVEL, i] += rate * (square - S[S_LEVEL, i])
    S[S_SPREAD, i] += rate * (spread - usual)
    return False


@jit
def sort_recent(S, i, n):  # type: ignore[no-untyped-def]
    """Put the last ``n`` values of number ``i`` first, in order; where they stand is of no more use afterwards."""
    end = int(S[S_FILL, i])
    if n < RECENT:  # they may lie across the end of the block: turn it until they lie at its beginning
        for _ in range((end - n) % RECENT):
            first = S[S_RECENT, i]
            for k in range(RECENT - 1):
                S[S_RECENT + k, i] = S[S_RECENT + k + 1, i]
            S[S_RECENT + RECENT - 1, i] = first
    for k in range(1, n):
        x = S[S_RECENT + k, i]
        j = k
        while j > 0 and S[S_RECENT + j - 1, i] > x:
            S[S_RECENT + j, i] = S[S_RECENT + j - 1, i]
            j -= 1
        S[S_RECENT + j, i] = x


@jit
def quartiles_differ(S, i):  # type: ignore[no-untyped-def]
    """Whether the block of number ``i`` says anything about its spread: not if more than half of it is one value."""
    sort_recent(S, i, RECENT)
    return S[S_RECENT + 3 * RECENT // 4, i] > S[S_RECENT + RECENT // 4, i]


@jit
def moments(S, i, n):  # type: ignore[no-untyped-def]
    """Mean and variance of the last ``n`` values of number ``i``, outliers among them bounded by the quartiles."""
    sort_recent(S, i, n)
    low, middle, high = S[S_RECENT + n // 4, i], S[S_RECENT + n // 2, i], S[S_RECENT + n - 1 - n // 4, i]
    most = 8.0 * (high - low)
    if most == 0:
        most = S[S_RECENT + n - 1, i] - S[S_RECENT, i]
    mean, square = 0.0, 0.0
    for k in range(n):
        mean += min(max(S[S_RECENT + k, i] - middle, -most), most)
    mean /= n
    for k in range(n):
        d = min(max(S[S_RECENT + k, i] - middle, -most), most) - mean
        square += d * d
    return middle + mean, square / n


@jit
def settle(S, i):  # type: ignore[no-untyped-def]
    """The first block of number ``i`` is full: no outlier in it may stand for ever."""
    mean, variance = moments(S, i, RECENT)
    if S[S_VARIANCE, i] > 2.0 * variance and variance > 0:
        S[S_MEAN, i] = mean
        S[S_VARIANCE, i] = variance


@jit
def restart(S, i, n):  # type: ignore[no-untyped-def]
    """The mean and variance of number ``i`` start again, from its last ``n`` values."""
    mean, variance = moments(S, i, n)
    if S[S_COUNT, i] >= max(S[S_FORMER_COUNT, i], RECENT):  # of two, the one that more values told is kept
        S[S_FORMER_MEAN, i] = S[S_MEAN, i]
        S[S_FORMER_VARIANCE, i] = S[S_VARIANCE, i]
        S[S_FORMER_COUNT, i] = S[S_COUNT, i]
    begin(S, i, mean, variance if variance > 0 else S[S_VARIANCE, i], n)


@jit
def begin(S, i, mean, variance, count):  # type: ignore[no-untyped-def]
    """From now on these are usual of number ``i``; whatever was noticed before is forgotten."""
    S[S_MEAN, i] = mean
    S[S_VARIANCE, i] = variance
    S[S_COUNT, i] = count
    S[S_BACK, i] = 0
    S[S_REACH, i] = REACH
    S[S_RUN, i] = 0
    S[S_FILL, i] = 0
    S[S_SUSPECT, i] = 0
    S[S_BLOCKS, i] = 0
    S[S_LEVEL, i] = 0
    S[S_SPREAD, i] = 0
