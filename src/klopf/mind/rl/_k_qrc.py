"""QRC(lambda): action values corrected by a second network, so that bootstrapping off the policy cannot diverge.

Elelimy, Daley, Patterson, Machado, White and White (2025), *Deep reinforcement learning with gradient eligibility
traces*, RLC, equations 26-28. Network 0 is q, network 1 is h, which estimates the expected TD error.

    delta = r + gamma max_a' q(s', a') - q(s, a)
    z   <- gamma lambda z   + h(s, a)
    e_q <- gamma lambda e_q + grad q(s, a)
    e_h <- gamma lambda e_h + grad h(s, a)
    w     <- w     + alpha (delta e_q - h(s, a) grad q(s, a) - z grad delta)
    theta <- theta + alpha_h (delta e_h - h(s, a) grad h(s, a) - beta theta)

with ``grad delta = gamma grad max_a' q(s', a') - grad q(s, a)``. The traces are cut where an action was not greedy.
"""

from __future__ import annotations

from klopf.mind.rl._jit import jit
from klopf.mind.rl._k_life import live
from klopf.mind.rl._k_net import (
    ALPHA,
    C_DECAY,
    FIXED,
    GAMMA,
    GRADIENT,
    LAMBDA,
    MOVE,
    PLAIN,
    REGULARISER,
    TRACE,
    WEIGHT,
    backward,
    forward,
)
from klopf.mind.rl._k_policy import act_epsilon_greedy, best
from klopf.mind.rl._k_senses import (
    G_ALIVE,
    G_DELTA,
    G_EPISODE_STEP,
    G_EPISODES,
    G_GREEDY,
    G_H_TRACE,
    G_NOW,
    G_STEPS,
    G_VALUE,
    O_GAMMA,
    O_LIFE,
    O_PUBLISHED,
    abandoned,
    finite,
    is_number,
    passed,
    scaled,
    sense,
)

Q, H = 0, 1


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
    forward(P[0], geo[Q], A[0], hyp[Q])
    forward(P[0], geo[H], A[0], hyp[H])
    action[0, 0] = act_epsilon_greedy(A[0], geo[Q, -1, 4], geo[Q, -1, 1], rng, G, O)
    return 0


@jit
def of_one(D, out, choices, k):  # type: ignore[no-untyped-def]
    """The gradient of the ``k``-th output by the outputs."""
    for q in range(choices):
        D[out + q] = 0.0
    D[out + k] = 1.0


@jit
def step(P, U, B, S, A, D, C, N, G, geo, spans, hyp, O, rng, action, obs, reward, terminated, truncated):  # type: ignore[no-untyped-def]
    """Learn from what followed ``action``, then act again unless the episode is over. Returns 0 or what is wrong."""
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
    out = geo[Q, -1, 4]
    out_h = geo[H, -1, 4]
    choices = geo[Q, -1, 1]
    taken = int(action[0, 0])
    # SENSE
    G[G_STEPS] += 1.0
    G[G_EPISODE_STEP] += 1.0
    r = scaled(G, O, reward, cut)
    sense(S, G, O, obs, b)
    # JUDGE
    follows = 0.0
    then = 0
    if not cut:
        forward(P[0], geo[Q], b, hyp[Q])
        then = best(b, out, choices)
        follows = float(b[out + then])
    delta = r + O[O_GAMMA] * follows - float(a[out + taken])
    if not is_number(delta):
        return 4
    h = float(a[out_h + taken])
    z = float(hyp[Q, GAMMA] * hyp[Q, LAMBDA]) * G[G_H_TRACE] + h
    G[G_DELTA] = delta
    G[G_VALUE] = float(a[out + taken])
    # LEARN
    C[C_DECAY] = hyp[Q, GAMMA] * hyp[Q, LAMBDA]
    d = dtype(delta)
    start, end = spans[Q, 0], spans[Q, 1]
    of_one(D, out, choices, taken)
    backward(FIXED, P, geo[Q], a, D, hyp[Q], C)
    w = P[WEIGHT][start:end]
    e = P[TRACE][start:end]
    g = P[GRADIENT][start:end]
    move = P[MOVE][start:end]
    alpha = hyp[Q, ALPHA]
    along = dtype(z - h)
    for i in range(end - start):
        move[i] = d * e[i] + along * g[i]
    if not cut:
        of_one(D, out, choices, then)
        backward(PLAIN, P, geo[Q], b, D, hyp[Q], C)
        along = dtype(z) * hyp[Q, GAMMA]
        for i in range(end - start):
            move[i] -= along * g[i]
    for i in range(end - start):
        w[i] += alpha * move[i]
    start_h, end_h = spans[H, 0], spans[H, 1]
    of_one(D, out_h, choices, taken)
    backward(FIXED, P, geo[H], a, D, hyp[H], C)
    w_h = P[WEIGHT][start_h:end_h]
    e_h = P[TRACE][start_h:end_h]
    g_h = P[GRADIENT][start_h:end_h]
    alpha = hyp[H, ALPHA]
    beta = hyp[H, REGULARISER]
    along = dtype(h)
    for i in range(end_h - start_h):
        w_h[i] += alpha * (d * e_h[i] - along * g_h[i] - beta * w_h[i])
    ends = over or G[G_GREEDY] == 0
    G[G_H_TRACE] = 0.0 if ends else z
    if ends:
        for i in range(end - start):
            e[i] = 0.0
        for i in range(end_h - start_h):
            e_h[i] = 0.0
    if O[O_LIFE] > 0:
        live(P, U, B, geo[Q], a, hyp[Q], N[Q], rng, O)
        live(P, U, B, geo[H], a, hyp[H], N[H], rng, O)
    # ACT
    if over:
        G[G_ALIVE] = 0.0
        G[G_EPISODES] += 1.0
        return 0
    G[G_NOW] = 1.0 - now
    forward(P[0], geo[Q], b, hyp[Q])
    forward(P[0], geo[H], b, hyp[H])
    action[0, 0] = act_epsilon_greedy(b, out, choices, rng, G, O)
    return 0
