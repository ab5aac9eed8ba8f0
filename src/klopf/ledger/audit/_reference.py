"""The audits' arithmetic, written a second time in Python, from its documentation and not from its code.

Whole numbers in, whole numbers out, to the unit: ``verify`` recomputes a whole history with it, and the tests compare
it with the contract on random input.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode
from eth_hash.auto import keccak

__all__ = ["draw", "median", "outlies"]


def draw(seed: bytes, neuron: int, auditors: Sequence[tuple[int, int]], seats: int) -> list[int]:
    """Up to ``seats`` of the (id, stake) pairs, by stake, without replacement, in the order drawn."""
    left = [stake for _, stake in auditors]
    picked: list[int] = []
    while len(picked) < seats and any(left):
        ticket = int.from_bytes(keccak(encode(("bytes32", "uint32", "uint256"), (seed, neuron, len(picked)))), "big")
        ticket %= sum(left)
        for i, stake in enumerate(left):
            if ticket < stake:
                picked.append(auditors[i][0])
                left[i] = 0
                break
            ticket -= stake
    return picked


WIDEST = 2_000
"""No interval counts for wider, in 1/10,000."""


def median(values: Sequence[int], stakes: Sequence[int]) -> int:
    """The least value such that values up to it hold at least half of all stake; where they hold exactly half, the
    middle between it and the next, rounded down.

    >>> median([9000, 100, 8000], [1, 1, 1]), median([9000, 100], [1, 1])
    (8000, 4550)
    """
    total, ranked = sum(stakes), sorted(set(values))
    for value in ranked:
        reached = sum(stake for one, stake in zip(values, stakes, strict=True) if one <= value)
        if 2 * reached >= total:
            above = [one for one, stake in zip(values, stakes, strict=True) if one > value and stake]
            return (value + min(above)) // 2 if 2 * reached == total and above else value
    raise ValueError("the median of nothing")


def outlies(score: int, low: int, high: int, middle: int, floor: int) -> bool:
    """Whether ``score`` is further from the median than three times its half interval: at least ``floor``, and no
    wider than a tenth of all there is."""
    return 2 * abs(score - middle) > 3 * max(min(high - low, WIDEST), 2 * floor)
