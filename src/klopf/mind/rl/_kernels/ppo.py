"""Proximal policy optimisation (Schulman et al., 2017), from what is seen to an action, and one epoch of learning.

Network 0 is the policy: means of a normal distribution whose deviations are weights of their own (their logarithms, at
the end of the table), or logits of choices. Network 1 is the value. A rollout's rows are in ``R``: see ``COLUMNS``.
"""

from __future__ import annotations

import math

from klopf.mind.rl._jit import jit
from klopf.mind.rl._kernels.batch import adam, backward, forward, place
from klopf.mind.rl._kernels.batch_layout import (
    ADVANTAGE,
    AFTER,
    BAD_OBSERVATION,
    BAD_REWARD,
    BEGIN,
    BETA1,
    BETA2,
    CLIP,
    CLIPPED,
    DECAY,
    DISCRETE,
    DIVERGED,
    ENDS,
    ENTROPY,
    EPSILON,
    FAR,
    FINE,
    FULL,
    GAMMA,
    GO_ON,
    GOAL,
    GRADIENT,
    HIGH,
    IN,
    KIND,
    LARGEST,
    LOG,
    LOW,
    MINIBATCH,
    NORMALISE,
    NOW,
    OUT,
    REWARD,
    REWARDS,
    S_MEAN,
    S_SQUARES,
    SCALE,
    SEEN,
    SMALLEST,
    STEP,
    STEP_ON,
    STEPS,
    TAKEN,
    TERMINATE,
    TRACE,
    TRACE_MEAN,
    TRACE_SQUARES,
    VALUE,
    VALUE_WEIGHT,
    WEIGHT,
    WIDE,
)
from klopf.mind.rl._kernels.heard import admit_rows, listen

HALF_LOG = 0.9189385332046727  # log(2 pi) / 2


@jit
def live(P, layers, S, counts, X, A, R, noise, row, action, H, T, plan, hyp, seen, reward, what, terminated, truncated):  # type: ignore[no-untyped-def]
    """One step of a life: ``seen`` and ``reward`` are checked before anything is changed, the step that is over is
    noted, and the next action drawn. ``what`` is one of BEGIN, STEP_ON, GO_ON; what came of it is handed back (FINE,
    FULL, or what is wrong)."""
    if what != GO_ON:
        for k in range(seen.shape[0]):
            if not abs(seen[k]) < FAR:
                return BAD_OBSERVATION
        if not abs(reward) < FAR:
            return BAD_REWARD
        t = plan[NOW]
        if what == BEGIN and t > 0 and R[t - 1, ENDS] == 0.0:  # the one before was left: what followed is not known
            R[t - 1, ENDS] = 1.0
            R[t - 1, AFTER] = R[t, VALUE]
        sense(seen, S, counts, row, plan[NORMALISE])
        if what == STEP_ON:
            finish(P[WEIGHT], layers, row, R, reward, terminated, truncated, H, T, plan, counts, hyp)
            plan[NOW] = t + 1
            if t + 1 == R.shape[0]:
                return FULL
            if terminated or truncated:
                return FINE
    t = plan[NOW]
    for k in range(row.shape[0]):
        X[t, k] = row[k]
    if act(P[WEIGHT], layers, row, noise[t], A[t], action, R[t], H, T, plan):
        return FINE
    return DIVERGED


@jit
def look(W, layers, row, H, T, plan, n):  # type: ignore[no-untyped-def]
    """Network ``n`` sees ``row``; its outputs are the first row at the end of its places in ``H``, whose place is
    given."""
    batch, wide = plan[MINIBATCH], plan[WIDE]
    x0 = place(layers, n, 0, batch, wide)
    for i in range(layers[n, 0, IN]):
        H[x0 + i] = row[i]
    forward(W, layers, n, H, T, batch, wide, 1, plan[KIND])
    return place(layers, n, layers.shape[1], batch, wide)


@jit
def act(W, layers, row, noise, drawn, action, record, H, T, plan):  # type: ignore[no-untyped-def]
    """See ``row``, draw an action into ``drawn`` by ``noise`` (normal; for choices one uniform number) and note its
    logarithm and the value in ``record``; what is done, within its bounds, goes into ``action``. False where what the
    networks say is not finite."""
    y = look(W, layers, row, H, T, plan, 1)
    record[VALUE] = H[y]
    y = look(W, layers, row, H, T, plan, 0)
    last = layers.shape[1] - 1
    outputs = layers[0, last, OUT]
    if plan[DISCRETE] > 0:
        record[LOG] = choose(H, y, outputs, noise[0], drawn)
        return abs(record[LOG] + record[VALUE]) < FAR
    deviations = W.shape[0] - outputs
    total = 0.0
    for k in range(outputs):
        s = float(W[deviations + k])
        deviation = math.exp(s)
        drawn[k] = float(H[y + k]) + deviation * noise[k]
        z = (float(drawn[k]) - float(H[y + k])) / deviation
        total -= 0.5 * z * z + s + HALF_LOG
        action[TAKEN, k] = min(action[HIGH, k], max(action[LOW, k], float(drawn[k])))
    record[LOG] = total
    return abs(total + record[VALUE]) < FAR


