"""The arithmetic of effort, written a second time in Python, from its documentation and not from its code.

Whole numbers in, whole numbers out: where the contract rounds, so does this, to the unit. ``verify`` recomputes a whole
history with it, and the tests compare it with the contract on random input.
"""

from __future__ import annotations

__all__ = ["bonus", "fixed_effort", "variable_effort"]


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
