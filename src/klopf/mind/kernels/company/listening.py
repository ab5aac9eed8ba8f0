"""How the voices are listened to: a stack of them, and shares of trust in each and in the stack.

The stack is linear in the numbers that the voices say, or in the logarithms of their probabilities. Its weights begin
at an equal part each and follow Newton's steps on the likelihood (for numbers: recursive least squares); both weights
and precision drift back to where they began by ``DRIFT``. What is said is a mixture of all voices and the stack: each
has a share, which is multiplied by the likelihood of what came (Vovk 1990), and ``SHARE`` of all trust is dealt out
anew in each step (Herbster and Warmuth 1998), so that a voice that was wrong for long can be heard again within a few
samples. For numbers the likelihood is that of the absolute error beside the running one of the best.
"""

from __future__ import annotations

import math

import numpy as np

from klopf.mind._jit import borrowing, making
from klopf.mind.kernels.company.state import CLASSES, SEEN, SPREAD, VOICES

PRECISION = 3.0
DRIFT = 1e-4
SHARE = 1e-3
SURE = 1e-3
"""A voice never says less than this of a class, as far as listeners are concerned."""


@borrowing
def stack(company, voices, said):  # type: ignore[no-untyped-def]
    """What the stack makes of ``voices``, ``(VOICES, outputs)``, into ``said``."""
    weights, outputs = company.weights, said.shape[0]
    top = -math.inf
    for q in range(outputs):
        z = 0.0
        for e in range(VOICES):
            v = voices[e, q]
            z += weights[e] * (math.log(max(v, SURE)) if company.counters[CLASSES] > 0 else v)
        said[q] = z
        top = max(top, z)
    if company.counters[CLASSES] > 0:
        total = 0.0
        for q in range(outputs):
            said[q] = math.exp(said[q] - top)
            total += said[q]
        for q in range(outputs):
            said[q] /= total


@borrowing
def mix(company, voices, stacked, out, t):  # type: ignore[no-untyped-def]
    """What is said in the end, into ``out[t]``: every voice and the stack by its share."""
    trusts = company.trusts
    for q in range(out.shape[1]):
        z = trusts[VOICES] * stacked[q]
        for e in range(VOICES):
            z += trusts[e] * voices[e, q]
        out[t, q] = z


@making
def listen(company, voices, stacked, y, weight):  # type: ignore[no-untyped-def]
    """Weights and shares take in what came, which counts ``weight`` times."""
    weights, A, trusts = company.weights, company.precision, company.trusts
    classes = int(company.counters[CLASSES])
    gradient = np.zeros(VOICES)
    for e in range(VOICES):
        for f in range(VOICES):
            A[e, f] *= 1.0 - DRIFT
        A[e, e] += DRIFT * PRECISION
    likely = np.empty(VOICES + 1)
    if classes > 0:
        logs = np.empty((VOICES, classes))
        mean = np.zeros(VOICES)
        for e in range(VOICES):
            for q in range(classes):
                logs[e, q] = math.log(max(voices[e, q], SURE))
            for q in range(classes):  # a loop of its own: see ``softmax``
                mean[e] += stacked[q] * logs[e, q]
            gradient[e] = weight * (logs[e, int(y)] - mean[e])
            likely[e] = max(voices[e, int(y)], SURE)
        likely[VOICES] = max(stacked[int(y)], SURE)
        for e in range(VOICES):
            for f in range(e + 1):
                s = 0.0
                for q in range(classes):
                    s += stacked[q] * (logs[e, q] - mean[e]) * (logs[f, q] - mean[f])
                A[e, f] += weight * s
                if f < e:
                    A[f, e] += weight * s
    else:
        error = y - stacked[0]
        rate = max(0.003, 1.0 / (company.counters[SEEN] + 2.0))
        company.counters[SPREAD] += rate * (error * error - company.counters[SPREAD])
        noise = (company.counters[SPREAD] + 1e-12) / weight
        best = math.inf
        for e in range(VOICES + 1):
            off = abs(y - (voices[e, 0] if e < VOICES else stacked[0]))
            likely[e] = off
            company.errors[e] += rate * (off - company.errors[e])
            best = min(best, company.errors[e])
        for e in range(VOICES + 1):
            likely[e] = math.exp(-min(likely[e] / (best + 1e-12), 10.0))
        for e in range(VOICES):
            gradient[e] = voices[e, 0] * error / noise
            for f in range(VOICES):
                A[e, f] += voices[e, 0] * voices[f, 0] / noise
    total = 0.0
    for e in range(VOICES + 1):
        trusts[e] *= likely[e] ** min(weight, 10.0)
        total += trusts[e]
    for e in range(VOICES + 1):
        trusts[e] = trusts[e] / total * (1.0 - SHARE) + SHARE / (VOICES + 1)
    _step(A, gradient)
    for e in range(VOICES):
        weights[e] += gradient[e] + DRIFT * (1.0 / VOICES - weights[e])


@making
def _step(A, b):  # type: ignore[no-untyped-def]
    """``b <- A^-1 b`` for a positive definite ``A``: Cholesky, as it is four by four."""
    n = b.shape[0]
    L = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = A[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            L[i, j] = math.sqrt(max(s, 1e-12)) if i == j else s / L[j, j]
    for i in range(n):
        for k in range(i):
            b[i] -= L[i, k] * b[k]
        b[i] /= L[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= L[k, i] * b[k]
        b[i] /= L[i, i]
