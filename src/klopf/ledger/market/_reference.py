"""The market's arithmetic, written a second time in Python, from its documentation and not from its code.

Whole numbers in, whole numbers out: where a contract rounds, so does this, to the unit. ``verify`` recomputes a whole
history with it, and the tests compare it with the contracts on random input.

Source: stake-weighted consensus as Bittensor's subtensor runs it (``pallets/subtensor/src/epoch``, steps 1 and 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger.core._reference import WAD, power

__all__ = [
    "ATTENTION",
    "bound_with",
    "consensus_weight",
    "first_reward",
    "rank",
    "reward_after_milestone",
    "reward_before_milestone",
    "trust_after",
    "weighted_consensus",
]

ATTENTION = 65535


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


def bound_with(seed: bytes, listener: int, speaker: int, stake: int, total: int, count: int, seats: int) -> int:
    """The stake with which a listener counts in what is heard of a speaker; 0 where it is not bound to listen.

    ``stake`` of ``total`` is what it has, ``count`` how many are bound to somebody. A seat is ``total / seats``: who
    has as much counts with all, who has less with one seat, as often as its stake is part of one.
    """
    if count <= seats or stake * seats >= total:
        return stake
    lot = int.from_bytes(keccak(encode(("bytes32", "uint32", "uint32"), (seed, listener, speaker))), "big") % total
    return total // seats if lot < stake * seats else 0


def trust_after(heard: int, most: int, epochs: int, trusting: int, others: int, decay: int) -> tuple[int, int]:
    """How a speaker was listened to of late, and how it could have been at most, after one more claim, 18 decimals.

    ``epochs`` have gone since the claim before, 1 for the first; ``trusting`` of the stake of ``others``, who are bound
    to, listened at all.
    """
    kept = power(decay, epochs)
    share = trusting * WAD // others if others else 0
    return heard * kept // WAD + (WAD - decay) * share // WAD, WAD - (WAD - most) * kept // WAD


def rank(column: Sequence[tuple[int, int]], others: int, kappa: int) -> tuple[int, int]:
    """Consensus weight and rank of one speaker from its (stake, weight) pairs; ``kappa`` in 1/65535 of ``others``,
    the stake of all others who are bound to listen."""
    needed = -(-others * kappa // ATTENTION)
    consensus = consensus_weight(column, needed)
    return consensus, sum(stake * min(weight, consensus) for stake, weight in column)


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
