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
from klopf.mind.rl._kernels.layout import DRAWN, END, FINE, G_NOW, O_GAMMA, O_LIFE, O_RULE, START, SUMS_AT
from klopf.mind.rl._kernels.life import live
from klopf.mind.rl._kernels.network import forward
from klopf.mind.rl._kernels.senses import unit
from klopf.mind.rl._kernels.steps import begun, checked, ended, is_cut, judged, restated, sensed
from klopf.mind.rl._kernels.updates import learn


@jit
def predict(P, networks, hyp, A, G, O, action):  # type: ignore[no-untyped-def]
    """Evaluate the state in ``A``: what is to come, in the reward's own units."""
    forward(P[0], networks[0], A, hyp[0])
    action[DRAWN, 0] = float(A[networks[0, -1, SUMS_AT]]) * unit(G, O)


@jit
def begin(P, U, B, S, A, D, C, N, G, networks, spans, hyp, O, rng, action, obs):  # type: ignore[no-untyped-def]
    """An episode begins at ``obs``: sense it and predict. Returns 0 or what is wrong."""
    wrong = begun(P, S, A, G, O, obs)
    if wrong != FINE:
        return wrong
    predict(P, networks, hyp, A[0], G, O, action)
    return FINE


@jit
def step(P, U, B, S, A, D, C, N, G, networks, spans, hyp, O, rng, action, obs, reward, terminated, truncated):  # type: ignore[no-untyped-def]
    """Learn from what followed, then predict again unless the episode is over. Returns 0 or what is wrong."""
    # CHECK
    wrong = checked(G, obs, reward)
    if wrong != FINE:
        return wrong
    over = terminated or truncated
    cut = is_cut(O, terminated, truncated)
    now = int(G[G_NOW])
    a, b = A[now], A[1 - now]
    out = networks[0, -1, SUMS_AT]
    # SENSE
    r = sensed(S, G, O, obs, reward, over, b)
    restated(P[0], networks[0], a, N, G, O)
    # JUDGE
    follows = 0.0
    if not cut:
        forward(P[0], networks[0], b, hyp[0])
        follows = float(b[out])
    delta = r + O[O_GAMMA] * follows - float(a[out])
    wrong = judged(G, delta, float(a[out]))
    if wrong != FINE:
        return wrong
    # LEARN
    D[out] = 1.0
    d = P.dtype.type(delta)
    learn(int(O[O_RULE]), P, networks[0], a, D, hyp[0], N[0], C, d, spans[0, START], spans[0, END], over)
    if O[O_LIFE] > 0:
        live(P, U, B, networks[0], a, hyp[0], N[0], rng, O)
    # PREDICT
    if over:
        return ended(G)
    G[G_NOW] = 1.0 - now
    predict(P, networks, hyp, b, G, O, action)
    return FINE
