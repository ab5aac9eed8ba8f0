"""Stream TD(lambda): one network that predicts the discounted sum of what is to come, learning from every step.

Elsayed, Vasan and Mahmood (2024), arXiv 2410.14606, algorithm 4 (stream TD(lambda)). With the update ``INTENTIONAL`` it
is Intentional TD, Sharifnassab et al. (2026), arXiv 2604.19033.

    delta = r + gamma v(s') - v(s)
    e <- gamma lambda e + grad v(s)
    w <- w + step delta e

The prediction is in the units of the scaled reward; ``Agent`` hands it out in the reward's own.
"""

from __future__ import annotations

from klopf.mind.rl._jit import jit
from klopf.mind.rl._k_life import live
from klopf.mind.rl._k_net import forward
from klopf.mind.rl._k_senses import (
    G_ALIVE,
    G_DELTA,
    G_EPISODE_STEP,
    G_EPISODES,
    G_NOW,
    G_STEPS,
    G_VALUE,
    O_GAMMA,
    O_LIFE,
    O_PUBLISHED,
    O_RULE,
    abandoned,
    finite,
    is_number,
    passed,
    scaled,
    sense,
    unit,
)
from klopf.mind.rl._k_updates import learn


@jit
def begin(P, U, B, S, A, D, C, N, G, geo, spans, hyp, O, rng, action, obs):  # type: ignore[no-untyped-def]
    """An episode begins at ``obs``: sense it and predict. Returns 0, or 2 if it is not finite."""
    if not finite(obs):
        return 2
    abandoned(P[1], G)
    G[G_NOW] = 0.0
    G[G_EPISODE_STEP] = 0.0
    G[G_ALIVE] = 1.0
    sense(S, G, O, obs, A[0])
    forward(P[0], geo[0], A[0], hyp[0])
    action[0, 0] = float(A[0, geo[0, -1, 4]]) * unit(G, O)
    return 0


@jit
def step(P, U, B, S, A, D, C, N, G, geo, spans, hyp, O, rng, action, obs, reward, terminated, truncated):  # type: ignore[no-untyped-def]
    """Learn from what followed, then predict again unless the episode is over. Returns 0 or what is wrong."""
    # CHECK
    wrong = passed(G, obs, reward)
    if wrong != 0:
        return wrong
    dtype = P.dtype.type
    over = terminated or truncated
    cut = terminated or (truncated and O[O_PUBLISHED] > 0)
    now = int(G[G_NOW])
    a = A[now]
    b = A[1 - now]
    out = geo[0, -1, 4]
    # SENSE
    G[G_STEPS] += 1.0
    G[G_EPISODE_STEP] += 1.0
    r = scaled(G, O, reward, cut)
    sense(S, G, O, obs, b)
    # JUDGE
    follows = 0.0
    if not cut:
        forward(P[0], geo[0], b, hyp[0])
        follows = float(b[out])
    delta = r + O[O_GAMMA] * follows - float(a[out])
    if not is_number(delta):
        return 4
    G[G_DELTA] = delta
    G[G_VALUE] = float(a[out])
    # LEARN
    D[out] = 1.0
    learn(int(O[O_RULE]), P, geo[0], a, D, hyp[0], N[0], C, dtype(delta), spans[0, 0], spans[0, 1], over)
    if O[O_LIFE] > 0:
        live(P, U, B, geo[0], a, hyp[0], N[0], rng, O)
    # PREDICT
    if over:
        G[G_ALIVE] = 0.0
        G[G_EPISODES] += 1.0
        return 0
    G[G_NOW] = 1.0 - now
    forward(P[0], geo[0], b, hyp[0])
    action[0, 0] = float(b[out]) * unit(G, O)
    return 0
