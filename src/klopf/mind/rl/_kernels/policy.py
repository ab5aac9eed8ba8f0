"""Policies over outputs of a network: normal for continuous actions, softmax for discrete ones; epsilon-greedy."""

from __future__ import annotations

import math

from klopf.mind.kernels.random import uniform
from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    DRAWN,
    G_EXPLORED,
    G_GREEDY,
    HIGH,
    LOW,
    O_EPS_END,
    O_EPS_START,
    O_EPS_STEPS,
    TAKEN,
)

NARROWEST = 1e-6


@jit
def deviation(x):  # type: ignore[no-untyped-def]
    """softplus, as PyTorch computes it: linear above 20. Never below ``NARROWEST``: what is divided by its square would
    soon be no number."""
    return x if x > 20.0 else max(math.log1p(math.exp(x)), NARROWEST)


@jit
def act_normal(A, out, n, rng, action):  # type: ignore[no-untyped-def]
    """``action[DRAWN, k] ~ N(mean_k, softplus(.)_k)`` by Box and Muller; means at ``A[out:out+n]``, the others behind.

    ``action[TAKEN]`` is the same within the environment's bounds; learning uses what was drawn."""
    k = 0
    while k < n:
        r = math.sqrt(-2.0 * math.log(1.0 - uniform(rng)))
        turn = 2.0 * math.pi * uniform(rng)
        action[DRAWN, k] = A[out + k] + deviation(float(A[out + n + k])) * r * math.cos(turn)
        if k + 1 < n:
            action[DRAWN, k + 1] = A[out + k + 1] + deviation(float(A[out + n + k + 1])) * r * math.sin(turn)
        k += 2
    for k in range(n):
        action[TAKEN, k] = min(max(action[DRAWN, k], action[LOW, k]), action[HIGH, k])


@jit
def gradient_normal(A, out, n, action, entropy, D):  # type: ignore[no-untyped-def]
    """Gradient of ``log pi(action) + entropy * H`` by the outputs into ``D``; ``entropy`` carries the sign of delta."""
    for k in range(n):
        raw = float(A[out + n + k])
        s = deviation(raw)
        d = action[DRAWN, k] - A[out + k]
        D[out + k] = d / (s * s)
        by_s = (d * d - s * s) / (s * s * s) + entropy / s
        D[out + n + k] = by_s / (1.0 + math.exp(-raw))


@jit
def softmax(A, out, n):  # type: ignore[no-untyped-def]
    """The largest of the preferences ``A[out:out+n]``, and the sum of ``exp(preference - largest)``."""
    top = A[out]
    for k in range(1, n):
        top = max(top, A[out + k])
    total = 0.0
    for k in range(n):
        total += math.exp(float(A[out + k] - top))
    return top, total


@jit
def act_softmax(A, out, n, rng):  # type: ignore[no-untyped-def]
    """An action drawn with the probabilities softmax(``A[out:out+n]``)."""
    top, total = softmax(A, out, n)
    left = uniform(rng) * total
    for k in range(n - 1):
        left -= math.exp(float(A[out + k] - top))
        if left < 0.0:
            return k
    return n - 1


@jit
def gradient_softmax(A, out, n, action, entropy, D):  # type: ignore[no-untyped-def]
    """Gradient of ``log pi(action) + entropy * H`` by the preferences into ``D``."""
    top, total = softmax(A, out, n)
    h = 0.0
    for k in range(n):
        log_p = float(A[out + k] - top) - math.log(total)
        h -= math.exp(log_p) * log_p
    for k in range(n):
        log_p = float(A[out + k] - top) - math.log(total)
        p = math.exp(log_p)
        D[out + k] = (1.0 if k == action else 0.0) - p - entropy * p * (log_p + h)


@jit
def room(A, out, n, action):  # type: ignore[no-untyped-def]
    """The square of the gradient of log pi(action) by the preferences ``A[out:out+n]``, times ``n / (n - 1)``.

    1 where all choices are alike, 0 where ``action`` is certain, ``2 n / (n - 1)`` where it is one that hardly ever is
    drawn and another is certain."""
    top, total = softmax(A, out, n)
    squares = 0.0
    for k in range(n):
        d = (1.0 if k == action else 0.0) - math.exp(float(A[out + k] - top)) / total
        squares += d * d
    return squares * n / (n - 1.0)


@jit
def best(A, out, n):  # type: ignore[no-untyped-def]
    """The action of greatest value, the first of equals."""
    k = 0
    for q in range(1, n):
        if A[out + q] > A[out + k]:
            k = q
    return k


@jit
def act_epsilon_greedy(A, out, n, rng, G, O):  # type: ignore[no-untyped-def]
    """Epsilon-greedy, epsilon falling in a line; ``G[G_GREEDY]`` says whether the action is the greedy one, however
    it was drawn."""
    G[G_EXPLORED] += 1.0
    slope = (O[O_EPS_END] - O[O_EPS_START]) / max(O[O_EPS_STEPS], 1.0)
    epsilon = max(slope * G[G_EXPLORED] + O[O_EPS_START], O[O_EPS_END])
    greedy = best(A, out, n)
    action = greedy
    if uniform(rng) < epsilon:
        action = int(uniform(rng) * n)
    G[G_GREEDY] = 1.0 if action == greedy else 0.0
    return action


@jit
def gradient_value(D, out, n, k):  # type: ignore[no-untyped-def]
    """The gradient of the ``k``-th output by the outputs into ``D``."""
    for q in range(n):
        D[out + q] = 0.0
    D[out + k] = 1.0
