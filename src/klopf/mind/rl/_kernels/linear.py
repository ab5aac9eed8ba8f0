"""Linear learners of predictions: True-online TD(lambda), SwiftTD, and a Horde of TD(lambda) learners.

All predict the discounted sum of a cumulant from features ``x``, shape ``(n,)``. A transition is ``x``, then the
cumulant and the discount of the step, then the next features ``x2``.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit

# rows of a linear learner's table
WEIGHT, TRACE, TRACE_DELTA, DELTA_W, H, H_OLD, H_TEMP, BETA, TRACE_BAR, P_ROW = range(10)
# places in its numbers
V_OLD, V_DELTA, STEPS, BOUND_HITS = range(4)


@jit
def true_online(T, N, x, cumulant, discount, x2, decay, alpha):  # type: ignore[no-untyped-def]
    """True-online TD(lambda): van Seijen, Mahmood, Pilarski, Machado and Sutton (2016), JMLR 17, algorithm 1.

    ``decay`` is the discount of the step before times lambda. Returns the prediction for ``x2`` with the new weights.
    """
    n = x.shape[0]
    w = T[WEIGHT]
    e = T[TRACE]
    v = 0.0
    v2 = 0.0
    b = 0.0
    for i in range(n):
        v += w[i] * x[i]
        v2 += w[i] * x2[i]
        b += e[i] * x[i]
    delta = cumulant + discount * v2 - v
    along = alpha * (1.0 - decay * b)
    for i in range(n):
        e[i] = decay * e[i] + along * x[i]
    change = v - N[V_OLD]
    total = 0.0
    for i in range(n):
        w[i] += (delta + change) * e[i] - alpha * change * x[i]
        total += w[i] * x2[i]
    N[V_OLD] = v2
    N[STEPS] += 1.0
    return total


@jit
def swift(T, N, x, cumulant, discount, lam, eta, eta_min, decay, meta):  # type: ignore[no-untyped-def]
    """SwiftTD: Javed, Sharifnassab and Sutton (2024), RLC, algorithm 1: True-online TD(lambda) with a step-size for
    each weight, learned, a bound ``eta`` on the rate of learning, and a decay of step-sizes that met it.

    One call: the features now, the cumulant and the discount that led here. Returns the prediction for ``x``.
    """
    n = x.shape[0]
    w = T[WEIGHT]
    z = T[TRACE]
    zd = T[TRACE_DELTA]
    dw = T[DELTA_W]
    h = T[H]
    h_old = T[H_OLD]
    h_temp = T[H_TEMP]
    beta = T[BETA]
    z_bar = T[TRACE_BAR]
    p = T[P_ROW]
    v = 0.0
    for i in range(n):
        v += w[i] * x[i]
    delta = cumulant + discount * v - N[V_OLD]
    v_delta = N[V_DELTA]
    fade = discount * lam
    top = math.log(eta)
    bottom = math.log(eta_min)
    for i in range(n):
        dw[i] = delta * z[i] - zd[i] * v_delta
        w[i] += dw[i]
        beta[i] += meta / math.exp(beta[i]) * (delta - v_delta) * p[i]
        beta[i] = min(max(beta[i], bottom), top)
        h_old[i] = h[i]
        h[i] = h_temp[i] + delta * z_bar[i] - zd[i] * v_delta
        h_temp[i] = h[i]
        zd[i] = 0.0
        z[i] *= fade
        p[i] *= fade
        z_bar[i] *= fade
    tau = 0.0
    b = 0.0
    for i in range(n):
        tau += math.exp(beta[i]) * x[i] * x[i]
        b += z[i] * x[i]
    share = min(1.0, eta / tau) if tau > 0.0 else 1.0
    v_delta = 0.0
    shrink = math.log(decay)
    for i in range(n):
        v_delta += dw[i] * x[i]
        zd[i] = share * math.exp(beta[i]) * x[i]
        z[i] += zd[i] * (1.0 - b)
        p[i] += h_old[i] * x[i]
        z_bar[i] += zd[i] * (1.0 - b - z_bar[i] * x[i])
        h_temp[i] = h[i] - h_old[i] * x[i] * (z[i] - zd[i]) - h[i] * zd[i] * x[i]
        if tau > eta:
            h_temp[i] = 0.0
            h[i] = 0.0
            h_old[i] = 0.0
            z_bar[i] = 0.0
            beta[i] += shrink * x[i] * x[i]
    if tau > eta:
        N[BOUND_HITS] += 1.0
    N[V_DELTA] = v_delta
    N[V_OLD] = v
    N[STEPS] += 1.0
    # what was learned in this call moves the next prediction; the prediction itself is that of before
    return v


@jit
def horde(W, E, V, D, x, cumulants, discounts, faded, lambdas, x2, alpha, kappa, over, out):  # type: ignore[no-untyped-def]
    """One step of all demons: linear TD(lambda), each within ObGD's bound (Elsayed et al. 2024, algorithm 3).

    ``W`` and ``E`` are weights and traces, shape ``(demons, n)``; ``faded`` are the discounts of the step before, by
    which traces fade. ``out`` receives the predictions for ``x2``, ``D`` the TD errors.
    """
    demons, n = W.shape
    for d in range(demons):
        w = W[d]
        e = E[d]
        decay = faded[d] * lambdas[d]
        v = 0.0
        v2 = 0.0
        size = 0.0
        for i in range(n):
            v += w[i] * x[i]
            v2 += w[i] * x2[i]
            z = decay * e[i] + x[i]
            e[i] = z
            size += abs(z)
        delta = cumulants[d] + discounts[d] * v2 - v
        bound = max(abs(delta), 1.0) * size * alpha * kappa
        step = (alpha / bound if bound > 1.0 else alpha) * delta
        total = 0.0
        for i in range(n):
            w[i] += step * e[i]
            total += w[i] * x2[i]
            if over:
                e[i] = 0.0
        D[d] = delta
        V[d] = v
        out[d] = total
