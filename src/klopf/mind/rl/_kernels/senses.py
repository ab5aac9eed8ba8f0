"""What an agent's environment tells it, made fit to learn from: observations normalised, rewards scaled.

Elsayed et al. (2024), algorithms 5 and 6 (Welford's running mean and variance, of all samples so far) and their
reference's time feature: the share of the time limit that has passed, minus one half, behind the observation.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.frames import KNOWN, followed
from klopf.mind.rl._kernels.layout import (
    G_EPISODE_STEP,
    G_REWARD_MEAN,
    G_REWARD_P,
    G_REWARD_TRACE,
    G_REWARDS,
    G_SENSED,
    O_CONSTANT,
    O_FOLLOW,
    O_GAMMA,
    O_HORIZON,
    O_NORMALISE,
    O_SCALE,
    O_TIME_LIMIT,
    S_SQUARES,
)


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
def scaled(G, O, reward, ended):  # type: ignore[no-untyped-def]
    """``reward`` divided by the running deviation of the discounted sum of rewards, which ends with the episode."""
    if O[O_SCALE] == 0:
        return reward
    trace = G[G_REWARD_TRACE] * O[O_GAMMA] * (0.0 if ended else 1.0) + reward
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
