"""Places in the tables that kernels and :mod:`klopf.mind._mind` share; the tables are described in ``_layout``.

Free of compiled code, so that importing ``klopf.mind`` stays quick; named as a kernel, so that an edit here makes the
cache of compiled kernels stale.
"""

from __future__ import annotations

MOST = 1e12
"""The largest input, target or reward, either way. A square is then at most 1e24, and sums of squares, times weights or
covariances, stay far within what float32 holds (3e38): from what overflows, a learner does not come back."""

# rows of a weight quantity's values at birth: in the newborn's own weights, in output weights when the network is made,
# whether the row starts as a copy of the weight, and in the weights by which others listen to a newborn
BIRTH, OUTGOING, COPIES, NEWCOMER = range(4)
# rows of the unit table
(
    AGE, UTILITY, MEAN, MEAN2, FADE, ACTIVE, LISTENING, INCOMING, LOUDNESS, SILENT, PATIENCE, MATCH, MOVEMENT,
    QUICK_FADE, ADMITTED, SILENCES,
) = range(16)  # fmt: skip
# places in the global state
STEPS, BIRTHS, SENSED, SURPRISE, CAME, WEIGHTS_REBORN, WEIGHT_DEBT, EXPECTED = range(8)
