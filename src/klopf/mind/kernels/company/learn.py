"""One pass of a company, composed: every voice speaks, all are listened to, and each learns by itself.

Who predicts a sample and then learns it asks twice what memory and trees say of it. ``asked``, float64, ``(1 + d +
(SPANS + 1) * outputs,)``, holds what they said last: whether that still stands, of which sample, what the memory said
of each span, and the trees.
"""

from __future__ import annotations

import numpy as np

from klopf.mind._jit import borrowing, making
from klopf.mind.kernels.company.listening import listen, mix, stack
from klopf.mind.kernels.company.memory import recall, remember, together, trust_spans
from klopf.mind.kernels.company.state import CLASSES, LATELY, MEMORY, NETWORK, SEEN, SPANS, TREES, VOICES
from klopf.mind.kernels.company.trees import ask_trees, grow_trees
from klopf.mind.kernels.scaling import deviation, followed, standardised
from klopf.mind.kernels.state import S_MEAN, S_RUN

HOLD = 0.8
"""Share of what came lately that stays, a sample."""
OPEN = 0.1
"""Share of what is said of classes lately that goes to all alike."""
FURTHEST = 1000.0
"""Deviations from the mean within which several outliers in a row are heard as they are."""


@borrowing
def learn_in_company(company, asked, X, Y, weights, out, errors):  # type: ignore[no-untyped-def]
    """Learn from every row of ``X``, ``(n, d)``, in turn. ``out``, ``(n, outputs)``, holds what the network predicted
    and becomes what all together did, ``errors`` the errors of that: 1 for a wrong class, or the squared error. A row
    of weight 0 is predicted, and nothing learned from it."""
    _learn_rows(company, asked, X, Y, weights, out, errors)


@making
def _learn_rows(company, asked, X, Y, weights, out, errors):  # type: ignore[no-untyped-def]
    voices = np.empty((VOICES, out.shape[1]))
    stacked = np.empty(out.shape[1])
    recalled = np.empty((SPANS, out.shape[1]))
    for t in range(X.shape[0]):
        _speak(company, asked, X[t], out, t, voices, recalled, stacked)
        y = np.float64(Y[t])
        if company.counters[CLASSES] > 0:
            errors[t] = out[t].argmax() != int(y)
        else:
            errors[t] = (y - out[t, 0]) ** 2
        if weights[t] > 0:
            asked[0] = 0.0
            listen(company, voices, stacked, y, np.float64(weights[t]))
            trust_spans(company, recalled, y, np.float64(weights[t]))
            _learn(company, X[t], y, np.float64(weights[t]), True)


@borrowing
def learn_in_scaled_company(company, asked, T, horizon, X, Y, weights, out, errors):  # type: ignore[no-untyped-def]
    """The same where the target, one number, is scaled: voices speak, and learn, in deviations from its mean.

    ``T`` is what was usual of the target before these rows, as the network had it; it takes them in as the network
    did. Of a value that the network takes for an outlier nothing is learned; of several in a row, what came lately and
    who is to be trusted."""
    _learn_scaled_rows(company, asked, T, horizon, X, Y, weights, out, errors)


@making
def _learn_scaled_rows(company, asked, T, horizon, X, Y, weights, out, errors):  # type: ignore[no-untyped-def]
    voices = np.empty((VOICES, 1))
    stacked = np.empty(1)
    recalled = np.empty((SPANS, 1))
    said = np.empty((1, 1))
    for t in range(X.shape[0]):
        mean, unit = T[S_MEAN, 0], deviation(T, 0)
        said[0, 0] = (out[t, 0] - mean) / unit
        _speak(company, asked, X[t], said, 0, voices, recalled, stacked)
        out[t, 0] = mean + unit * said[0, 0]
        errors[t] = (Y[t] - out[t, 0]) ** 2
        if weights[t] > 0:
            asked[0] = 0.0
            moved = followed(T, 0, Y[t], horizon)
            weight = np.float64(weights[t])
            outlier = T[S_RUN, 0] > 0
            y = _far(Y[t], T[S_MEAN, 0], deviation(T, 0)) if outlier else standardised(T, 0, Y[t])
            if T[S_RUN, 0] != 1:
                heard = _far(Y[t], mean, unit) if moved or outlier else y  # as those saw it who spoke
                listen(company, voices, stacked, heard, weight)
                trust_spans(company, recalled, heard, weight)
                _learn(company, X[t], y, weight, not outlier)


