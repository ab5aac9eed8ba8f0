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
from klopf.mind.rl._kernels.layout import (
    ALPHA,
    C_DECAY,
    DRAWN,
    END,
    FINE,
    FIXED,
    G_GREEDY,
    G_H_TRACE,
    G_NOW,
    GAMMA,
    GRADIENT,
    LAMBDA,
    MOVE,
    O_GAMMA,
    O_LIFE,
    PLAIN,
    REGULARISER,
    START,
    SUMS_AT,
    TRACE,
    UNITS,
    WEIGHT,
)
from klopf.mind.rl._kernels.life import live
from klopf.mind.rl._kernels.network import backward, forward
from klopf.mind.rl._kernels.policy import act_epsilon_greedy, best, gradient_value
from klopf.mind.rl._kernels.steps import begun, checked, ended, is_cut, judged, sensed

Q, H = 0, 1


@jit
def act(P, networks, hyp, A, G, O, rng, action):  # type: ignore[no-untyped-def]
    """Evaluate the state in ``A`` with both networks and draw an action."""
    forward(P[0], networks[Q], A, hyp[Q])
    forward(P[0], networks[H], A, hyp[H])
    action[DRAWN, 0] = act_epsilon_greedy(A, networks[Q, -1, SUMS_AT], networks[Q, -1, UNITS], rng, G, O)


@jit
def begin(P, U, B, S, A, D, C, N, G, networks, spans, hyp, O, rng, action, obs):  # type: ignore[no-untyped-def]
    """An episode begins at ``obs``: sense it and act. Returns 0 or what is wrong."""
    wrong = begun(P, S, A, G, O, obs)
    if wrong != FINE:
        return wrong
    act(P, networks, hyp, A[0], G, O, rng, action)
    return FINE


@jit
def step(P, U, B, S, A, D, C, N, G, networks, spans, hyp, O, rng, action, obs, reward, terminated, truncated):  # type: ignore[no-untyped-def]
    """Learn from what followed ``action``, then act again unless the episode is over. Returns 0 or what is wrong."""
    # CHECK
    wrong = checked(G, obs, reward)
    if wrong != FINE:
        return wrong
    over = terminated or truncated
    cut = is_cut(O, terminated, truncated)
    now = int(G[G_NOW])
    a, b = A[now], A[1 - now]
    out, out_h, choices = networks[Q, -1, SUMS_AT], networks[H, -1, SUMS_AT], networks[Q, -1, UNITS]
    taken = int(action[DRAWN, 0])
    # SENSE
    r = sensed(S, G, O, obs, reward, over, b)
    # JUDGE
    follows = 0.0
    then = 0
    if not cut:
        forward(P[0], networks[Q], b, hyp[Q])
        then = best(b, out, choices)
        follows = float(b[out + then])
    delta = r + O[O_GAMMA] * follows - float(a[out + taken])
    wrong = judged(G, delta, float(a[out + taken]))
    if wrong != FINE:
        return wrong
    h = float(a[out_h + taken])
    z = float(hyp[Q, GAMMA] * hyp[Q, LAMBDA]) * G[G_H_TRACE] + h
    # LEARN
    dtype = P.dtype.type
    d = dtype(delta)
    C[C_DECAY] = hyp[Q, GAMMA] * hyp[Q, LAMBDA]
    start, end = spans[Q, START], spans[Q, END]
    gradient_value(D, out, choices, taken)
    backward(FIXED, P, networks[Q], a, D, hyp[Q], C)
    w = P[WEIGHT][start:end]
    e = P[TRACE][start:end]
    g = P[GRADIENT][start:end]
    move = P[MOVE][start:end]
    alpha = hyp[Q, ALPHA]
    along = dtype(z - h)
    for i in range(end - start):
        move[i] = d * e[i] + along * g[i]
    if not cut:
        gradient_value(D, out, choices, then)
        backward(PLAIN, P, networks[Q], b, D, hyp[Q], C)
        along = dtype(z) * hyp[Q, GAMMA]
        for i in range(end - start):
            move[i] -= along * g[i]
    for i in range(end - start):
        w[i] += alpha * move[i]
    start_h, end_h = spans[H, START], spans[H, END]
    gradient_value(D, out_h, choices, taken)
    backward(FIXED, P, networks[H], a, D, hyp[H], C)
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
        live(P, U, B, networks[Q], a, hyp[Q], N[Q], rng, O)
        live(P, U, B, networks[H], a, hyp[H], N[H], rng, O)
    # ACT
    if over:
        return ended(G)
    G[G_NOW] = 1.0 - now
    act(P, networks, hyp, b, G, O, rng, action)
    return FINE
