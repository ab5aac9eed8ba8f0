"""How long a unit is usually silent: a histogram of its silences, in rows of the unit table."""

from __future__ import annotations

import math

from klopf.mind._jit import jit


@jit
def record_silence(U, first, u, gap, most):  # type: ignore[no-untyped-def]
    """Count a silence of ``gap`` steps in unit ``u``'s histogram (rows ``first`` on); beyond ``most`` all counts halve,
    so that old silences are forgotten."""
    last = U.shape[0] - first - 1
    U[first + min(int(2.0 * math.log2(gap)), last), u] += 1
    total = U.dtype.type(0)
    for k in range(last + 1):
        total += U[first + k, u]
    if total > most:
        for k in range(last + 1):
            U[first + k, u] *= U.dtype.type(0.5)


@jit
def longest_silence(U, first, u, tail):  # type: ignore[no-untyped-def]
    """The steps that at most a share ``tail`` of unit ``u``'s silences were longer than; 0 if it had none."""
    last = U.shape[0] - first - 1
    total = U.dtype.type(0)
    for k in range(last + 1):
        total += U[first + k, u]
    longer = U.dtype.type(0)
    k = last
    while k > 0 and longer + U[first + k, u] <= tail * total:
        longer += U[first + k, u]
        k -= 1
    return 2.0 ** ((k + 1) / 2.0) if total > 0 else 0.0
