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
    BETA1,
    BETA2,
    CLIP,
    CLIPPED,
    DECAY,
    ENDS,
    ENTROPY,
    EPSILON,
    FAR,
    GOAL,
    GRADIENT,
    IN,
    LARGEST,
    LOG,
    OUT,
    REWARD,
    REWARDS,
    S_MEAN,
    S_SQUARES,
    SEEN,
    SMALLEST,
    STEP,
    STEPS,
    TRACE,
    TRACE_MEAN,
    TRACE_SQUARES,
    VALUE,
    VALUE_WEIGHT,
    WEIGHT,
)
from klopf.mind.rl._kernels.heard import admit_rows, listen

HALF_LOG = 0.9189385332046727  # log(2 pi) / 2


@jit
def look(W, layers, row, H, batch, wide, kind, n):  # type: ignore[no-untyped-def]
    """Network ``n`` sees ``row``; its outputs are the first row at the end of its places in ``H``, whose place is
    given."""
    x0 = place(layers, n, 0, batch, wide)
    for i in range(layers[n, 0, IN]):
        H[x0 + i] = row[i]
    forward(W, layers, n, H, batch, wide, 1, kind)
    return place(layers, n, layers.shape[1], batch, wide)


@jit
def act(W, layers, row, noise, action, taken, low, high, record, H, batch, wide, kind, discrete):  # type: ignore[no-untyped-def]
    """See ``row``, draw an action into ``action`` by ``noise`` (normal; for choices one uniform number) and note its
    logarithm and the value in ``record``; ``taken`` is the action within its bounds. False where what the networks say
    is not finite."""
    y = look(W, layers, row, H, batch, wide, kind, 1)
    record[VALUE] = H[y]
    y = look(W, layers, row, H, batch, wide, kind, 0)
    last = layers.shape[1] - 1
    outputs = layers[0, last, OUT]
    if discrete:
        record[LOG] = choose(H, y, outputs, noise[0], action)
        return abs(record[LOG] + record[VALUE]) < FAR
    deviations = W.shape[0] - outputs
    total = 0.0
    for k in range(outputs):
        s = float(W[deviations + k])
        action[k] = float(H[y + k]) + math.exp(s) * noise[k]
        z = (float(action[k]) - float(H[y + k])) / math.exp(s)
        total -= 0.5 * z * z + s + HALF_LOG
        taken[k] = min(high[k], max(low[k], float(action[k])))
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
    """What is ``seen`` as the networks see it, into ``row``: by its running mean and deviation, within 10. False where
    a number is not finite; nothing is changed then."""
    for k in range(seen.shape[0]):
        if not abs(seen[k]) < FAR:
            return False
    if normalise == 0:
        for k in range(seen.shape[0]):
            row[k] = seen[k]
        return True
    counts[SEEN] += 1.0
    n = counts[SEEN]
    for k in range(seen.shape[0]):
        away = seen[k] - S[S_MEAN, k]
        S[S_MEAN, k] += away / n
        S[S_SQUARES, k] += away * (seen[k] - S[S_MEAN, k])
        spread = math.sqrt(S[S_SQUARES, k] / n + 1e-8)
        row[k] = min(10.0, max(-10.0, (seen[k] - S[S_MEAN, k]) / spread))
    return True


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
def finish(W, layers, row, record, reward, ends, cut, full, H, batch, wide, kind, counts, gamma, scale):  # type: ignore[no-untyped-def]
    """A step of a rollout is done: its ``record`` has what it earned and, where the rollout is cut, the value of what
    follows, seen in ``row``. ``ends``: nothing follows; ``cut``: the episode is cut; ``full``: so is the rollout."""
    record[REWARD] = earn(reward, ends or cut, counts, gamma, scale)
    record[ENDS] = 1.0 if ends or cut or full else 0.0
    record[AFTER] = 0.0
    if not ends and (cut or full):
        record[AFTER] = H[look(W, layers, row, H, batch, wide, kind, 1)]


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
def policy_gradient(P, R, A, order, first, rows, H, D, y, wide, outputs, hyp, discrete):  # type: ignore[no-untyped-def]
    """Of the clipped objective and the entropy, into ``D`` at ``y`` and the deviations' gradients; how many ratios were
    clipped."""
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
                z = (float(A[t, k]) - float(H[at + k])) / math.exp(s)
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
                s = float(W[deviations + k])
                z = (float(A[t, k]) - float(H[at + k])) / math.exp(s)
                D[at + k] = one * (pull * z / math.exp(s))
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
def epoch(P, layers, X, A, R, order, minibatch, H, D, T, U, wide, kind, discrete, hyp, counts, rng):  # type: ignore[no-untyped-def]
    """Learn once from every row of a rollout, in the order ``order``, ``minibatch`` rows a step.

    ``X``: what was seen, shape ``(steps, observations)``; ``A``: what was done; ``R``: see ``COLUMNS``."""
    last = layers.shape[1] - 1
    outputs = layers[0, last, OUT]
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
            forward(P[WEIGHT], layers, n, H, minibatch, wide, rows, kind)
        y = place(layers, 0, last + 1, minibatch, wide)
        clipped += policy_gradient(P, R, A, order, first, rows, H, D, y, wide, outputs, hyp, discrete)
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
