"""Trees that grow with the stream: units that each ask whether one input is above a threshold.

Generate and test (Saffari et al., On-line Random Forests, 2009): a leaf tries candidates, each about an input drawn at
random, with the value of a sample that came there as its threshold. Every ``JUDGE_EVERY`` samples they are judged:
the best becomes the leaf's question where it tells enough (twice the log-likelihood it gains, ``EVIDENCE``), and its
two sides two leaves, which begin with what had come to them; else the one that tells least is drawn anew. Every tree
hears a sample a number of times drawn from Poisson(1) (Oza and Russell, 2001). Whoever begins to look for a question
*recollects*: its candidates are drawn from what the memory holds of what would have come to it, and are told all of
that at once, so that what splits later need not wait for so many samples of its own. A leaf says what came to it, the
less surely the less came: every node on the way adds ``SHRINK`` samples of its parent's answer. Where what a node asks
for is missing, the node answers.

What came fades by ``FADE`` a sample. A tree that is full is born anew.
"""

from __future__ import annotations

import math

import numpy as np

from klopf.mind._jit import borrowing, making
from klopf.mind.kernels.company.state import (
    ASKS,
    CAME,
    CHILD,
    CLASSES,
    JUDGED,
    LEAF,
    PLACE,
    SEEN,
    THRESHOLD,
)
from klopf.mind.kernels.random import uniform

JUDGE_EVERY = 20
EVIDENCE = 15.0
SHRINK = 2.0
FADE = 0.9995
FEWEST = 5
"""Samples on a side, below which a question is none."""
PATIENCE = 400
"""Samples after which a leaf that found no question makes room for another, where there is none."""


@borrowing
def below(company, b, v, x):  # type: ignore[no-untyped-def]
    """The child of node ``v`` of tree ``b`` where ``x`` goes."""
    above = x[company.nodes[b, v, ASKS]] > company.numbers[b, v, THRESHOLD]
    return company.nodes[b, v, CHILD] + (1 if above else 0)


@borrowing
def ends(company, b, v, x):  # type: ignore[no-untyped-def]
    """Whether ``x`` goes no further than node ``v`` of tree ``b``: it asks nothing, or for what is missing in ``x``."""
    i = company.nodes[b, v, ASKS]
    return i == LEAF or x[i] != x[i]


@making
def ask_trees(company, x, said):  # type: ignore[no-untyped-def]
    """The mean of what the trees say of ``x``: probabilities of the classes, or one number, into ``said``."""
    sums, classes = company.sums, int(company.counters[CLASSES])
    trees, outputs = sums.shape[0], said.shape[0]
    for q in range(outputs):
        said[q] = 1.0 / outputs if trees == 0 and classes > 0 else 0.0
    answer = np.empty(outputs)
    for b in range(trees):
        for q in range(outputs):
            answer[q] = 1.0 / outputs if classes > 0 else 0.0
        v = 0
        while True:
            if classes > 0:
                total = SHRINK
                for q in range(outputs):
                    total += sums[b, v, q]
                for q in range(outputs):
                    answer[q] = (sums[b, v, q] + SHRINK * answer[q]) / total
            else:
                answer[0] = (sums[b, v, 1] + SHRINK * answer[0]) / (sums[b, v, 0] + SHRINK)
            if ends(company, b, v, x):
                break
            v = below(company, b, v, x)
        for q in range(outputs):
            said[q] += answer[q] / trees


@borrowing
def grow_trees(company, x, y, counts):  # type: ignore[no-untyped-def]
    """Every tree takes the sample in, which counts so many times."""
    for b in range(company.sums.shape[0]):
        weight = counts * _poisson(company.rng)
        if weight == 0:
            continue
        v = 0
        fade = FADE**weight
        while True:
            for q in range(company.sums.shape[2]):
                company.sums[b, v, q] *= fade
            _add(company, company.sums[b, v], y, weight)
            if ends(company, b, v, x):
                break
            v = below(company, b, v, x)
        if company.nodes[b, v, ASKS] != LEAF:
            continue
        company.numbers[b, v, CAME] += weight
        place = company.nodes[b, v, PLACE]
        if place < 0:
            place = _find_place(company, b, v)
            if place >= 0:
                _recollect(company, b, v, place, x)
        if place >= 0:
            _try(company, b, place, x, y, weight)
            if company.numbers[b, v, CAME] - company.numbers[b, v, JUDGED] >= JUDGE_EVERY:
                company.numbers[b, v, JUDGED] = company.numbers[b, v, CAME]
                _judge(company, b, v, place, x)


