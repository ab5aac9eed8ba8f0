"""Random numbers inside kernels: splitmix64, whose state is one number that is saved with the network."""

from __future__ import annotations

import numpy as np

from klopf.mind._jit import inlined, jit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30 = np.uint64(30)
_S27 = np.uint64(27)
_S31 = np.uint64(31)
_S11 = np.uint64(11)
_S16 = np.uint64(16)
_S32 = np.uint64(32)
_S48 = np.uint64(48)
_M16 = np.uint64(0xFFFF)


@inlined
def mixed(z):  # type: ignore[no-untyped-def]
    """The output of splitmix64 (Steele, Lea and Flood 2014) at state ``z``."""
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@inlined
def four_sixteenths(z):  # type: ignore[no-untyped-def]
    """Sum of the four 16-bit parts of a random ``z``: from 0 to 262140, nearly normal, 131070 on average."""
    return (z & _M16) + ((z >> _S16) & _M16) + ((z >> _S32) & _M16) + (z >> _S48)


@jit
def uniform(rng):  # type: ignore[no-untyped-def]
    """One float64 uniform in [0, 1); ``rng`` is the uint64 state, shape (1,)."""
    rng[0] += GOLDEN
    return float(mixed(rng[0]) >> _S11) * (1.0 / 9007199254740992.0)


@jit
def noise(rng):  # type: ignore[no-untyped-def]
    """One sample of mean 0 and variance 1: the sum of four 16-bit uniforms, which is near enough to a normal one for
    noise that is added to weights (kurtosis 2.7, never beyond 3.5) and ten times cheaper."""
    rng[0] += GOLDEN
    return (float(four_sixteenths(mixed(rng[0]))) - 131070.0) * 2.6428998e-05


@jit
def symmetric(bound, rng):  # type: ignore[no-untyped-def]
    """One float64 uniform in [-bound, bound)."""
    return (2.0 * uniform(rng) - 1.0) * bound


@jit
def is_chosen(wanted, left, rng):  # type: ignore[no-untyped-def]
    """Whether the next of ``left`` candidates is among the ``wanted`` still to be drawn without replacement."""
    return uniform(rng) * left < wanted


@jit
def whole_births(due, rng):  # type: ignore[no-untyped-def]
    """``due`` as a whole number that is right on average: its fraction is drawn."""
    births = int(due)
    births += uniform(rng) < due - births
    return births
