"""The memory: the last samples as they came, and what the nearest of them say (nearest neighbours).

A distance is the sum over the sensors of squared differences over the sensor's variance; where a sensor is missing on
either side, the difference is what two samples usually have. The ``NEAR`` nearest speak, each by 1 / (.1 + its distance
over the farthest one's). It forgets by itself: the oldest sample's place is the newest's.

How long what came holds, the stream decides: the nearest of all samples speak, those of the latest third, and those of
the latest ninth, and each of the three is listened to by the share of trust that it earned, as the voices are
(``listening``): where nothing drifts the more samples know more, where all does the old ones are wrong.
"""

from __future__ import annotations

import math

import numpy as np

from klopf.mind._jit import borrowing, making
from klopf.mind.kernels.company.listening import SHARE, SURE
from klopf.mind.kernels.company.state import CLASSES, OFF, SEEN, SPANS, TRUST

NEAR = 10
PART = 3
"""A span is so many times as long as the next."""
HALF_A_VOICE = 0.5
"""By which every class is likely before anything is near."""
FAR, MORE = 12.0, 2.0
"""Deviations from its mean beyond which a sensor's value is bounded, unless it is at most so many times as far out as
what the memory holds."""
FEW = 32.0
"""Values of a sensor after which that can be told."""


@making
def recall(company, x, said):  # type: ignore[no-untyped-def]
    """What the neighbours of ``x``, ``(d,)``, say in each span: probabilities of the classes, or one number, into
    ``said``, ``(SPANS, outputs)``."""
    inputs, sensed = company.inputs, company.sensed
    held = min(int(company.counters[SEEN]), inputs.shape[1])
    distance = np.zeros(held, np.float32)
    for i in range(inputs.shape[0]):
        if not sensed[1, i] > 1e-12:  # it never changed
            continue
        scale = np.float32(1.0 / sensed[1, i])
        unknown = np.float32(2.0)
        v = np.float32(x[i])
        row = inputs[i]
        for w in range(held):
            e = row[w] - v
            e2 = scale * e * e
            distance[w] += e2 if e2 == e2 else unknown
    span = inputs.shape[1]
    before = -1
    for s in range(SPANS):
        latest = min(span, held)
        if latest == before:
            for q in range(said.shape[1]):
                said[s, q] = said[s - 1, q]
        else:
            _say(company, distance, latest, said[s])
        before = latest
        span = max(span // PART, min(NEAR, span))


@making
def _say(company, distance, latest, said):  # type: ignore[no-untyped-def]
    """What the nearest of the ``latest`` samples say, into ``said``, ``(outputs,)``."""
    targets, classes, held = company.targets, int(company.counters[CLASSES]), distance.shape[0]
    for q in range(said.shape[0]):
        said[q] = 1.0 / said.shape[0] if classes > 0 else 0.0
    if latest == 0:
        return
    near = min(NEAR, latest)
    far = np.empty(near, np.float32)
    at = np.empty(near, np.int64)
    found = 0
    end = (int(company.counters[SEEN]) - 1) % targets.shape[0] + 1  # behind the newest; what is older lies before it
    for part in range(2):
        first, last = max(end - latest, 0), end
        if part == 1:  # or, beyond the oldest place, at the end
            first, last = held - max(latest - end, 0), held
        for w in range(first, last):
            e2 = distance[w]
            if found < near or e2 < far[found - 1]:
                j = found if found < near else near - 1
                while j > 0 and far[j - 1] > e2:
                    far[j] = far[j - 1]
                    at[j] = at[j - 1]
                    j -= 1
                far[j] = e2
                at[j] = w
                found += found < near
    total = 0.0
    if classes > 0:
        total = HALF_A_VOICE
        for q in range(said.shape[0]):
            said[q] = HALF_A_VOICE / said.shape[0]
    for j in range(found):
        voice = 1.0 / (0.1 + far[j] / (far[found - 1] + 1e-12))
        total += voice
        if classes > 0:
            said[int(targets[at[j]])] += voice
        else:
            said[0] += voice * targets[at[j]]
    for q in range(said.shape[0]):
        said[q] /= total


@borrowing
def together(company, said, voice):  # type: ignore[no-untyped-def]
    """What all spans say, each by its share, into ``voice``, ``(outputs,)``."""
    for q in range(voice.shape[0]):
        z = 0.0
        for s in range(SPANS):
            z += company.spans[TRUST, s] * said[s, q]
        voice[q] = z


@making
def trust_spans(company, said, y, weight):  # type: ignore[no-untyped-def]
    """Each span's share takes in what came, which counts ``weight`` times; see ``listening.listen``."""
    trusts, errors = company.spans[TRUST], company.spans[OFF]
    likely = np.empty(SPANS)
    if company.counters[CLASSES] > 0:
        for s in range(SPANS):
            likely[s] = max(said[s, int(y)], SURE)
    else:
        rate = max(0.003, 1.0 / (company.counters[SEEN] + 2.0))
        best = math.inf
        for s in range(SPANS):
            likely[s] = abs(y - said[s, 0])
            errors[s] += rate * (likely[s] - errors[s])
            best = min(best, errors[s])
        for s in range(SPANS):
            likely[s] = math.exp(-min(likely[s] / (best + 1e-12), 10.0))
    total = 0.0
    for s in range(SPANS):
        trusts[s] *= likely[s] ** min(weight, 10.0)
        total += trusts[s]
    for s in range(SPANS):
        trusts[s] = trusts[s] / total * (1.0 - SHARE) + SHARE / SPANS


@borrowing
def remember(company, x, y):  # type: ignore[no-untyped-def]
    """``x`` and its target or class take the oldest sample's place, and the sensors' mean and variance move: of a value
    far beyond all that are held, as of the farthest of those, for one alone would leave no distances to be told."""
    inputs, sensed = company.inputs, company.sensed
    held = min(int(company.counters[SEEN]), inputs.shape[1])
    at = int(company.counters[SEEN]) % inputs.shape[1]
    company.targets[at] = y
    for i in range(inputs.shape[0]):
        v = np.float64(x[i])
        if v == v:
            if sensed[2, i] == FEW:
                _without_farthest(inputs[i], held, sensed, i)
            sensed[2, i] += 1.0
            rate = max(1.0 / sensed[2, i], 1e-4)
            e = v - sensed[0, i]
            if e * e > FAR * FAR * sensed[1, i] and sensed[1, i] > 0 and sensed[2, i] > FEW:
                most = FAR * math.sqrt(sensed[1, i])
                for w in range(held):
                    d = abs(np.float64(inputs[i, w]) - sensed[0, i])
                    if d > most:
                        most = d
                if abs(e) > MORE * most:
                    e = math.copysign(most, e)
            sensed[0, i] += rate * e
            sensed[1, i] = (1.0 - rate) * (sensed[1, i] + rate * e * e)
        inputs[i, at] = v


@borrowing
def _without_farthest(values, held, sensed, i):  # type: ignore[no-untyped-def]
    """Sensor ``i``, of which the first ``values`` are held: where the farthest of them lies far beyond all others, mean
    and variance are those of the others."""
    farthest = -1
    most = -1.0
    for w in range(held):
        d = abs(np.float64(values[w]) - sensed[0, i])
        if d > most:
            farthest = w
            most = d
    n = mean = 0.0
    for w in range(held):
        if w != farthest and values[w] == values[w]:
            n += 1.0
            mean += np.float64(values[w])
    if n < FEW / 2:
        return
    mean /= n
    variance = 0.0
    for w in range(held):
        if w != farthest and values[w] == values[w]:
            variance += (np.float64(values[w]) - mean) ** 2 / n
    e = np.float64(values[farthest]) - mean
    if variance > 0 and e * e > FAR * FAR * variance:
        sensed[0, i] = mean
        sensed[1, i] = variance
