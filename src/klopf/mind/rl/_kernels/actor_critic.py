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
from klopf.mind.rl._kernels.layout import (
    C_ROOM,
    DIVERGED,
    DRAWN,
    END,
    FINE,
    G_NOW,
    INTENTIONAL,
    LAMBDA,
    N_ROOM,
    N_UPDATES,
    O_CONTINUOUS,
    O_ENTROPY,
    O_GAMMA,
    O_LIFE,
    O_RULE,
    START,
    SUMS_AT,
    UNITS,
)
from klopf.mind.rl._kernels.life import live
from klopf.mind.rl._kernels.network import forward
from klopf.mind.rl._kernels.policy import (
    act_normal,
    act_softmax,
    gradient_clipped,
    gradient_normal,
    gradient_softmax,
    room,
)
from klopf.mind.rl._kernels.steps import begun, checked, ended, finite, is_cut, judged, restated, sensed
from klopf.mind.rl._kernels.updates import learn

CRITIC, ACTOR = 0, 1


@jit
def act(P, networks, hyp, A, O, rng, action):  # type: ignore[no-untyped-def]
    """Evaluate the state in ``A`` with both networks and draw an action."""
    forward(P[0], networks[CRITIC], A, hyp[CRITIC])
    forward(P[0], networks[ACTOR], A, hyp[ACTOR])
    out, n = networks[ACTOR, -1, SUMS_AT], networks[ACTOR, -1, UNITS]
    if O[O_CONTINUOUS] > 0:
        act_normal(A, out, n // 2, rng, action)
    else:
        action[DRAWN, 0] = act_softmax(A, out, n, rng)


@jit
def begin(P, U, B, S, A, D, C, N, G, networks, spans, hyp, O, rng, action, obs):  # type: ignore[no-untyped-def]
    """An episode begins at ``obs``: sense it and act. Returns 0 or what is wrong."""
    wrong = begun(P, S, A, G, O, obs)
    if wrong != FINE:
        return wrong
    act(P, networks, hyp, A[0], O, rng, action)
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
    # SENSE
    r = sensed(S, G, O, obs, reward, over, b)
    restated(P[0], networks[CRITIC], a, N, G, O)
    # JUDGE
    out = networks[CRITIC, -1, SUMS_AT]
    follows = 0.0
    if not cut:
        forward(P[0], networks[CRITIC], b, hyp[CRITIC])
        follows = float(b[out])
    delta = r + O[O_GAMMA] * follows - float(a[out])
    wrong = judged(G, delta, float(a[out]))
    if wrong != FINE:
        return wrong
    # LEARN
    rule = int(O[O_RULE])
    d = P.dtype.type(delta)
    D[out] = 1.0
    start, end = spans[CRITIC, START], spans[CRITIC, END]
    learn(rule, P, networks[CRITIC], a, D, hyp[CRITIC], N[CRITIC], C, d, start, end, over)
    out, n = networks[ACTOR, -1, SUMS_AT], networks[ACTOR, -1, UNITS]
    entropy = O[O_ENTROPY] * (1.0 if delta > 0 else (-1.0 if delta < 0 else 0.0))
    undecided = 1.0
    if O[O_CONTINUOUS] == 0:
        gradient_softmax(a, out, n, int(action[DRAWN, 0]), entropy, D)
        undecided = room(a, out, n, int(action[DRAWN, 0]))
    elif rule == INTENTIONAL:
        undecided = gradient_clipped(a, out, n // 2, action, entropy, D)
    else:
        gradient_normal(a, out, n // 2, action, entropy, D)
    if rule == INTENTIONAL:
        keep = O[O_GAMMA] * float(hyp[ACTOR, LAMBDA])  # over as many steps as the size of gradients
        N[ACTOR, N_ROOM] = keep * N[ACTOR, N_ROOM] + (1.0 - keep) * undecided
        C[C_ROOM] = N[ACTOR, N_ROOM] / (1.0 - keep ** (N[ACTOR, N_UPDATES] + 1.0))
    start, end = spans[ACTOR, START], spans[ACTOR, END]
    learn(rule, P, networks[ACTOR], a, D, hyp[ACTOR], N[ACTOR], C, d, start, end, over)
    C[C_ROOM] = 1.0
    if O[O_LIFE] > 0:
        live(P, U, B, networks[CRITIC], a, hyp[CRITIC], N[CRITIC], rng, O)
        live(P, U, B, networks[ACTOR], a, hyp[ACTOR], N[ACTOR], rng, O)
    # ACT
    if over:
        return ended(G)
    G[G_NOW] = 1.0 - now
    act(P, networks, hyp, b, O, rng, action)
    return FINE if finite(action[DRAWN]) else DIVERGED
