"""How much each feature matters to what a mind says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from klopf.mind._mind import Mind
from klopf.mind._rows import blocks
from klopf.mind.kernels.state import S_MEAN, S_VARIANCE

__all__ = ["importances"]

_MOST_ROWS, _LEAST_ROWS = 128, 8
_NOTHING = 1e-12
"""Of outputs that are deviations or probabilities: what rounding makes."""
_NUMBERS = 1 << 25
"""Numbers in all inputs that are asked about; fewer rows of each feature where there are many."""


def importances(mind: Mind) -> NDArray[np.float64]:
    """Of each sensor, ``(sensors,)``: they sum to 1, or are 0 where what the mind says never changes.

    Inputs are drawn, each sensor around its mean with its deviation as the mind knows them (0 and 1 where it does not
    normalise), then one sensor is drawn anew: the mean square of what changes in the outputs. It is the total
    sensitivity index of Homma and Saltelli (1996), by Jansen's estimator (1999), of independent normal inputs.
    """
    sensors, table = mind.sensors, mind._net.S.astype(np.float64)
    rows = int(np.clip(_NUMBERS // sensors**2, _LEAST_ROWS, _MOST_ROWS))
    mean, deviation = table[S_MEAN], np.sqrt(table[S_VARIANCE])
    rng = np.random.default_rng(0)
    drawn, anew = mean + deviation * rng.normal(size=(2, rows, sensors))
    said = mind.predict_proba(drawn).astype(np.float64)
    found = np.zeros(sensors)
    for some in blocks(np.arange(sensors), rows * sensors):
        inputs = np.repeat(drawn[None], len(some), 0)
        inputs[np.arange(len(some)), :, some] = anew[:, some].T
        changed = mind.predict_proba(inputs.reshape(-1, sensors)).reshape(len(some), rows, -1) - said
        found[some] = (changed**2).sum(2).mean(1)
    total = found.sum()
    return found / total if total > _NOTHING else np.zeros(sensors)
