"""The arithmetic of effort, written a second time in Python, from its documentation and not from its code.

Whole numbers in, whole numbers out: where the contract rounds, so does this, to the unit. ``verify`` recomputes a whole
history with it, and the tests compare it with the contract on random input.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["backing", "bonus", "fixed_effort", "price", "variable_effort", "working"]


def variable_effort(verified: int, work: int, talk: int) -> int:
    """Effort of verified bytes, 18 decimals: bytes per second of work, times the seconds not spent communicating.

    >>> variable_effort(10**15, 3600, 900) / 10**18
    0.75
    """
    return verified * (work - talk) * 1000 // work


def fixed_effort(cores: int, teraflops: int, memory_mib: int, per: tuple[int, int, int]) -> int:
    """The fixed part of a device's effort in a cycle, 18 decimals, ``per`` core, teraflop and GiB, before it is bounded
    by a twentieth of what was verified; counts for nothing after the milestone.

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


def price(verified: int, bytes_per_stake: int) -> int:
    """What verified bytes cost their receiver, in 1e-18 KLP, rounded up.

    >>> [price(n, 10**14) for n in (0, 1, 10**14)]
    [0, 10000, 1000000000000000000]
    """
    return -(-verified * 10**18 // bytes_per_stake)


def working(data: Iterable[int]) -> int:
    """How many devices worked, as evenly as they did, from the bytes of each.

    >>> [working(d) for d in ([], [5], [5, 5, 5], [100, 1, 1], [0, 7])]
    [0, 1, 3, 1, 1]
    """
    each = list(data)
    squares = sum(n * n for n in each)
    return sum(each) ** 2 // squares if squares else 0


def backing(price: int, factor: int, most: int) -> int:
    """What may be paid for work that cost ``price``: nine tenths of it at the highest ``factor``, 10,000 + ``most``.

    >>> [backing(1500, factor, 5000) for factor in (10_000, 15_000)]
    [900, 1350]
    """
    return price * 9_000 * factor // (10_000 * (10_000 + most))