@jit
def choose(H, y, outputs, drawn, action):  # type: ignore[no-untyped-def]
    """One of ``outputs`` choices by a uniform number; logarithm of its probability."""
    top = float(H[y])
    for k in range(outputs):
        top = max(top, float(H[y + k]))
    total = 0.0
    for k in range(outputs):
        total += math.exp(float(H[y + k]) - top)
    left = drawn * total
    chosen = outputs - 1
    for k in range(outputs):
        left -= math.exp(float(H[y + k]) - top)
        if left < 0.0:
            chosen = k
            break
    action[0] = chosen
    return float(H[y + chosen]) - top - math.log(total)


@jit
def sense(seen, S, counts, row, normalise):  # type: ignore[no-untyped-def]
    """What is ``seen`` as the networks see it, into ``row``: by its running mean and deviation, within 10."""
    if normalise == 0:
        for k in range(seen.shape[0]):
            row[k] = seen[k]
        return
    counts[SEEN] += 1.0
    n = counts[SEEN]
    for k in range(seen.shape[0]):
        away = seen[k] - S[S_MEAN, k]
        S[S_MEAN, k] += away / n
        S[S_SQUARES, k] += away * (seen[k] - S[S_MEAN, k])
        spread = math.sqrt(S[S_SQUARES, k] / n + 1e-8)
        row[k] = min(10.0, max(-10.0, (seen[k] - S[S_MEAN, k]) / spread))


@jit
def earn(reward, over, counts, gamma, scale):  # type: ignore[no-untyped-def]
    """A reward as it is learned from: by the deviation of the discounted sum of rewards, within 10."""
    if scale == 0:
        return reward
    counts[REWARDS] += 1.0
    counts[TRACE] = counts[TRACE] * gamma + reward
    away = counts[TRACE] - counts[TRACE_MEAN]
    counts[TRACE_MEAN] += away / counts[REWARDS]
    counts[TRACE_SQUARES] += away * (counts[TRACE] - counts[TRACE_MEAN])
    if over:
        counts[TRACE] = 0.0
    return min(10.0, max(-10.0, reward / math.sqrt(counts[TRACE_SQUARES] / counts[REWARDS] + 1e-8)))


@jit
def finish(W, layers, row, R, reward, terminated, truncated, H, T, plan, counts, hyp):  # type: ignore[no-untyped-def]
    """A step of a rollout is done: its record has what it earned and, where the rollout is cut, the value of what
    follows, seen in ``row``."""
    t = plan[NOW]
    ends = terminated or (truncated and plan[TERMINATE] > 0)
    cut = truncated or t + 1 == R.shape[0]
    R[t, REWARD] = earn(reward, terminated or truncated, counts, hyp[GAMMA], plan[SCALE])
    R[t, ENDS] = 1.0 if ends or cut else 0.0
    R[t, AFTER] = 0.0
    if cut and not ends:
        R[t, AFTER] = H[look(W, layers, row, H, T, plan, 1)]


@jit
def advantages(R, gamma, decay):  # type: ignore[no-untyped-def]
    """Generalised advantages (Schulman et al., 2016) of a whole rollout, and what values should have been."""
    follows = 0.0
    for q in range(R.shape[0]):
        t = R.shape[0] - 1 - q
        if R[t, ENDS] > 0.0:
            following, follows = R[t, AFTER], 0.0
        else:
            following = R[t + 1, VALUE]
        follows = R[t, REWARD] + gamma * following - R[t, VALUE] + gamma * decay * follows
        R[t, ADVANTAGE] = follows
        R[t, GOAL] = follows + R[t, VALUE]


