"""The phases that the steps of all algorithms have in common: checked, sensed, judged, over."""

from __future__ import annotations

from klopf.mind.kernels.state import MOST
from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    BAD_OBSERVATION,
    BAD_REWARD,
    DIVERGED,
    FINE,
    G_ALIVE,
    G_DELTA,
    G_EPISODE_STEP,
    G_EPISODES,
    G_H_TRACE,
    G_NOW,
    G_REWARD_TRACE,
    G_STEPS,
    G_UNIT,
    G_VALUE,
    INPUTS,
    INTENTIONAL,
    N_CLIP,
    N_NORM,
    NOT_BEGUN,
    O_PUBLISHED,
    O_RULE,
    O_SCALE,
    SUMS_AT,
    TRACE,
    UNITS,
    WEIGHTS_AT,
)
from klopf.mind.rl._kernels.senses import scaled, sense, unit

LARGEST_NUMBER = 1.7976931348623157e308


@jit
def is_number(x):  # type: ignore[no-untyped-def]
    """Whether ``x`` is finite. Not ``math.isfinite``: its ``x - x`` is folded away where sums may be reordered."""
    return abs(x) <= LARGEST_NUMBER


@jit
def finite(obs):  # type: ignore[no-untyped-def]
    """Whether all numbers of ``obs`` are finite, and small enough that their squares may be summed."""
    for i in range(obs.shape[0]):  # noqa: SIM110
        if not abs(obs[i]) <= MOST:
            return False
    return True


@jit
def abandoned(traces, G):  # type: ignore[no-untyped-def]
    """An episode begins: if the one before never ended, nothing of it may be credited with what comes now."""
    if G[G_ALIVE] > 0:
        for i in range(traces.shape[0]):
            traces[i] = 0.0
        G[G_H_TRACE] = 0.0
        G[G_REWARD_TRACE] = 0.0


@jit
def begun(P, S, A, G, O, obs):  # type: ignore[no-untyped-def]
    """CHECK and SENSE where an episode begins at ``obs``, into ``A[0]``. Returns what is wrong, if anything."""
    if not finite(obs):
        return BAD_OBSERVATION
    abandoned(P[TRACE], G)
    G[G_NOW] = 0.0
    G[G_EPISODE_STEP] = 0.0
    G[G_ALIVE] = 1.0
    sense(S, G, O, obs, A[0])
    return FINE


@jit
def checked(G, obs, reward):  # type: ignore[no-untyped-def]
    """CHECK of every step: what is wrong, so far as it can be known before anything changes."""
    if G[G_ALIVE] == 0:
        return NOT_BEGUN
    if not finite(obs):
        return BAD_OBSERVATION
    if not abs(reward) <= MOST:
        return BAD_REWARD
    return FINE


@jit
def is_cut(O, terminated, truncated):  # type: ignore[no-untyped-def]
    """Whether nothing that follows counts: the episode is over, or was cut off and that counts as its end."""
    return terminated or (truncated and O[O_PUBLISHED] > 0)


@jit
def sensed(S, G, O, obs, reward, over, b):  # type: ignore[no-untyped-def]
    """SENSE of every step: ``obs`` into ``b``. Returns the reward, scaled."""
    G[G_STEPS] += 1.0
    G[G_EPISODE_STEP] += 1.0
    r = scaled(G, O, reward, over)
    sense(S, G, O, obs, b)
    return r


@jit
def restated(W, layers, A, N, G, O):  # type: ignore[no-untyped-def]
    """Where the unit of rewards, in which intentional values are said, is no more what it was: say them in the new one.

    The outputs of the network ``layers``, in ``A`` and as the weights of its last layer, and the running errors in
    ``N`` (all networks'). Preserving outputs, van Hasselt et al. (2016), arXiv 1602.07714; done once the unit has
    moved by a hundredth. A step that takes a set share of the error makes values as large as rewards are before their
    unit is known, and what is not visited again keeps them: on CliffWalking -140 where later nothing is below -4.
    """
    if int(O[O_RULE]) != INTENTIONAL or O[O_SCALE] == 0:
        return
    now, before = unit(G, O), G[G_UNIT]
    if before == 0.0:
        G[G_UNIT] = now
        return
    if abs(now - before) <= 0.01 * before:
        return
    G[G_UNIT] = now
    ratio = before / now
    last = layers[-1]
    for i in range(last[WEIGHTS_AT], last[WEIGHTS_AT] + last[UNITS] * (last[INPUTS] + 1)):
        W[i] *= ratio
    for k in range(last[SUMS_AT], last[SUMS_AT] + last[UNITS]):
        A[k] *= ratio
    for k in range(N.shape[0]):
        N[k, N_CLIP] *= ratio * ratio
        N[k, N_NORM] *= ratio


@jit
def judged(G, delta, value):  # type: ignore[no-untyped-def]
    """JUDGE, at its end: the TD error and the value it is about are kept, if they are numbers at all."""
    if not is_number(delta):
        return DIVERGED
    G[G_DELTA] = delta
    G[G_VALUE] = value
    return FINE


@jit
def ended(G):  # type: ignore[no-untyped-def]
    """The episode is over."""
    G[G_ALIVE] = 0.0
    G[G_EPISODES] += 1.0
    return FINE
