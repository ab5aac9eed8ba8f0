"""What the arrays of an agent hold, and where: every number by which kernels and :class:`Agent` find something.

Free of compiled code, because ``_agent`` lays the arrays out by these names. Several networks (values, policy) share
one input and lie in the same flat arrays. A kernel's arguments are:

======== ================== ==========================================================================================
P        (rows, weights)    what belongs to a weight: row 0 the weight, row 1 its trace, more as the update needs
U        (rows, units)      what belongs to a hidden unit, float64
B        (rows,)            the values of ``P``'s rows in a newborn
S        (rows, observations) running mean and sum of squares of the observations, float64; the sum is -1 of one that
                            is taken as it is; and what ``frames`` knows of its offset and unit
A        (2, places)        activities of all networks, for the state before and the state now, which take turns
D        (places,)          work: gradients, laid out as ``A[0]``
C        (scalars,)         work: what one update's kernels hand each other
N        (networks, ...)    counters of each network, float64
G        (globals,)         of the agent, float64
networks (networks, layers, columns) where each layer's weights and units lie
spans    (networks, 2)      first weight of a network, and the one after its last
hyp      (networks, ...)    hyperparameters of each network
O        (options,)         of the agent, float64
rng      (1,)               state of all that is random, uint64
action   (4, numbers)       the action drawn; the same within bounds; the lower and the upper bounds; float64
======== ================== ==========================================================================================

A hidden layer's weights lie row by row of inputs (a row is what one input says to all units), the last layer's row by
row of outputs; the bias is one more input, which is always 1. Behind a layer's inputs stands that 1, behind a hidden
layer's units their 1 / deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

from klopf.mind.kernels.part import Quantity

FINE, NOT_BEGUN, BAD_OBSERVATION, BAD_REWARD, DIVERGED = range(5)
"""What ``begin`` and ``step`` answer."""

INPUTS, UNITS, WEIGHTS_AT, INPUTS_AT, SUMS_AT, UNITS_AT = LAYER = range(6)
"""Columns of a layer: how many inputs and units it has; its first weight; where its inputs and its units lie in ``A``
and ``D``; its first unit in ``U``."""
START, END = SPAN = range(2)
"""Columns of ``spans``."""

OBGD, ADAPTIVE, INTENTIONAL, FIXED, AUTOSTEP, PLAIN = range(6)
"""How weights are updated from traces; ``PLAIN`` only writes gradients down."""
WEIGHT, TRACE = range(2)
"""Rows of ``P`` whatever the update."""
SECOND = 2
"""Intentional and adaptive updates: running square of the gradient, or of ``delta * trace``."""
GRADIENT, MOVE = 2, 3
"""Fixed updates: the last gradient, and the change of the weights."""
STEP_SIZE, MEMORY, LARGEST = 3, 4, 5
"""Autostep, behind the gradient: the weight's own step-size, its recent changes, and its largest recent agreement."""


@dataclass(frozen=True)
class Update:
    """A way of updating weights: its number in the kernels, and the rows of ``P`` that it needs."""

    number: int
    rows: tuple[Quantity, ...]


def _update(number: int, rows: dict[int, Quantity]) -> Update:
    rows = {WEIGHT: Quantity("weight"), TRACE: Quantity("trace")} | rows
    if list(rows) != list(range(len(rows))):
        raise AssertionError(f"the rows of update {number} must be numbered one after another, not {list(rows)}")
    return Update(number, tuple(rows.values()))


UPDATES = {
    "obgd": _update(OBGD, {}),
    "adaptive-obgd": _update(ADAPTIVE, {SECOND: Quantity("second moment")}),
    "intentional": _update(INTENTIONAL, {SECOND: Quantity("second moment")}),
    "fixed": _update(FIXED, {GRADIENT: Quantity("gradient"), MOVE: Quantity("move")}),
    "autostep": _update(AUTOSTEP, {
        GRADIENT: Quantity("gradient"), STEP_SIZE: Quantity("step-size", 1.0, 1.0), MEMORY: Quantity("memory"),
        LARGEST: Quantity("mean"),
    }),
}  # fmt: skip
"""The updates that may be chosen, by name."""

