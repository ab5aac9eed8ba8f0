"""What an agent's environment tells it, made fit to learn from: observations normalised, rewards scaled.

Elsayed et al. (2024), algorithms 5 and 6 (Welford's running mean and variance, of all samples so far) and their
reference's time feature: the share of the time limit that has passed, minus one half, behind the observation.
"""

from __future__ import annotations

import math

from klopf.mind._k_places import MOST
from klopf.mind.rl._jit import jit

LARGEST = 1.7976931348623157e308
# places in an agent's globals (float64)
(
    G_NOW, G_SENSED, G_REWARDS, G_REWARD_MEAN, G_REWARD_P, G_REWARD_TRACE, G_EPISODE_STEP, G_STEPS, G_EPISODES, G_DELTA,
    G_VALUE, G_EXPLORED, G_GREEDY, G_ALIVE, G_RETURN, G_H_TRACE, G_ACTION,
) = range(17)  # fmt: skip
# places in an agent's options (float64)
(
    O_NORMALISE, O_SCALE, O_TIME_LIMIT, O_PUBLISHED, O_GAMMA, O_ENTROPY, O_EPS_START, O_EPS_END, O_EPS_STEPS, O_RULE,
    O_LIFE, O_CONTINUOUS, O_HORIZON, O_UTILITY,
) = range(14)  # fmt: skip


@jit
def abandoned(traces, G):  # type: ignore[no-untyped-def]
    """An episode begins: if the one before never ended, nothing of it may be credited with what comes now."""
    if G[G_ALIVE] > 0:
        for i in range(traces.shape[0]):
            traces[i] = 0.0
        G[G_H_TRACE] = 0.0
        G[G_REWARD_TRACE] = 0.0


@jit
def is_number(x):  # type: ignore[no-untyped-def]
    """Whether ``x`` is finite. Not ``math.isfinite``: its ``x - x`` is folded away where sums may be reordered."""
    return abs(x) <= LARGEST


@jit
def finite(obs):  # type: ignore[no-untyped-def]
    """Whether all numbers of ``obs`` are finite, and small enough that their squares may be summed."""
    for i in range(obs.shape[0]):  # noqa: SIM110
        if not abs(obs[i]) <= MOST:
            return False
    return True


@jit
def sense(S, G, O, obs, A):  # type: ignore[no-untyped-def]
    """``obs`` into ``A``, normalised by the running mean ``S[0]`` and sum of squares ``S[1]``; the time, and a 1."""
    n = obs.shape[0]
    if O[O_NORMALISE] > 0:
        count = G[G_SENSED] + 1.0
        G[G_SENSED] = count
        window = count
        if O[O_HORIZON] > 0 and count > O[O_HORIZON]:
            window = O[O_HORIZON]  # old samples fade, so that a changed world is sensed as it is
        keep = 1.0 - 1.0 / window if window < count else 1.0
        for i in range(n):
            x = obs[i]
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
    A[n] = 1.0


@jit
def unit(G, O):  # type: ignore[no-untyped-def]
    """What rewards are divided by, as things stand."""
    if O[O_SCALE] == 0 or G[G_REWARDS] < 2.0:
        return 1.0
    window = G[G_REWARDS]
    if O[O_HORIZON] > 0 and window > O[O_HORIZON]:
        window = O[O_HORIZON]
    return math.sqrt(G[G_REWARD_P] / (window - 1.0) + 1e-8)


@jit
def scaled(G, O, reward, ended):  # type: ignore[no-untyped-def]
    """``reward`` divided by the running deviation of the discounted sum of rewards, which ends with the episode."""
    if O[O_SCALE] == 0:
        return reward
    trace = G[G_REWARD_TRACE] * O[O_GAMMA] * (0.0 if ended else 1.0) + reward
    G[G_REWARD_TRACE] = trace
    count = G[G_REWARDS] + 1.0
    G[G_REWARDS] = count
    window = count
    if O[O_HORIZON] > 0 and count > O[O_HORIZON]:
        window = O[O_HORIZON]
    keep = 1.0 - 1.0 / window if window < count else 1.0
    old = G[G_REWARD_MEAN] if count > 1.0 else trace
    mean = old + (trace - old) / window
    G[G_REWARD_MEAN] = mean
    G[G_REWARD_P] = keep * G[G_REWARD_P] + (trace - old) * (trace - mean)
    return reward / unit(G, O) if count > 1.0 else reward / math.sqrt(1.0 + 1e-8)


@jit
def passed(G, obs, reward):  # type: ignore[no-untyped-def]
    """CHECK of every step: 0, or what is wrong (1: nothing has begun, 2: observation, 3: reward). Changes nothing.

    (4, an agent that diverged, shows only later.)
    """
    if G[G_ALIVE] == 0:
        return 1
    if not finite(obs):
        return 2
    if not abs(reward) <= MOST:
        return 3
    return 0