@borrowing
def _poisson(rng):  # type: ignore[no-untyped-def]
    """A number from Poisson(1)."""
    k = 0
    p = uniform(rng)
    while p > 0.36787944117144233:
        k += 1
        p *= uniform(rng)
    return k


@borrowing
def _add(company, sums, y, weight):  # type: ignore[no-untyped-def]
    if company.counters[CLASSES] > 0:
        sums[int(y)] += weight
    else:
        sums[0] += weight
        sums[1] += weight * y
        sums[2] += weight * y * y


@borrowing
def _find_place(company, b, v):  # type: ignore[no-untyped-def]
    """A free place for leaf ``v`` to look for a question, or -1."""
    for g in range(company.looking.shape[1]):
        if company.looking[b, g] < 0:
            company.looking[b, g] = v
            company.nodes[b, v, PLACE] = g
            for c in range(company.asked.shape[2]):
                company.asked[b, g, c] = LEAF
            return g
    return -1


@borrowing
def _leave(company, b, v):  # type: ignore[no-untyped-def]
    """Node ``v`` looks no longer."""
    company.looking[b, company.nodes[b, v, PLACE]] = LEAF
    company.nodes[b, v, PLACE] = -1


@borrowing
def _draw(company, b, g, c, x):  # type: ignore[no-untyped-def]
    """A candidate about an input drawn at random, at the value that ``x`` has there."""
    i = 0
    for _ in range(8):  # one that never changed tells nothing
        i = int(uniform(company.rng) * x.shape[0])
        if company.sensed[1, i] > 0:
            break
    company.asked[b, g, c] = i if x[i] == x[i] else LEAF
    company.thresholds[b, g, c] = x[i]
    for q in range(company.sums.shape[2]):
        company.sides[b, g, c, 0, q] = 0.0
        company.sides[b, g, c, 1, q] = 0.0


@borrowing
def _try(company, b, g, x, y, weight):  # type: ignore[no-untyped-def]
    """The candidates at place ``g`` of tree ``b`` take the sample in; about two more are drawn until all are there."""
    for c in range(company.asked.shape[2]):
        if company.asked[b, g, c] == LEAF:
            _draw(company, b, g, c, x)
            if uniform(company.rng) < 0.5:
                break
    for c in range(company.asked.shape[2]):
        i = company.asked[b, g, c]
        if i == LEAF:
            break
        if x[i] == x[i]:
            _add(company, company.sides[b, g, c, 1 if x[i] > company.thresholds[b, g, c] else 0], y, weight)


@making
def _recollect(company, b, v, g, x):  # type: ignore[no-untyped-def]
    """Leaf ``v`` of tree ``b``, where ``x`` comes, begins to look at place ``g``: its candidates are drawn from what
    the memory holds of what would have come there too, and are told all of it, each sample as often as the tree hears
    it now."""
    at = _held(company, b, v, x)
    if at.shape[0] < 2 * FEWEST:
        return
    times = np.empty(at.shape[0], np.float32)
    for k in range(at.shape[0]):
        times[k] = _poisson(company.rng)
    for c in range(company.asked.shape[2]):
        _draw(company, b, g, c, company.inputs[:, at[int(uniform(company.rng) * at.shape[0])]])
        i, threshold = company.asked[b, g, c], company.thresholds[b, g, c]
        if i == LEAF:
            continue
        for k in range(at.shape[0]):
            value = company.inputs[i, at[k]]
            if value == value and times[k] > 0:
                side = company.sides[b, g, c, 1 if value > threshold else 0]
                _add(company, side, company.targets[at[k]], times[k])