AGE, UTILITY, MEAN = RECORDS = range(3)
"""Rows of ``U``: steps lived, utility and mean activity, both not corrected for age."""
CORRECTED, MATURE = ROOM = range(3, 5)
"""Its last rows, room for finding who is least heard: nothing in them is kept."""
(
    S_MEAN, S_SQUARES, S_OFFSET, S_UNIT, S_FORMER_OFFSET, S_FORMER_UNIT, S_LAST, S_MOVES, S_LIVELY, S_MOVE, S_DOUBT,
    S_FARS, S_FARTHEST, S_REACH, S_STARTS, S_START_MEAN, S_START_SQUARES, S_LAST_START, S_ODD, S_STILL, S_REFINING,
    S_NEW, S_NEW_MEAN, S_NEW_SQUARES,
) = SENSES = range(24)  # fmt: skip
"""Rows of ``S``. Behind mean and sum of squares: what a value has more than before the sensor changed, and how many
times its unit; the same of before the last change; the value before, how many moves from one value to the next, how
many of them were not 0, and their mean square; steps since a jump, jumps in a row, and how far they went together;
how far out a jump must lead. Of episodes' first values, how many, mean, sum of squares and the last; how odd the
latest are, how many in a row hardly differ; whether offset (1) or unit, too (2), are still fitted; and, of the values
that they are fitted to, how many, mean and sum of squares."""
REACH = 5.0
"""Deviations that a jump must lead out, at first."""
DRAWN, TAKEN, LOW, HIGH = ACTION = range(4)
"""Rows of ``action``: as it was drawn, from which the agent learns; within the bounds; and the bounds."""

(
    ALPHA, KAPPA, LAMBDA, GAMMA, BETA2, EPSILON, META, TAU, LEAK, SPARSITY, RATE, MATURITY, UTILITY_DECAY, CLIP,
    DELTA_DECAY, REGULARISER, NORMALISE_DELTA,
) = HYPERPARAMETERS = range(17)  # fmt: skip
"""Columns of ``hyp``."""
(
    O_NORMALISE, O_SCALE, O_TIME_LIMIT, O_PUBLISHED, O_GAMMA, O_ENTROPY, O_EPS_START, O_EPS_END, O_EPS_STEPS, O_RULE,
    O_LIFE, O_CONTINUOUS, O_HORIZON, O_UTILITY, O_CONSTANT, O_FOLLOW,
) = OPTIONS = range(16)  # fmt: skip
"""Places in ``O``."""
(
    G_NOW, G_SENSED, G_REWARDS, G_REWARD_MEAN, G_REWARD_P, G_REWARD_TRACE, G_EPISODE_STEP, G_STEPS, G_EPISODES, G_DELTA,
    G_VALUE, G_EXPLORED, G_GREEDY, G_ALIVE, _FREE, G_H_TRACE, G_UNIT, G_PAID, G_MOST, G_NEXT,
) = range(20)  # fmt: skip
"""Places in ``G``. The last three: how many rewards were not 0, and the two farthest from it."""
GLOBALS = 24  # with room for more: a saved agent has so many
N_UPDATES, N_SIGMA, N_CLIP, N_NORM, N_STEP, N_BIRTHS, N_ROOM = range(7)
"""Columns of ``N``."""
COUNTERS = 8  # likewise
C_DECAY, C_DELTA, C_BETA2, C_FADE2, C_EPSILON, C_META, C_TAU, C_LOW, C_HIGH, C_ROOM = SCALARS = range(10)
"""Places in ``C``. The last comes from who calls ``learn``: what an intentional step is multiplied by."""
