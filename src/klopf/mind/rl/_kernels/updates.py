"""How far a network steps along its traces once the TD error is known.

``OBGD``        Elsayed et al. (2024), algorithm 3: ``M = alpha kappa max(|delta|,1) |e|_1``, step ``alpha / max(M,
1)``. ``ADAPTIVE``    the same bound on traces divided by the root of their running square, algorithm 10 there.
``INTENTIONAL`` Sharifnassab et al. (2026), arXiv 2604.19033: the step that changes the prediction by the fraction eta
                of the error (or the policy by a set amount), with diagonal scaling and a clipped error. Not in the
                paper: (1) where the policy is a softmax, by that amount times how undecided it was of late
                (``C[C_ROOM]``), so that *preferences* change by a set amount: to change log pi by one where it is
                nearly certain takes preferences without bound, and a policy that is certain before it knows tries
                nothing any more; (2) an error that is divided by the mean size of errors is clipped once more,
                at as many times that mean: once nearly all is predicted, the one error that is left is thousands of
                them.
``AUTOSTEP``    a step-size for each weight, learned as in TIDBD (Kearney et al. 2018, arXiv 1804.03334, algorithm 1)
                from whether its gradient agrees with its recent changes h, the agreement divided by its own largest
                recent value v as in Autostep (Mahmood et al. 2012), within ObGD's bound over ``alpha_i |e_i|``:
                ``v <- max(|delta g h|, v + (|delta g h| - v) / tau)``, ``alpha <- alpha (1 + theta delta g h / v)``,
                ``w <- w + step delta alpha e``, ``h <- h max(0, 1 - step alpha g e) + step delta alpha e``.
``FIXED``       one step-size, for the classics.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.layout import (
    ADAPTIVE,
    ALPHA,
    AUTOSTEP,
    BETA2,
    C_BETA2,
    C_DECAY,
    C_DELTA,
    C_EPSILON,
    C_FADE2,
    C_HIGH,
    C_LOW,
    C_META,
    C_ROOM,
    C_TAU,
    CLIP,
    DELTA_DECAY,
    EPSILON,
    FIXED,
    GAMMA,
    GRADIENT,
    INTENTIONAL,
    KAPPA,
    LAMBDA,
    MEMORY,
    META,
    N_CLIP,
    N_NORM,
    N_SIGMA,
    N_STEP,
    N_UPDATES,
    NORMALISE_DELTA,
    OBGD,
    SECOND,
    STEP_SIZE,
    TAU,
    TRACE,
    WEIGHT,
)
from klopf.mind.rl._kernels.network import backward


@jit
def learn(rule, P, layers, A, D, hyp, N, C, delta, start, end, over):  # type: ignore[no-untyped-def]
    """One update of one network: the outputs' gradient, at ``D[layers[-1, SUMS_AT]]``, into the traces, then one step.

    ``delta`` is the TD error; the network's weights are ``P[:, start:end]``; ``N`` its own counters (float64). With
    ``over`` the traces end here. Returns the step that was made, as a factor of ``delta * trace``.
    """
    dtype = P.dtype.type
    zero = dtype(0)
    one = dtype(1)
    N[N_UPDATES] += 1.0
    beta2 = float(hyp[BETA2])
    C[C_DECAY] = hyp[GAMMA] * hyp[LAMBDA]
    C[C_DELTA] = delta
    C[C_BETA2] = hyp[BETA2]
    C[C_FADE2] = 1.0 / (1.0 - beta2 ** N[N_UPDATES])
    C[C_EPSILON] = hyp[EPSILON]
    C[C_META] = hyp[META]
    C[C_TAU] = one / hyp[TAU]
    C[C_LOW] = 1e-4
    C[C_HIGH] = 1e4
    s1, s2 = backward(rule, P, layers, A, D, hyp, C)
    w = P[WEIGHT][start:end]
    e = P[TRACE][start:end]
    count = end - start
    size = hyp[ALPHA]
    if rule in (OBGD, ADAPTIVE, AUTOSTEP):
        bound = max(abs(delta), one) * s1 * hyp[ALPHA] * hyp[KAPPA]
        if bound > one:
            size = hyp[ALPHA] / bound
    step = size * delta
    if rule == INTENTIONAL:
        decay = float(C[C_DECAY])
        N[N_SIGMA] += (1.0 - decay) * (float(s2) - N[N_SIGMA])
        sigma = N[N_SIGMA] / (1.0 - decay ** N[N_UPDATES])
        size = dtype(float(C[C_ROOM]) * float(hyp[ALPHA]) / max(math.sqrt(sigma * float(s1)), 1e-8))
        keep = float(hyp[DELTA_DECAY])
        d = float(delta)
        N[N_CLIP] = keep * N[N_CLIP] + (1.0 - keep) * d * d
        cap = float(hyp[CLIP]) * math.sqrt(N[N_CLIP] / (1.0 - keep ** N[N_UPDATES]))
        if abs(d) > cap:
            d = math.copysign(cap, d)
        if hyp[NORMALISE_DELTA] > 0:
            N[N_NORM] = keep * N[N_NORM] + (1.0 - keep) * abs(d)
            d /= max(N[N_NORM] / (1.0 - keep ** N[N_UPDATES]), 1e-12)
            d = min(max(d, -float(hyp[CLIP])), float(hyp[CLIP]))
        step = dtype(d) * size
        m = P[SECOND][start:end]
        fade = C[C_FADE2]
        eps = C[C_EPSILON]
        for i in range(count):
            w[i] += step * e[i] / (math.sqrt(m[i] * fade) + eps)
    elif rule in (OBGD, FIXED):
        for i in range(count):
            w[i] += step * e[i]
    elif rule == ADAPTIVE:
        m = P[SECOND][start:end]
        fade = C[C_FADE2]
        eps = C[C_EPSILON]
        for i in range(count):
            w[i] += step * e[i] / math.sqrt(m[i] * fade + eps)
    else:
        g = P[GRADIENT][start:end]
        alpha = P[STEP_SIZE][start:end]
        memory = P[MEMORY][start:end]
        for i in range(count):
            v = step * alpha[i] * e[i]
            w[i] += v
            memory[i] = memory[i] * max(zero, one - size * alpha[i] * g[i] * e[i]) + v
    if over:
        for i in range(count):
            e[i] = zero
    N[N_STEP] = float(size)
    return size
