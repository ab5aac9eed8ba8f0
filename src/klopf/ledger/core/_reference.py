"""The registry's arithmetic, written a second time in Python, from its documentation and not from its code.

Whole numbers in, whole numbers out: where the contract rounds, so does this, to the unit. ``verify`` recomputes a whole
history with it, and the tests compare it with the contract on random input.

Source: utility is R1 of continual backpropagation (Dohare et al., *Nature* 632, 2024) with a neuron's share of all
listening.
"""

from __future__ import annotations

__all__ = ["WAD", "corrected", "power", "utility_after"]

WAD = 10**18


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
