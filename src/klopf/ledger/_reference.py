"""The contracts' arithmetic, written a second time in Python, from their documentation and not from their code.

Whole numbers in, whole numbers out: where a contract rounds, so does this, to the unit. ``verify`` recomputes a whole
history with it, and the tests compare it with the contracts on random input.

Sources: stake-weighted consensus as Bittensor's subtensor runs it (``pallets/subtensor/src/epoch``, steps 1 and 2);
utility is R1 of continual backpropagation (Dohare et al., *Nature* 632, 2024) with a neuron's share of all listening.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

__all__ = [
    "ATTENTION",
    "MILESTONE",
    "PERIOD",
    "STEPS",
    "WAD",
    "bonus",
    "consensus_weight",
    "corrected",
    "draw",
    "fixed_effort",
    "median",
    "outlies",
    "power",
    "rank",
    "reward_after_milestone",
    "reward_before_milestone",
    "utility_after",
    "variable_effort",
    "weighted_consensus",
]

ATTENTION = 65535
WAD = 10**18


def consensus_weight(column: Sequence[tuple[Any, Any]], needed: Any) -> Any:
    """The largest weight w such that the (stake, weight) pairs with weight >= w hold at least ``needed`` stake; 0 if
    they never do. Pairs without stake do not count.

    >>> consensus_weight([(75, 20), (25, 30)], needed=26)
    20
    """
    reached: Any = 0
    for stake, weight in sorted(column, key=lambda pair: pair[1], reverse=True):
        reached += stake
        if stake and reached >= needed:
            return weight
    return 0


def weighted_consensus(stakes: Sequence[Any], weights: Sequence[Sequence[Any]], kappa: Any) -> list[Any]:
    """Consensus weight of every column. ``stakes`` has one entry a row of ``weights``; they need not sum to one.

    >>> weighted_consensus([0, .75, .25, 0], [[0, .1, 0], [0, .2, .4], [0, .3, .1], [0, .4, .5]], .26)
    [0, 0.2, 0.4]
    """
    needed = kappa * sum(stakes)
    columns = len(weights[0]) if weights else 0
    return [
        consensus_weight([(s, row[j]) for s, row in zip(stakes, weights, strict=True)], needed) for j in range(columns)
    ]


def rank(column: Sequence[tuple[int, int]], posted: int, kappa: int) -> tuple[int, int]:
    """Consensus weight and rank of one speaker from its (stake, weight) pairs; ``kappa`` in 1/65535 of ``posted``,
    the stake that all others have posted."""
    needed = -(-posted * kappa // ATTENTION)
    consensus = consensus_weight(column, needed)
    return consensus, sum(stake * min(weight, consensus) for stake, weight in column)


def power(base: int, n: int) -> int:
    """``base**n`` in 18 decimals by squaring, rounded down after every product."""
    if n < 0:
        raise ValueError("a neuron's utility is accounted for beyond the epochs that are over")
    result = WAD
    while n:
        if n & 1:
            result = result * base // WAD
        n >>= 1
        if n:
            base = base * base // WAD
    return result


def utility_after(utility: int, updated: int, epoch: int, share: int, decay: int) -> tuple[int, int]:
    """Utility, and the epoch it accounts for, after a neuron's ``share`` of ``epoch`` is added. All in 18 decimals.

    The share of a past epoch is added with the decay it would have seen by now, so the order does not matter.
    """
    gain = (WAD - decay) * share // WAD
    if epoch > updated:
        return utility * power(decay, epoch - updated) // WAD + gain, epoch
    return utility + gain * power(decay, updated - epoch) // WAD, updated


def corrected(utility: int, updated: int, born: int, age: int, decay: int) -> int:
    """Bias-corrected utility of a neuron that has lived ``age`` epochs since ``born``; 0 for one that has not lived."""
    if age == 0:
        return 0
    now = utility * power(decay, born + age - updated) // WAD
    return now * WAD // (WAD - power(decay, age))


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


def median(values: Sequence[int], stakes: Sequence[int]) -> int:
    """The least value such that values up to it hold at least half of all stake.

    >>> median([9000, 100, 8000], [1, 1, 1])
    8000
    """
    reached = 0
    for value, stake in sorted(zip(values, stakes, strict=True)):
        reached += stake
        if 2 * reached >= sum(stakes):
            return value
    raise ValueError("the median of nothing")


def outlies(score: int, low: int, high: int, middle: int, floor: int) -> bool:
    """Whether ``score`` is further from the median than three times its half interval (at least ``floor``)."""
    return 2 * abs(score - middle) > 3 * max(high - low, 2 * floor)


PERIOD = 1095
"""Cycles of 24 hours between two halvings: three years."""
MILESTONE = 10**6 * WAD
"""Effort of the network in one cycle that ends the jumps and begins the halving: 1 ZB a cycle."""
STEPS = (
    (0, 100_000),
    (10, 125_000),
    (100, 150_000),
    (1_000, 175_000),
    (10_000, 200_000),
    (50_000, 250_000),
    (100_000, 300_000),
    (500_000, 350_000),
)
"""Before the milestone: from this much effort on (in units), this reward a cycle (in KLP)."""


def reward_before_milestone(effort: int) -> int:
    """Reward of a cycle that follows one of ``effort`` (18 decimals).

    >>> reward_before_milestone(99 * 10**18) // 10**18
    125000
    """
    return max(reward for threshold, reward in STEPS if effort >= threshold * WAD) * WAD


def reward_after_milestone(first: int, n: int) -> int:
    """Reward of cycle ``n`` (from 0) after the milestone, whose first one was ``first``.

    >>> [reward_after_milestone(100, n) for n in (0, 1094, 1095, 2190)]
    [100, 100, 50, 25]
    """
    return first >> (n // PERIOD)


def variable_effort(verified: int, work: int, talk: int) -> int:
    """Effort of verified bytes, 18 decimals: bytes per second of work, times the seconds not spent communicating.

    >>> variable_effort(10**15, 3600, 900) / 10**18
    0.75
    """
    return verified * (work - talk) * 1000 // work


def fixed_effort(cores: int, teraflops: int, memory_mib: int) -> int:
    """The fixed part of a device's effort in a cycle, 18 decimals; counts for nothing after the milestone."""
    return cores * WAD // 10**6 + teraflops * WAD // 10**5 + memory_mib * WAD // 10**7 // 1024


def bonus(devices: int) -> int:
    """A node's factor by its number of devices, in 1/10,000: 100 % up to 30, evenly to 150 % at 300.

    >>> [bonus(n) for n in (1, 30, 165, 300, 301)]
    [10000, 10000, 12500, 15000, 15000]
    """
    return 10_000 + 5_000 * (min(max(devices, 30), 300) - 30) // 270
