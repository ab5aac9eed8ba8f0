"""How those who know something together share what that is worth: each gets its Shapley value.

What voices are worth together, ``v(S)``, is the part of what is right that the best mixture of them explains, with no
weight below zero. Of two who know the same, leaving out either loses nothing: by that both would be worth nothing, and
who is most unlike others would be worth all. So a voice is worth what it adds on average over all orders in which the
voices could have come: alike ones share what they are worth together, and what all get sums to what all are worth.

That alone would pay a copy for being one. Who repeats others, or says nothing new that helps, has to be left out before
(``_adding``).

Source: Shapley, A value for n-person games (1953); for many voices, orders are drawn in pairs, one the other backwards,
and left as soon as what is missing is little (Ghorbani & Zou, Data Shapley, 2019).
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["worths"]

EXACTLY = 6
"""Voices up to which all their companies are looked at."""
PAIRS = 8
"""Pairs of orders that are drawn for more."""
LITTLE = 0.005
"""Of what is right: where less than this is missing nobody adds anything any more."""


def worths(voices: NDArray[np.float64], right: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """What each voice is worth, shape ``(voices,)``, in parts of what is right; they sum to at most 1.

    Args:
        voices: a column each, shape ``(m, voices)``.
        right: what is right, shape ``(m,)``, not all zero.
        seed: of the orders that are drawn.
    """
    count, known = voices.shape[1], _Worth(voices, right)
    found = np.zeros(count)
    if count <= EXACTLY:
        for company in range(1 << count):
            size = company.bit_count()
            for j in range(count):
                if not company >> j & 1:
                    found[j] += (known.of(company | 1 << j) - known.of(company)) / (count * comb(count - 1, size))
        return found
    everybody, rng = known.of((1 << count) - 1), np.random.default_rng(seed)
    for _ in range(PAIRS):
        order = rng.permutation(count)
        for one_way in (order, order[::-1]):
            company, worth = 0, 0.0
            for j in one_way:
                if everybody - worth < LITTLE:
                    break
                company |= 1 << int(j)
                found[j] += known.of(company) - worth
                worth = known.of(company)
    return found / (2 * PAIRS)


class _Worth:
    """What a company is worth: bit ``j`` of its number says whether voice ``j`` is in it."""

    def __init__(self, voices: NDArray[np.float64], right: NDArray[np.float64]) -> None:
        basis, self._voices = np.linalg.qr(voices)
        self._right = basis.T @ right  # all that any mixture can reach
        self._all, self._reach = float(right @ right), float(self._right @ self._right)
        self._known = {0: 0.0}

    def of(self, company: int) -> float:
        from scipy.optimize import nnls

        if company not in self._known:
            there = [j for j in range(self._voices.shape[1]) if company >> j & 1]
            _, missed = nnls(self._voices[:, there], self._right)
            self._known[company] = max(0.0, self._reach - float(missed) ** 2) / self._all
        return self._known[company]
