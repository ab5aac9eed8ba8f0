"""What a learning pass works on: the tables of a network, by name, and the places in them.

Free of compiled code, so that importing ``klopf.mind`` stays quick. A layer's weights lie row by row: row ``i`` holds
the weights by which the layer's units listen to input ``i``, and the last row is the bias, an input that is always 1.
So an input of 0 is skipped with its whole row, forward and in learning, and a row is one contiguous read. A row's
length, the ``STRIDE``, is a multiple of 8; lanes past the live units stay 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MOST = 1e12
"""The largest input, target or reward, either way. A square is then at most 1e24, and sums of squares, times weights or
covariances, stay far within what float32 holds (3e38): from what overflows, a learner does not come back."""

# columns of the table of layers, a row each: live inputs, live units, length of a row of weights, place of its first
# weight, place of its inputs in A and active, place of its units in Z, D and C, place of its units in the unit table,
# inputs it may have (the row of its bias), the first sensor's input where it listens to the sensors too (-1 where not),
# units it may have
INPUTS, UNITS, STRIDE, WEIGHTS_AT, INPUTS_AT, SUMS_AT, UNITS_AT, BIAS, SENSORS_AT, MOST_UNITS = range(10)

# columns of the table of covariances: place of the first number, length of a row, place in H, kind, place of the tail
COVARIANCE_AT, COVARIANCE_STRIDE, PRODUCT_AT, KIND, TAIL_AT = range(5)
# kinds: a matrix for each unit; one for all the layer's units; or only the diagonal of that one; -1 for none
OWN, SHARED, DIAGONAL = 1, 2, 3
# a shared matrix's tail holds TAIL numbers (the running power of the inputs, a, b, how many samples wait, and on from
# there their gains; see ``covariance``), then the WAITING samples that wait until the matrix is rewritten; at the very
# end of the last layer's, each output's doubt and that of all together (see ``rules._classes``)
WAITING, TAIL = 8, 16
POWER, FACTOR, RIDGE, COUNT, GAINS = range(5)

# rows of a weight quantity's values at birth: in the newborn's own weights, in output weights when the network is made,
# whether the row starts as a copy of the weight, and in the weights by which others listen to a newborn
BIRTH, OUTGOING, COPIES, NEWCOMER = range(4)
# rows of the unit table that every network has (``_layout.UNITS``)
(
    AGE, UTILITY, MEAN, MEAN2, FADE, ACTIVE, LISTENING, INCOMING, MAGNITUDE, SILENT, PATIENCE, MATCH, MOVEMENT,
    QUICK_FADE, ADMITTED, OWN_ROWS,
) = range(16)  # fmt: skip
# rows of the table of sensors, see ``scaling``: running mean and variance; of how many values; how far from the mean
# values count as they are; mean square of blocks' levels; mean spread of blocks; blocks so far; suspect blocks in a
# row; values out of reach in a row; place of the next value among the RECENT last ones, which lie in the rows behind
# and, after them, the mean, variance and count of before they started again, and how much speaks for those since; and
# how loud it is heard, its deviation where it is scaled
(
    S_MEAN, S_VARIANCE, S_COUNT, S_REACH, S_LEVEL, S_SPREAD, S_BLOCKS, S_SUSPECT, S_RUN, S_FILL, S_RECENT,
) = range(11)  # fmt: skip
RECENT = 32
(
    S_FORMER_MEAN, S_FORMER_VARIANCE, S_FORMER_COUNT, S_BACK, S_GAIN, S_ROWS,
) = range(S_RECENT + RECENT, S_RECENT + RECENT + 6)  # fmt: skip
REACH = 6.0
SHARE = 0
"""Row of the table of targets, where those are classes."""
# places among the counters; the last two are of classes: variance that chance alone gives a squared error, and squared
# error of who knows only how often each class comes
STEPS, BIRTHS, SENSED, SQUARED_ERROR, CAME, WEIGHTS_REBORN, WEIGHT_DEBT, EXPECTED, CHANCE, BLIND, COUNTERS = range(11)
TARGET, SPREAD = CAME, EXPECTED
"""The same places where targets are numbers: their running mean and variance."""
# places in what is told of one sample
WEIGHT, EXPECTED_ERROR = range(2)


class Net(NamedTuple):
    """A network: all that it has learned, and what it was made with. One letter each, as in the papers."""

    W: Any
    """The weights: row 0 of ``P``."""
    P: Any
    """All that is kept for each weight, ``(quantities, weights)``."""
    U: Any
    """All that is kept for each hidden unit, ``(quantities, units)``."""
    K: Any
    """Covariances, one after another."""
    S: Any
    """What is usual of each sensor, ``(S_ROWS, sensors)``; not normalised, 0 and 1, ``(2, sensors)``."""
    T: Any
    """The same of each target, float64, ``(S_ROWS, outputs)``; not scaled, ``(2, outputs)``. A rule with covariances
    has how often each class comes in row ``SHARE``."""
    G: Any
    """Counters and running means of the whole network, float64."""
    rng: Any
    """The state of its random numbers, uint64, ``(1,)``."""
    layers: Any
    """The table of layers, int64, ``(layers, 10)``; growth changes it."""
    matrices: Any
    """Where each layer's covariances lie, int64, ``(layers, 5)``."""
    hyper: Any
    """Hyperparameters, in the order of the plan."""
    outputs: Any
    """How many outputs there are; fixed, so that a division by it is done once for a whole stream."""
    births: Any
    """Values at birth of the rows of ``P``, ``(4, quantities)``."""
    unit_births: Any
    """Values at birth of the rows of ``U``."""


class Work(NamedTuple):
    """Room for one sample's pass: nothing in it is needed for the next sample."""

    A: Any
    """Activities: what each layer hears, one layer after another."""
    Z: Any
    """Weighted sums of the units, normalised where layers are."""
    D: Any
    """Minus the derivative of the loss by ``Z``."""
    C: Any
    """The diagonal of its second derivative."""
    H: Any
    """Covariance times input."""
    usual: Any
    """Where sensors are normalised, room for three numbers of each, float64: see ``scaling``. ``(3, sensors)``."""
    active: Any
    """By layer, which of its inputs are not 0."""
    count: Any
    """By layer, how many."""
    inverse: Any
    """By layer, 1 / deviation of ``Z`` before it was normalised."""
    scale: Any
    """By layer that shares a covariance, 1 / power of its inputs."""
    doubt: Any
    """By layer that shares a covariance, variance of its units' ``Z``."""
    curvature: Any
    """By layer that shares a covariance, sum of ``C`` over its units."""
    moves: Any
    """By class, how far this sample moves its sum before it is divided; see ``rules._classes``."""
    spoken: Any
    """By unit of one layer, its absolute activity."""
    deviation: Any
    """By unit of one layer, how far its activity is from its mean."""
    corrected: Any
    """By unit of one layer, its utility, corrected for bias, float64."""
    mature: Any
    """By unit of one layer, whether it may be judged."""
    pool: Any
    """One number for each weight, where a life of weights needs them sorted."""
    told: Any
    """How much this sample counts (``WEIGHT``), and the variance that a rule with covariances expected of its error
    (``EXPECTED_ERROR``); 0 where it says nothing of it. ``(2,)``."""
    refresh: Any
    """By layer, how many steps a mean incoming weight is kept, less one: 15, or a larger power of 2 less one."""
