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
    "WAD",
    "bonus",
    "consensus_weight",
    "corrected",
    "draw",
    "first_reward",
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


def reward_before_milestone(effort: int, thresholds: Sequence[int], rewards: Sequence[int]) -> int:
    """Reward of a cycle that follows one of ``effort`` (18 decimals): that of the last threshold it has crossed.

    >>> reward_before_milestone(99, (0, 10, 100), (7, 8, 9))
    8
    """
    return max(reward for threshold, reward in zip(thresholds, rewards, strict=True) if effort >= threshold)


def first_reward(left: int, period: int) -> int:
    """Reward of the first cycle of a halving that begins with ``left`` in the reserve: a sum of infinitely many
    periods, each half of the one before, would use up ``2 * period`` of it."""
    return left // (2 * period)


def reward_after_milestone(first: int, period: int, n: int) -> int:
    """Reward of cycle ``n`` (from 0) of a halving whose first reward was ``first``.

    >>> [reward_after_milestone(100, 1095, n) for n in (0, 1094, 1095, 2190)]
    [100, 100, 50, 25]
    """
    return first // (1 << n // period)


def variable_effort(verified: int, work: int, talk: int) -> int:
    """Effort of verified bytes, 18 decimals: bytes per second of work, times the seconds not spent communicating.

    >>> variable_effort(10**15, 3600, 900) / 10**18
    0.75
    """
    return verified * (work - talk) * 1000 // work


def fixed_effort(cores: int, teraflops: int, memory_mib: int, per: tuple[int, int, int]) -> int:
    """The fixed part of a device's effort in a cycle, 18 decimals, ``per`` core, teraflop and GiB; counts for nothing
    after the milestone.

    >>> fixed_effort(4, 2, 2048, (10, 100, 3))
    246
    """
    return cores * per[0] + teraflops * per[1] + memory_mib * per[2] // 1024


def bonus(devices: int, since: int, until: int, most: int) -> int:
    """A node's factor by its number of devices, in 1/10,000: 100 % up to ``since``, evenly to ``most`` above at
    ``until``.

    >>> [bonus(n, 30, 300, 5000) for n in (1, 30, 165, 300, 301)]
    [10000, 10000, 12500, 15000, 15000]
    """
    return 10_000 + most * (min(max(devices, since), until) - since) // (until - since)