@making
def _held(company, b, v, x):  # type: ignore[no-untyped-def]
    """Places in the memory of the samples that go the way of ``x`` to node ``v`` of tree ``b``."""
    held = min(int(company.counters[SEEN]), company.inputs.shape[1])
    there = np.ones(held, np.uint8)
    u = 0
    while u != v:
        i = company.nodes[b, u, ASKS]
        threshold = company.numbers[b, u, THRESHOLD]
        row = company.inputs[i]
        if x[i] > threshold:
            for w in range(held):
                there[w] &= row[w] > threshold
        else:
            for w in range(held):
                there[w] &= row[w] <= threshold  # not so where it is missing
        u = below(company, b, u, x)
    found = np.empty(int(there.sum()), np.int32)
    k = 0
    for w in range(held):
        if there[w]:
            found[k] = w
            k += 1
    return found


@borrowing
def told(sides, classes):  # type: ignore[no-untyped-def]
    """Twice the log-likelihood that a question gains, of what came to its two sides, ``(2, q)``; 0 where too little
    did."""
    gain = 0.0
    if classes > 0:
        first = 0.0
        second = 0.0
        for q in range(classes):
            first += sides[0, q]
            second += sides[1, q]
        if first < FEWEST or second < FEWEST:
            return 0.0
        for q in range(classes):
            a = sides[0, q]
            b = sides[1, q]
            if a > 0:
                gain += a * math.log(a / first)
            if b > 0:
                gain += b * math.log(b / second)
            if a + b > 0:
                gain -= (a + b) * math.log((a + b) / (first + second))
        return 2.0 * gain
    n0 = np.float64(sides[0, 0])
    n1 = np.float64(sides[1, 0])
    if n0 < FEWEST or n1 < FEWEST:
        return 0.0
    total = sides[0, 2] + sides[1, 2] - (sides[0, 1] + sides[1, 1]) ** 2 / (n0 + n1)
    apart = sides[0, 2] - sides[0, 1] ** 2 / n0 + sides[1, 2] - sides[1, 1] ** 2 / n1
    if total <= 0:
        return 0.0
    return (n0 + n1) * math.log(total / max(apart, 1e-3 * total))


@borrowing
def fell(company, b):  # type: ignore[no-untyped-def]
    """Tree ``b`` is born anew: a root that knows what came to all."""
    company.used[b] = 1
    company.nodes[b, 0, ASKS] = LEAF
    company.nodes[b, 0, PLACE] = -1
    company.numbers[b, 0, CAME] = 0.0
    company.numbers[b, 0, JUDGED] = 0.0
    for g in range(company.looking.shape[1]):
        company.looking[b, g] = LEAF


@borrowing
def _judge(company, b, v, g, x):  # type: ignore[no-untyped-def]
    """Leaf ``v`` of tree ``b``, which looks at place ``g``: the best candidate becomes its question, or the worst
    goes."""
    classes = int(company.counters[CLASSES])
    most = EVIDENCE
    least = math.inf
    best = -1
    worst = 0
    for c in range(company.asked.shape[2]):
        if company.asked[b, g, c] == LEAF:
            break
        gain = told(company.sides[b, g, c], classes)
        if gain > most:
            most = gain
            best = c
        if gain < least:
            least = gain
            worst = c
    if best >= 0 and company.used[b] + 2 > company.nodes.shape[1]:
        fell(company, b)
        return
    if best < 0:
        _draw(company, b, g, worst, x)
        if company.numbers[b, v, CAME] >= PATIENCE:
            free = False
            for other in range(company.looking.shape[1]):
                free = free or company.looking[b, other] < 0
            if not free:
                _leave(company, b, v)
                company.numbers[b, v, CAME] = 0.0
                company.numbers[b, v, JUDGED] = 0.0
        return
    child = company.used[b]
    company.used[b] += 2
    _leave(company, b, v)
    company.nodes[b, v, ASKS] = company.asked[b, g, best]
    company.nodes[b, v, CHILD] = child
    company.numbers[b, v, THRESHOLD] = company.thresholds[b, g, best]
    for s in range(2):
        company.nodes[b, child + s, ASKS] = LEAF
        company.nodes[b, child + s, PLACE] = -1
        company.numbers[b, child + s, CAME] = 0.0
        company.numbers[b, child + s, JUDGED] = 0.0
        for q in range(company.sums.shape[2]):
            company.sums[b, child + s, q] = company.sides[b, g, best, s, q]
