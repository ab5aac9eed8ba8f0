"""The memory: the last samples as they came, and what the nearest of them say (nearest neighbours).

A distance is the sum over the sensors of squared differences over the sensor's variance; where a sensor is missing on
either side, the difference is what two samples usually have. The ``NEAR`` nearest speak, each by 1 / (.1 + its distance
over the farthest one's). It forgets by itself: the oldest sample's place is the newest's.
"""

from __future__ import annotations

import numpy as np

from klopf.mind._jit import borrowing, making
from klopf.mind.kernels.company.state import CLASSES, SEEN

NEAR = 10
HALF_A_VOICE = 0.5
"""By which every class is likely before anything is near."""


@making
def recall(company, x, said):  # type: ignore[no-untyped-def]
    """What the neighbours of ``x``, ``(d,)``, say: probabilities of the classes, or one number, into ``said``."""
    inputs, targets, sensed, classes = company.inputs, company.targets, company.sensed, int(company.counters[CLASSES])
    held = min(int(company.counters[SEEN]), inputs.shape[1])
    for q in range(said.shape[0]):
        said[q] = 1.0 / said.shape[0] if classes > 0 else 0.0
    if held == 0:
        return
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
    near = min(NEAR, held)
    far = np.empty(near, np.float32)
    at = np.empty(near, np.int64)
    found = 0
    for w in range(held):
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
def remember(company, x, y):  # type: ignore[no-untyped-def]
    """``x`` and its target or class take the oldest sample's place, and the sensors' mean and variance move."""
    inputs, sensed = company.inputs, company.sensed
    at = int(company.counters[SEEN]) % inputs.shape[1]
    company.targets[at] = y
    for i in range(inputs.shape[0]):
        v = np.float64(x[i])
        inputs[i, at] = v
        if v == v:
            sensed[2, i] += 1.0
            rate = max(1.0 / sensed[2, i], 1e-4)
            e = v - sensed[0, i]
            sensed[0, i] += rate * e
            sensed[1, i] = (1.0 - rate) * (sensed[1, i] + rate * e * e)
