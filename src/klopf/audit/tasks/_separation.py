"""How well a figure tells two kinds of samples apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["separation"]


def separation(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> tuple[float, float, float]:
    """How often one of ``higher`` lies above one of ``lower``, ties as halves (the area under the curve), with its 95 %
    interval by the structural components of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).

    >>> separation(np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0]))[0].round(3)
    np.float64(0.944)
    """
    m, n = len(higher), len(lower)
    everybody = np.concatenate([higher, lower])
    rank, own_higher, own_lower = _ranks(everybody), _ranks(higher), _ranks(lower)
    over = (rank[:m] - own_higher) / n
    under = 1 - (rank[m:] - own_lower) / m
    value = float(over.mean())
    spread = np.sqrt(over.var(ddof=1) / m + under.var(ddof=1) / n) if min(m, n) > 1 else 0.5
    reach = 1.96 * max(float(spread), 0.5 / min(m, n))
    return np.float64(value), max(0.0, value - reach), min(1.0, value + reach)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values))
