"""How much more often something is done where it should be than where it should not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from klopf.audit.tasks._examination import Score

__all__ = ["contrast"]


def contrast(wanted: NDArray[np.float64], unwanted: NDArray[np.float64], note: str) -> Score:
    """Half of one, plus half the difference of two rates: 1 for who always does it where it is wanted and never where
    it is not; a half, which is the control, for who does the same everywhere. The interval is that of a difference of
    two fractions, each as if one more had been done and one more left (Agresti and Caffo, The American Statistician 54,
    2000).

    >>> contrast(np.ones(10), np.ones(10), "").value
    0.5
    """
    rates = [((x.sum() + 1) / (len(x) + 2), len(x) + 2) for x in (wanted, unwanted)]
    middle = rates[0][0] - rates[1][0]
    reach = 1.96 * float(np.sqrt(sum(p * (1 - p) / n for p, n in rates)))
    value = (1 + float(wanted.mean() - unwanted.mean())) / 2
    low, high = ((1 + middle + s * reach) / 2 for s in (-1, 1))
    return Score(value, float(min(max(low, 0), value)), float(max(min(high, 1), value)), 0.5, note=note)
