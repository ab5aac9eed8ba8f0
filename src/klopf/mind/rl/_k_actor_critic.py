"""Stream AC(lambda): actor and critic, each a network with its own traces, learning from every step and keeping none.

Elsayed, Vasan and Mahmood (2024), *Streaming deep reinforcement learning finally works*, arXiv 2410.14606, algorithm 6
(stream AC(lambda)), with algorithms 1 (sparse initialisation), 3 (ObGD), 4-6 (normalisation). With the rule
``INTENTIONAL`` it is Intentional AC, Sharifnassab et al. (2026), arXiv 2604.19033, algorithm 3.

    delta = r + gamma v(s') - v(s)
    e_v  <- gamma lambda e_v + grad v(s)                                    w     <- w     + step_v delta e_v
    e_pi <- gamma lambda e_pi + grad(log pi(a|s) + tau sign(delta) H(pi))   theta <- theta + step_pi delta e_pi

Network 0 is the critic, network 1 the actor.
"""

from __future__ import annotations

from klopf.mind.rl._jit import jit
from klopf.mind.rl._k_life import live
from klopf.mind.rl._k_net import forward
from klopf.mind.rl._k_policy import act_normal, act_softmax, gradient_normal, gradient_softmax
from klopf.mind.rl._k_senses import (
    G_ALIVE,
    G_DELTA,
    G_EPISODE_STEP,
    G_EPISODES,
    G_NOW,
    G_STEPS,
    G_VALUE,
    O_CONTINUOUS,
    O_ENTROPY,
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
)
from klopf.mind.rl._k_updates import learn

CRITIC, ACTOR = 0, 1


@jit
def act(P, geo, hyp, A, G, O, rng, action):  # type: ignore[no-untyped-def]
    """Evaluate the state in ``A`` with both networks and draw an action."""
    forward(P[0], geo[CRITIC], A, hyp[CRITIC])
    forward(P[0], geo[ACTOR], A, hyp[ACTOR])
    out = geo[ACTOR, -1, 4]
    if O[O_CONTINUOUS] > 0:
        act_normal(A, out, geo[ACTOR, -1, 1] // 2, rng, action)
    else:
        action[0, 0] = act_softmax(A, out, geo[ACTOR, -1, 1], rng)


@jit
def begin(P, U, B, S, A, D, C, N, G, geo, spans, hyp, O, rng, action, obs):  # type: ignore[no-untyped-def]
    """An episode begins at ``obs``: sense it and act. Returns 0, or 2 if it is not finite."""
    if not finite(obs):
        return 2
    abandoned(P[1], G)
    G[G_NOW] = 0.0
    G[G_EPISODE_STEP] = 0.0
    G[G_ALIVE] = 1.0
    sense(S, G, O, obs, A[0])
    act(P, geo, hyp, A[0], G, O, rng, action)
    return 0


@jit
def step(P, U, B, S, A, D, C, N, G, geo, spans, hyp, O, rng, action, obs, reward, terminated, truncated):  # type: ignore[no-untyped-def]
    """Learn from what followed ``action``, then act again unless the episode is over. Returns 0 or what is wrong."""
    # CHECK
    wrong = passed(G, obs, reward)
    if wrong != 0:
        return wrong
    dtype = P.dtype.type
    over = terminated or truncated
    now = int(G[G_NOW])
    a = A[now]
    b = A[1 - now]
    # SENSE
    G[G_STEPS] += 1.0
    G[G_EPISODE_STEP] += 1.0
    cut = terminated or (truncated and O[O_PUBLISHED] > 0)
    r = scaled(G, O, reward, cut)
    sense(S, G, O, obs, b)
    # JUDGE
    out = geo[CRITIC, -1, 4]
    follows = 0.0
    if not cut:
        forward(P[0], geo[CRITIC], b, hyp[CRITIC])
        follows = float(b[out])
    delta = r + O[O_GAMMA] * follows - float(a[out])
    if not is_number(delta):
        return 4
    G[G_DELTA] = delta
    G[G_VALUE] = float(a[out])
    # LEARN
    rule = int(O[O_RULE])
    D[out] = 1.0
    learn(rule, P, geo[CRITIC], a, D, hyp[CRITIC], N[CRITIC], C, dtype(delta), spans[CRITIC, 0], spans[CRITIC, 1], over)
    out = geo[ACTOR, -1, 4]
    entropy = O[O_ENTROPY] * (1.0 if delta > 0 else (-1.0 if delta < 0 else 0.0))
    if O[O_CONTINUOUS] > 0:
        gradient_normal(a, out, geo[ACTOR, -1, 1] // 2, action, entropy, D)
    else:
        gradient_softmax(a, out, geo[ACTOR, -1, 1], int(action[0, 0]), entropy, D)
    learn(rule, P, geo[ACTOR], a, D, hyp[ACTOR], N[ACTOR], C, dtype(delta), spans[ACTOR, 0], spans[ACTOR, 1], over)
    if O[O_LIFE] > 0:
        live(P, U, B, geo[CRITIC], a, hyp[CRITIC], N[CRITIC], rng, O)
        live(P, U, B, geo[ACTOR], a, hyp[ACTOR], N[ACTOR], rng, O)
    # ACT
    if over:
        G[G_ALIVE] = 0.0
        G[G_EPISODES] += 1.0
        return 0
    G[G_NOW] = 1.0 - now
    act(P, geo, hyp, b, G, O, rng, action)
    return 0 if finite(action[0]) else 4
