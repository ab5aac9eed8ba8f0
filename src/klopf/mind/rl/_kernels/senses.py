"""What an agent's environment tells it, made fit to learn from: observations normalised, rewards scaled.

Elsayed et al. (2024), algorithms 5 and 6 (Welford's running mean and variance, of all samples so far) and their
reference's time feature: the share of the time limit that has passed, minus one half, behind the observation. Not in
the paper: sensors are followed (``frames``), and one reward far beyond all others is bounded.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.frames import KNOWN, followed
from klopf.mind.rl._kernels.layout import (
    G_EPISODE_STEP,
    G_MOST,
    G_NEXT,
    G_PAID,
    G_REWARD_MEAN,
    G_REWARD_P,
    G_REWARD_TRACE,
    G_REWARDS,
    G_SENSED,
    G_UNIT,
    O_CONSTANT,
    O_FOLLOW,
    O_GAMMA,
    O_HORIZON,
    O_NORMALISE,
    O_SCALE,
    O_TIME_LIMIT,
    S_SQUARES,
)

FEW = 16.0
"""Rewards other than 0 after which one can lie too far out."""
FAR = 12.0
"""How many deviations of the discounted sum of rewards a reward may be, or times the largest but one of the first."""
MORE = 2.0
"""How many times the largest so far it may always be: where large ones come back they are bounded a few times only."""
TOLD = 8.0
"""How many times that a reward is learned from at most: what is paid for the first time may be the goal."""


@jit
def samples(O, count):  # type: ignore[no-untyped-def]
    """Over how many samples a running mean of ``count`` goes: beyond the horizon old ones fade, so that a changed world
    is sensed as it is."""
    if O[O_HORIZON] > 0 and count > O[O_HORIZON]:
        return O[O_HORIZON]
    return count


@jit
def sense(S, G, O, obs, A):  # type: ignore[no-untyped-def]
    """``obs`` into ``A``, normalised by the running mean ``S[0]`` and sum of squares ``S[1]`` (those whose sum is
    below 0 are not); the time, and a 1 (or 0, without a constant)."""
    n = obs.shape[0]
    if O[O_NORMALISE] > 0:
        count = G[G_SENSED] + 1.0
        G[G_SENSED] = count
        window = samples(O, count)
        keep = 1.0 - 1.0 / window if window < count else 1.0
        start, follow = G[G_EPISODE_STEP] == 0.0, O[O_FOLLOW] > 0
        for i in range(n):
            x = obs[i]
            if S[1, i] < 0.0:
                A[i] = x
                continue
            if follow:
                x = followed(S, i, x, start, S[S_SQUARES, i] / max(samples(O, count - 1.0) - 1.0, 1.0), count > KNOWN)
            old = S[0, i] if count > 1.0 else x
            mean = old + (x - old) / window
            p = keep * (S[1, i] if count > 1.0 else 0.0) + (x - old) * (x - mean)
            S[0, i] = mean
            S[1, i] = p
            var = p / (window - 1.0) if count > 1.0 else 1.0
            A[i] = (x - mean) / math.sqrt(var + 1e-8)
    else:
        for i in range(n):
            A[i] = obs[i]
    if O[O_TIME_LIMIT] > 0:
        A[n] = max(G[G_EPISODE_STEP] - 1.0, 0.0) / O[O_TIME_LIMIT] - 0.5
        n += 1
    A[n] = O[O_CONSTANT]


@jit
def unit(G, O):  # type: ignore[no-untyped-def]
    """What rewards are divided by, as things stand."""
    if O[O_SCALE] == 0 or G[G_REWARDS] < 2.0:
        return 1.0
    return math.sqrt(G[G_REWARD_P] / (samples(O, G[G_REWARDS]) - 1.0) + 1e-8)


@jit
def bounded(G, O, reward):  # type: ignore[no-untyped-def]
    """``reward`` as it is counted and as it is learned from: another where it lies so far beyond all before that its
    square would be most of the running variance for as many steps as were lived, and all other rewards nothing.

    It is counted as the largest so far, and learned from as some bounds at most. One of the first few may be such a
    one, which only what follows can tell: then the variance begins again.
    """
    if G[G_PAID] == FEW and G[G_MOST] > FAR * G[G_NEXT]:
        G[G_MOST] = G[G_NEXT]
        G[G_REWARDS] = FEW
        G[G_REWARD_P] = FEW * G[G_NEXT] * G[G_NEXT]
        G[G_REWARD_TRACE] = 0.0
        G[G_REWARD_MEAN] = 0.0
        G[G_UNIT] = 0.0  # what was learned in its unit is not said anew: it would be as large as that one reward
    G[G_PAID] += 1.0
    size, counted = abs(reward), reward
    if G[G_PAID] > FEW:
        most = max(FAR * unit(G, O), MORE * G[G_MOST])
        if size > most:
            counted, reward = math.copysign(G[G_MOST], reward), math.copysign(min(size, TOLD * most), reward)
            size = most
    if size > G[G_MOST]:
        G[G_NEXT] = G[G_MOST]
        G[G_MOST] = size
    elif size > G[G_NEXT]:
        G[G_NEXT] = size
    return counted, reward


@jit
def scaled(G, O, reward, ended):  # type: ignore[no-untyped-def]
    """``reward`` divided by the running deviation of the discounted sum of rewards, which ends with the episode."""
    if O[O_SCALE] == 0:
        return reward
    counted = reward
    if O[O_FOLLOW] > 0 and reward != 0.0:
        counted, reward = bounded(G, O, reward)
    trace = G[G_REWARD_TRACE] * O[O_GAMMA] * (0.0 if ended else 1.0) + counted
    G[G_REWARD_TRACE] = trace
    count = G[G_REWARDS] + 1.0
    G[G_REWARDS] = count
    window = samples(O, count)
    keep = 1.0 - 1.0 / window if window < count else 1.0
    old = G[G_REWARD_MEAN] if count > 1.0 else trace
    mean = old + (trace - old) / window
    G[G_REWARD_MEAN] = mean
    G[G_REWARD_P] = keep * G[G_REWARD_P] + (trace - old) * (trace - mean)
    return reward / unit(G, O) if count > 1.0 else reward / math.sqrt(1.0 + 1e-8)