@jit
def policy_gradient(P, R, A, order, first, rows, H, D, T, y, wide, outputs, hyp, discrete):  # type: ignore[no-untyped-def]
    """Of the clipped objective and the entropy, into ``D`` at ``y`` and the deviations' gradients; how many ratios were
    clipped. ``T`` keeps one over each deviation."""
    W, G = P[WEIGHT], P[GRADIENT]
    one = P.dtype.type(1)
    deviations = W.shape[0] - outputs
    mean = 0.0
    for i in range(rows):
        mean += R[order[first + i], ADVANTAGE]
    mean /= rows
    square = 0.0
    for i in range(rows):
        square += (R[order[first + i], ADVANTAGE] - mean) ** 2
    spread = math.sqrt(square / (rows - 1)) + 1e-8
    clip, entropy = hyp[CLIP], hyp[ENTROPY]
    clipped = 0
    if not discrete:
        for k in range(outputs):
            G[deviations + k] = -entropy
            T[k] = math.exp(-float(W[deviations + k]))
    for i in range(rows):
        t = order[first + i]
        gain = (R[t, ADVANTAGE] - mean) / spread
        at = y + i * wide
        if discrete:
            top = float(H[at])
            for k in range(outputs):
                top = max(top, float(H[at + k]))
            total = 0.0
            for k in range(outputs):
                total += math.exp(float(H[at + k]) - top)
            whole = top + math.log(total)
            log = float(H[at + int(A[t, 0])]) - whole
        else:
            log = 0.0
            for k in range(outputs):
                s = float(W[deviations + k])
                z = (float(A[t, k]) - float(H[at + k])) * float(T[k])
                log -= 0.5 * z * z + s + HALF_LOG
        ratio = math.exp(log - R[t, LOG])
        held = (gain > 0.0 and ratio > 1.0 + clip) or (gain < 0.0 and ratio < 1.0 - clip)
        clipped += held
        pull = 0.0 if held else -gain * ratio / rows
        if discrete:
            unsure = 0.0
            if entropy > 0.0:
                for k in range(outputs):
                    p = math.exp(float(H[at + k]) - whole)
                    unsure -= p * (float(H[at + k]) - whole)
            for k in range(outputs):
                p = math.exp(float(H[at + k]) - whole)
                towards = (1.0 if k == int(A[t, 0]) else 0.0) - p
                slope = pull * towards
                if entropy > 0.0:
                    slope += entropy / rows * p * (float(H[at + k]) - whole + unsure)
                D[at + k] = one * slope
        else:
            for k in range(outputs):
                z = (float(A[t, k]) - float(H[at + k])) * float(T[k])
                D[at + k] = one * (pull * z * float(T[k]))
                G[deviations + k] += pull * (z * z - 1.0)
    return clipped


@jit
def step_all(P, layers, U, hyp, counts, shrink):  # type: ignore[no-untyped-def]
    """One step of Adam for every weight."""
    cast = P.dtype.type
    counts[STEPS] += 1.0
    t = counts[STEPS]
    step = cast(hyp[STEP] / (1.0 - hyp[BETA1] ** t))
    root = cast(math.sqrt(1.0 - hyp[BETA2] ** t))
    b1, b2 = cast(hyp[BETA1]), cast(hyp[BETA2])
    eps, decay, less = cast(hyp[EPSILON]), cast(hyp[DECAY]), cast(shrink)
    if hyp[SMALLEST] < 1.0:
        admit_rows(P, layers, U, hyp, step, b1, b2, root, eps, decay, less)
    else:
        adam(P, 0, P.shape[1], step, b1, b2, root, eps, decay, less)


@jit
def epoch(P, layers, U, counts, X, A, R, order, H, D, T, plan, hyp, rng):  # type: ignore[no-untyped-def]
    """Learn once from every row of a rollout, in the order ``order``, a minibatch a step.

    ``X``: what was seen, shape ``(steps, observations)``; ``A``: what was done; ``R``: see ``COLUMNS``."""
    last = layers.shape[1] - 1
    outputs = layers[0, last, OUT]
    minibatch, wide, kind, discrete = plan[MINIBATCH], plan[WIDE], plan[KIND], plan[DISCRETE] > 0
    cast = P.dtype.type
    clipped = 0
    steps = order.shape[0]
    for first in range(0, steps, minibatch):
        rows = min(minibatch, steps - first)
        if rows < 2:
            break  # of one alone no deviation can be told
        for n in range(2):
            x0 = place(layers, n, 0, minibatch, wide)
            for i in range(rows):
                seen = X[order[first + i]]
                for k in range(layers[n, 0, IN]):
                    H[x0 + i * wide + k] = seen[k]
            forward(P[WEIGHT], layers, n, H, T, minibatch, wide, rows, kind)
        y = place(layers, 0, last + 1, minibatch, wide)
        clipped += policy_gradient(P, R, A, order, first, rows, H, D, T, y, wide, outputs, hyp, discrete)
        y = place(layers, 1, last + 1, minibatch, wide)
        for i in range(rows):
            off = float(H[y + i * wide]) - R[order[first + i], GOAL]
            D[y + i * wide] = cast(hyp[VALUE_WEIGHT] * 2.0 * off / rows)
        for n in range(2):
            backward(P, layers, n, H, D, T, minibatch, wide, rows, kind)
        shrink = 1.0
        if hyp[LARGEST] > 0.0:
            total = cast(0)
            g = P[GRADIENT]
            for k in range(P.shape[1]):
                total += g[k] * g[k]
            shrink = min(1.0, hyp[LARGEST] / (math.sqrt(float(total)) + 1e-6))
        step_all(P, layers, U, hyp, counts, shrink)
        listen(P, layers, U, H, minibatch, wide, rows, hyp, counts, rng)
    counts[CLIPPED] = clipped / steps
