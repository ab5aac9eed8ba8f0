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
def density(x):  # type: ignore[no-untyped-def]
    """Of the standard normal distribution."""
    return math.exp(-0.5 * x * x) * 0.3989422804014327


@jit
def beyond(x):  # type: ignore[no-untyped-def]
    """How likely a standard normal number is above ``x``, and its density there by that: the gradient of minus its
    logarithm."""
    share = 0.5 * math.erfc(x * 0.7071067811865476)
    if x > 10.0:
        return share, x + 1.0 / x
    return share, density(x) / share


@jit
def gradient_clipped(A, out, n, action, entropy, D):  # type: ignore[no-untyped-def]
    """As ``gradient_normal``, of the logarithm of how likely what the *world* was given is: all that is drawn beyond a
    bound is the bound (Fujita and Maeda 2018, arXiv 1802.07564). The gradient is as true, and varies less; and
    where a bound is certain it is 0, as what is drawn then tells nothing.

    Returns the mean square of the gradient by ``mean / s`` and ``log s``, of all that may be drawn, in parts of what
    it is without bounds: 1 far from them, 0 where one is certain."""
    squares = 0.0
    for k in range(n):
        raw = float(A[out + k + n])
        s = deviation(raw)
        mean = float(A[out + k])
        z = (action[DRAWN, k] - mean) / s
        up, down = (action[HIGH, k] - mean) / s, (mean - action[LOW, k]) / s
        above, pull = beyond(up)
        below, push = beyond(down)
        by_mean, by_s = z, z * z - 1.0
        if z > up:
            by_mean, by_s = pull, up * pull
        elif z < -down:
            by_mean, by_s = -push, down * push
        D[out + k] = by_mean / s
        D[out + n + k] = (by_s + entropy) / (s * (1.0 + math.exp(-raw)))
        squares += 3.0
        if up < 40.0:  # beyond it z² + (z² - 1)², of which at the bound its own is left
            squares += above * (pull * pull * (1.0 + up * up) - 3.0) - density(up) * up * (up * up + 2.0)
        if down < 40.0:
            squares += below * (push * push * (1.0 + down * down) - 3.0) - density(down) * down * (down * down + 2.0)
    return max(squares / (3.0 * n), 0.0)


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
