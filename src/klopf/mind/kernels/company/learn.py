"""One pass of a company, composed: every voice speaks, all are listened to, and each learns by itself."""

from __future__ import annotations

import numpy as np

from klopf.mind._jit import jit
from klopf.mind.kernels.company.listening import listen, mix, stack
from klopf.mind.kernels.company.memory import recall, remember
from klopf.mind.kernels.company.state import CLASSES, LATELY, MEMORY, NETWORK, SEEN, TREES, VOICES
from klopf.mind.kernels.company.trees import ask_trees, grow_trees

HOLD = 0.8
"""Share of what came lately that stays, a sample."""
OPEN = 0.1
"""Share of what is said of classes lately that goes to all alike."""


@jit
def learn_in_company(company, X, Y, weights, out, errors):  # type: ignore[no-untyped-def]
    """Learn from every row of ``X``, ``(n, d)``, in turn. ``out``, ``(n, outputs)``, holds what the network predicted
    and becomes what all together did, ``errors`` the errors of that: 1 for a wrong class, or the squared error. A row
    of weight 0 is predicted, and nothing learned from it."""
    outputs = out.shape[1]
    voices = np.empty((VOICES, outputs))
    stacked = np.empty(outputs)
    for t in range(X.shape[0]):
        _hear(company, X[t], out, t, voices)
        stack(company, voices, stacked)
        mix(company, voices, stacked, out, t)
        y = np.float64(Y[t])
        if company.counters[CLASSES] > 0:
            errors[t] = out[t].argmax() != int(y)
        else:
            errors[t] = (y - out[t, 0]) ** 2
        weight = np.float64(weights[t])
        if weight == 0:
            continue
        listen(company, voices, stacked, y, weight)
        grow_trees(company, X[t], y, weight)
        remember(company, X[t], y)
        if company.counters[CLASSES] > 0:
            for q in range(outputs):
                company.lately[q] *= HOLD
            company.lately[int(y)] += 1.0 - HOLD
        else:
            company.lately[0] = y
        company.counters[SEEN] += 1.0


@jit
def predict_in_company(company, X, out):  # type: ignore[no-untyped-def]
    """``out``, ``(n, outputs)``, holds what the network predicts for every row of ``X``; it becomes what all do."""
    voices = np.empty((VOICES, out.shape[1]))
    stacked = np.empty(out.shape[1])
    for t in range(X.shape[0]):
        _hear(company, X[t], out, t, voices)
        stack(company, voices, stacked)
        mix(company, voices, stacked, out, t)


@jit
def _hear(company, x, out, t, voices):  # type: ignore[no-untyped-def]
    """What every voice says of ``x`` into ``voices``, ``(VOICES, outputs)``; the network's is in ``out[t]``."""
    outputs = out.shape[1]
    for q in range(outputs):
        voices[NETWORK, q] = out[t, q]
        if company.counters[CLASSES] > 0:
            voices[LATELY, q] = (1.0 - OPEN) * company.lately[q] + OPEN / outputs
        else:
            voices[LATELY, q] = company.lately[0]
    recall(company, x, voices[MEMORY])
    ask_trees(company, x, voices[TREES])
