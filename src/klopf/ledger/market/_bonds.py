"""What other networks pay listeners by, to be compared with: the market's first paper, and bonds as they run today.

Klopf's contracts do not pay by bonds: whoever copies the weights of the last epoch holds nearly the bonds of those it
copies (``bench/economy.py`` shows what it earns by them).

Source: the whitepaper of the market of models (2021); subtensor, ``pallets/subtensor/src/epoch``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["bonds_after", "dividends", "market_step"]

Floats = NDArray[np.float64]


def _columns(matrix: Floats) -> Floats:
    """Every column divided by its sum; one of zeros stays."""
    sums = matrix.sum(axis=0)
    shared: Floats = matrix / np.where(sums > 0, sums, 1.0)
    return shared


def market_step(
    stake: Floats, weights: Floats, bonds: Floats, rate: float, slope: float = 10.0, kappa: float = 0.5
) -> tuple[Floats, Floats]:
    """A step of the whitepaper's market: ``(stake, bonds)`` after it.

    ``stake`` (n) sums to 1; ``weights`` (n, n) hold what row i gives to column j; ``bonds`` (n, n) what i owns in j.
    Incentive is rank times a sigmoid of the stake that trusts; half of what is paid follows it, half the bonds.
    """
    trusting = (weights > 0).astype(float).T @ stake
    incentive = (weights.T @ stake) / (1 + np.exp(-slope * (trusting - kappa)))
    incentive /= incentive.sum()
    bonds = bonds + stake[:, None] * weights
    after = stake + rate * 0.5 * (dividends(bonds, incentive) + incentive)
    return after / after.sum(), bonds


def bonds_after(
    stake: Floats, weights: Floats, consensus: Floats, bonds: Floats, alpha: float = 0.1, penalty: float = 1.0
) -> Floats:
    """Bonds (n, m) after an epoch: the moving average of stake times weight, of which ``penalty`` of what lies above
    the ``consensus`` (m) is cut off. Every column sums to 1, or to 0 where nobody gave any weight.
    """
    kept = (1 - penalty) * weights + penalty * np.minimum(weights, consensus)
    return _columns(alpha * _columns(stake[:, None] * kept) + (1 - alpha) * _columns(bonds))


def dividends(bonds: Floats, incentive: Floats) -> Floats:
    """What each listener (n) is paid by its bonds (n, m) in speakers that earn ``incentive`` (m)."""
    paid: Floats = _columns(bonds) @ incentive
    return paid
