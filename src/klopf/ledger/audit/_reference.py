"""The audits' arithmetic, written a second time in Python, from its documentation and not from its code.

Whole numbers in, whole numbers out, to the unit: ``verify`` recomputes a whole history with it, and the tests compare
it with the contract on random input.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._parameters import SeatTerms

__all__ = [
    "MOST", "Record", "agreed", "draw", "figure", "interval", "likeliest", "median", "outdoes", "outlies", "possible",
    "recorded", "told", "vouched",
]  # fmt: skip


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


MOST = 160_000
"""A question's score lies between this and its negative, in 1/10,000."""
_ONE = 10_000
_SQUARE = 38_416
"""Of the 1.96 standard deviations on either side of a mean that hold 95 %, in 1/10,000."""


def possible(asked: int, sum: int, squares: int) -> bool:
    """Whether the scores of so many questions can add up to ``sum`` and their squares to ``squares``."""
    return asked > 0 and squares <= asked * MOST**2 and sum**2 <= asked * squares


def interval(asked: int, sum: int, squares: int) -> tuple[int, int, int]:
    """The mean of so many scores and its 95 % interval, rounded outward, all cut to 0 to 10,000.

    Wilson's interval (1927) with the variance of the scores where that of a coin would be: the same where there is only
    right (10,000) and wrong (0), narrower for what varies less, and never without width.

    >>> interval(120, 90 * 10_000, 90 * 10_000**2), interval(20, 200_000, 2_000_000_000)
    ((7500, 6655, 8190), (10000, 8388, 10000))
    """
    spread = asked * squares - sum**2
    under = -(-_SQUARE * (4 * _ONE * spread + _SQUARE * asked * _ONE**2) // (4 * asked))
    reach = math.isqrt(under - 1) + 1
    middle, scale = _ONE * sum + _SQUARE * _ONE // 2, _ONE * asked + _SQUARE
    value = _cut((2 * sum + asked) // (2 * asked))
    return value, min(_cut((middle - reach) // scale), value), max(_cut(-(-(middle + reach) // scale)), value)


def _cut(score: int) -> int:
    return min(max(score, 0), _ONE)


def likeliest(value: int, low: int, high: int) -> tuple[int, int, int]:
    """What was counted, as far as can be told, where only a score and its interval are known: half the scores as far
    above the mean as the others are below, as many as make an interval as narrow as this, 120 at least."""
    if not 0 <= low <= value <= high <= _ONE:
        return 1, value, 0  # what cannot be scored cannot have been counted
    half = max(high - low, 2) / 2 / _ONE
    z2 = _SQUARE / _ONE
    asked = min(max(120, math.ceil(z2 * (0.5 / half - 1))), _ONE)
    variance = max(0.0, (half**2 * (asked + z2) ** 2 / z2 - z2 / 4) / asked)
    apart = min(round(_ONE * math.sqrt(variance)), MOST - _ONE)
    return asked, asked * value, asked * value**2 + asked * apart**2


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


def agreed(found: Sequence[tuple[int, int, int, int]], quorum: int, floor: int) -> int | None:
    """The median of so many findings, each a score, its interval and the auditor's stake; None where they are fewer
    than a quorum, or where it is not near to most of their stake.

    >>> near, far = (9000, 8500, 9500, 1), (100, 0, 500, 1)
    >>> agreed([near, near, far], 2, 100), agreed([near, far], 2, 100), agreed([near], 2, 100)
    (9000, None, None)
    """
    if len(found) < quorum:
        return None
    middle = median([score for score, _, _, _ in found], [stake for _, _, _, stake in found])
    near = sum(stake for score, low, high, stake in found if not outlies(score, low, high, middle, floor))
    return middle if 2 * near > sum(stake for _, _, _, stake in found) else None


def told(asked: Collection[int], fewest: int) -> int:
    """What a finding tells, in questions, which pay goes by: of as many in each of its tasks as ``asked``, the fewest,
    as far as they are no more than six times the fewest that the terms allow.

    >>> told([120, 200], 20), told([20, 200], 20), told([10_000], 20)
    (120, 20, 120)
    """
    return min(*asked, 6 * fewest)


@dataclass(frozen=True)
class Record:
    """What audits said of a neuron since it last failed or changed its model."""

    grade: int = 0
    """How good it was found, in 1/10,000."""
    by: tuple[int, ...] = ()
    """The auditors who found it good, in the order in which they did so first."""


VOUCHING = 64
"""Auditors who are kept of one neuron."""


def figure(medians: Mapping[str, int], marks: Mapping[str, int]) -> int:
    """The mean of the medians that have a mark, rounded down; 0 where there is no mark."""
    return sum(medians[task] for task in marks) // len(marks) if marks else 0


def recorded(before: Record, passed: bool, anew: bool, figure: int, by: Collection[int]) -> Record:
    """What is known of a neuron after an audit, which is a quarter of its grade unless it begins ``anew``.

    >>> before = Record(8000, (1, 2))
    >>> recorded(before, True, False, 9000, (2, 3)), recorded(before, True, True, 9000, (3,))
    (Record(grade=8250, by=(1, 2, 3)), Record(grade=9000, by=(3,)))
    >>> recorded(before, False, False, 100, ())
    Record(grade=0, by=())
    """
    if not passed:
        return Record()
    all_ = tuple(dict.fromkeys((*(() if anew else before.by), *by)))[:VOUCHING]
    return Record(figure if anew else (3 * before.grade + figure) // 4, all_)


def vouched(by: Mapping[int, int], all_: int, terms: SeatTerms) -> bool:
    """Whether those who vouch, with what each has staked, are enough, of so much stake.

    >>> vouched({1: 3, 2: 2}, 10, SeatTerms()), vouched({1: 3, 2: 3}, 10, SeatTerms())
    (False, True)
    """
    if terms.vouched_bps == 0 or len(by) >= terms.enough:
        return True
    return sum(by.values()) * 10_000 > all_ * terms.vouched_bps


def outdoes(grade: int, other: int, heard: int, rival: int, terms: SeatTerms) -> bool:
    """Whether who is graded and heard so takes the seat of whom is graded ``other`` and heard like a ``rival``."""
    return grade >= other + terms.better_bps and heard * 10_000 >= rival * terms.heard_bps