@borrowing
def _far(y, mean, unit):  # type: ignore[no-untyped-def]
    """``y`` in deviations from the mean, however many."""
    return min(max((y - mean) / unit, -FURTHEST), FURTHEST)


@borrowing
def _learn(company, x, y, weight, kept):  # type: ignore[no-untyped-def]
    """Everybody takes in one sample; only who says what came lately, if it is not to be ``kept``."""
    if kept:
        grow_trees(company, x, y, weight)
        remember(company, x, y)
        company.counters[SEEN] += 1.0
    if company.counters[CLASSES] > 0:
        for q in range(company.lately.shape[0]):
            company.lately[q] *= HOLD
        company.lately[int(y)] += 1.0 - HOLD
    else:
        company.lately[0] = y


@borrowing
def predict_in_company(company, asked, X, out):  # type: ignore[no-untyped-def]
    """``out``, ``(n, outputs)``, holds what the network predicts for every row of ``X``; it becomes what all do."""
    _predict_rows(company, asked, X, out)


@making
def _predict_rows(company, asked, X, out):  # type: ignore[no-untyped-def]
    voices = np.empty((VOICES, out.shape[1]))
    stacked = np.empty(out.shape[1])
    recalled = np.empty((SPANS, out.shape[1]))
    for t in range(X.shape[0]):
        _speak(company, asked, X[t], out, t, voices, recalled, stacked)
        if t == X.shape[0] - 1:
            _keep(asked, X[t], recalled, voices[TREES])


@borrowing
def predict_in_scaled_company(company, asked, T, X, out):  # type: ignore[no-untyped-def]
    """The same where the target is scaled, by what is usual of it, ``T``."""
    mean, unit = T[S_MEAN, 0], deviation(T, 0)
    for t in range(X.shape[0]):
        out[t, 0] = (out[t, 0] - mean) / unit
    predict_in_company(company, asked, X, out)
    for t in range(X.shape[0]):
        out[t, 0] = mean + unit * out[t, 0]


@borrowing
def _speak(company, asked, x, out, t, voices, recalled, stacked):  # type: ignore[no-untyped-def]
    """All voices into ``voices``, what the memory says of each span into ``recalled``, what the stack makes of the
    voices into ``stacked``, what is said in the end into ``out[t]``."""
    _hear(company, asked, x, out, t, voices, recalled)
    stack(company, voices, stacked)
    mix(company, voices, stacked, out, t)


@borrowing
def _hear(company, asked, x, out, t, voices, recalled):  # type: ignore[no-untyped-def]
    """What every voice says of ``x`` into ``voices``, ``(VOICES, outputs)``; the network's is in ``out[t]``."""
    outputs = out.shape[1]
    for q in range(outputs):
        voices[NETWORK, q] = out[t, q]
        if company.counters[CLASSES] > 0:
            voices[LATELY, q] = (1.0 - OPEN) * company.lately[q] + OPEN / outputs
        else:
            voices[LATELY, q] = company.lately[0]
    if _was_asked(asked, x):
        at = 1 + x.shape[0]
        for q in range(outputs):
            for s in range(SPANS):
                recalled[s, q] = asked[at + s * outputs + q]
            voices[TREES, q] = asked[at + SPANS * outputs + q]
    else:
        recall(company, x, recalled)
        ask_trees(company, x, voices[TREES])
    together(company, recalled, voices[MEMORY])


@borrowing
def _was_asked(asked, x):  # type: ignore[no-untyped-def]
    """Whether ``x`` is the sample of which memory and trees spoke last, and nothing was learned since."""
    if asked[0] == 0:
        return False
    for i in range(x.shape[0]):
        v = asked[1 + i]
        if not (v == x[i] or (v != v and x[i] != x[i])):
            return False
    return True


@borrowing
def _keep(asked, x, recalled, trees):  # type: ignore[no-untyped-def]
    """That is what memory and trees say of ``x``."""
    asked[0] = 1.0
    for i in range(x.shape[0]):
        asked[1 + i] = x[i]
    at, outputs = 1 + x.shape[0], recalled.shape[1]
    for q in range(outputs):
        for s in range(SPANS):
            asked[at + s * outputs + q] = recalled[s, q]
        asked[at + SPANS * outputs + q] = trees[q]
