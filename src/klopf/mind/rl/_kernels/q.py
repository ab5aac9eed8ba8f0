"""Stream Q(lambda): one network of action values, learning from every step and keeping none.

Elsayed, Vasan and Mahmood (2024), arXiv 2410.14606, algorithm 5 (stream Q(lambda)), after Watkins' Q(lambda). With the
update ``INTENTIONAL`` it is Intentional Q, Sharifnassab et al. (2026), arXiv 2604.19033.

    delta = r + gamma max_a q(s', a) - q(s, a)
    e <- gamma lambda e + grad q(s, a)
    w <- w + step delta e

The trace is cut after an update whose action was not the greedy one; a random draw that happens to be greedy cuts
nothing.
"""

from __future__ import annotations

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    DRAWN,
    END,
    FINE,
    G_GREEDY,
    G_NOW,
    O_GAMMA,
    O_LIFE,
    O_RULE,
    START,
    SUMS_AT,
    UNITS,
)
from klopf.mind.rl._kernels.life import live
from klopf.mind.rl._kernels.network import forward
from klopf.mind.rl._kernels.policy import act_epsilon_greedy, best, gradient_value
from klopf.mind.rl._kernels.steps import begun, checked, ended, is_cut, judged, restated, sensed
from klopf.mind.rl._kernels.updates import learn


@jit
def act(P, networks, hyp, A, G, O, rng, action):  # type: ignore[no-untyped-def]
    """Evaluate the state in ``A`` and draw an action."""
    forward(P[0], networks[0], A, hyp[0])
    action[DRAWN, 0] = act_epsilon_greedy(A, networks[0, -1, SUMS_AT], networks[0, -1, UNITS], rng, G, O)


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
    out, choices = networks[0, -1, SUMS_AT], networks[0, -1, UNITS]
    taken = int(action[DRAWN, 0])
    # SENSE
    r = sensed(S, G, O, obs, reward, over, b)
    restated(P[0], networks[0], a, N, G, O)
    # JUDGE
    follows = 0.0
    if not cut:
        forward(P[0], networks[0], b, hyp[0])
        follows = float(b[out + best(b, out, choices)])
    delta = r + O[O_GAMMA] * follows - float(a[out + taken])
    wrong = judged(G, delta, float(a[out + taken]))
    if wrong != FINE:
        return wrong
    # LEARN
    gradient_value(D, out, choices, taken)
    ends = over or G[G_GREEDY] == 0
    d = P.dtype.type(delta)
    learn(int(O[O_RULE]), P, networks[0], a, D, hyp[0], N[0], C, d, spans[0, START], spans[0, END], ends)
    if O[O_LIFE] > 0:
        live(P, U, B, networks[0], a, hyp[0], N[0], rng, O)
    # ACT
    if over:
        return ended(G)
    G[G_NOW] = 1.0 - now
    act(P, networks, hyp, b, G, O, rng, action)
    return FINE
