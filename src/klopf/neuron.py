"""The rule that every scale shares: a neuron must earn being listened to.

A neuron here is anything that speaks and may be listened to: a unit in a layer, a model on somebody's machine, a fleet
of devices. These few pure functions say how much it is heard (R1), what standing that earns (R2), how a newcomer is
admitted (R5), who is judged and who holds a seat (R4), and what is moved when one is replaced (R6). ``mind`` compiles
them into its kernels; ``peers``, ``ledger.verify`` and the tests of the contracts call them as they are; nobody keeps a
second copy.

Scalars in, scalars out, unless a docstring gives a shape. No state, no randomness, no input or output.

Source of R1, R2 and R6: continual backpropagation, Dohare et al., *Nature* 632 (2024), equations 1-4 of Methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Standing",
    "admitted_step_size",
    "contested_seat",
    "corrected_utility",
    "fair_share",
    "is_mature",
    "least_heard",
    "moved_bias",
    "next_standing",
    "updated_utility",
]


class Standing(IntEnum):
    """Where a neuron stands with those who could listen to it (R2). The numbers are those of the contracts."""

    NONE = 0
    """Not admitted: the rule leaves it alone."""
    FRINGE = 1
    """Free to explore, seldom heard, not yet judged or not yet good enough."""
    BACKBONE = 2
    """Heard, protected and paid."""
    SILENT = 3
    """Heard by nobody; its place is free for a newborn."""


def updated_utility(utility: float, activity: float, listening: float, decay: float) -> float:
    """One step of R1: ``u <- decay*u + (1 - decay)*|activity|*listening``.

    ``listening`` is the sum over listeners of the absolute weight each gives this neuron; ``decay`` is eta in [0, 1).

    >>> updated_utility(0.0, activity=-2.0, listening=0.5, decay=0.99)
    0.010000000000000009
    """
    return decay * utility + (1.0 - decay) * abs(activity) * listening


def corrected_utility(utility: float, age: int, decay: float) -> float:
    """The bias-corrected utility ``u / (1 - decay**age)``; 0 for a neuron that has not lived a step.

    Only corrected utilities may be compared: an uncorrected ranking replaces the young again and again.

    >>> corrected_utility(updated_utility(0.0, 1.0, 1.0, decay=0.99), age=1, decay=0.99)
    1.0
    """
    if age <= 0:
        return 0.0
    return utility / (1.0 - decay**age)


def is_mature(age: int, maturity: int) -> bool:
    """Whether a neuron of ``age`` steps may be judged at all: it must have lived more than ``maturity`` of them."""
    return age > maturity


def least_heard(corrected: NDArray[np.floating] | Sequence[float], mature: NDArray[np.bool_] | Sequence[bool]) -> int:
    """Index of the mature neuron of least corrected utility (first of equals), or -1 if none is mature.

    ``corrected`` and ``mature`` have shape ``(neurons,)``.
    """
    least = -1
    for i in range(len(corrected)):
        if mature[i] and (least < 0 or corrected[i] < corrected[least]):
            least = i
    return least


def contested_seat(seated: NDArray[np.floating] | Sequence[float], seats: int) -> int:
    """Which of ``seats`` a neuron has to ask for: -1 for a free one, else the place in ``seated`` of the least heard.

    ``seated`` holds the corrected utilities of those in a seat, shape ``(taken,)``. Whether the asker earns the seat is
    for :func:`next_standing` to say, given the utility of the incumbent.

    >>> contested_seat([0.3, 0.1, 0.2], seats=5), contested_seat([0.3, 0.1, 0.2], seats=3)
    (-1, 1)
    """
    if len(seated) < seats:
        return -1
    return least_heard(seated, [True] * len(seated))


def moved_bias(bias: float, mean_activity: float, weight: float) -> float:
    """A listener's bias after the neuron it gave ``weight`` is replaced (R6): its average contribution stays behind.

    ``mean_activity`` is the bias-corrected running mean of the dead neuron's activity.
    """
    return bias + weight * mean_activity


def admitted_step_size(age: int, utility: float, fair: float, smallest: float, largest: float, maturity: int) -> float:
    """The step-size a listener gives the weight of a neuron it has heard for ``age`` answers (R5).

    A newcomer gets ``smallest``. Once mature its step-size grows with its share of a ``fair`` utility and is
    ``largest`` from a fair share on, so that it is the useful one whose weight can grow.

    >>> admitted_step_size(3, 9.0, 1.0, 0.01, 0.1, maturity=10)
    0.01
    >>> round(admitted_step_size(11, 0.5, 1.0, 0.01, 0.1, maturity=10), 6)
    0.055
    """
    if not is_mature(age, maturity) or fair <= 0.0:
        return smallest
    return smallest + (largest - smallest) * min(1.0, utility / fair)


def fair_share(neurons: int) -> float:
    """The share of all listening that each of ``neurons`` would have if nobody preferred anybody."""
    return 1.0 / neurons if neurons > 0 else 0.0


def next_standing(
    standing: Standing,
    *,
    mature: bool,
    audit_passed: bool,
    audits_failed_in_a_row: int,
    heard: float,
    rival_heard: float | None,
    margin: float = 0.1,
    patience: int = 2,
    vouched: bool = True,
    outdoes: bool = False,
) -> Standing:
    """The standing that a neuron's record earns it (R2, A4-A6).

    Args:
        standing: what it is now. Silence is final: a place comes back only with a newborn. NONE stays NONE.
        mature: an immature neuron is never judged and stays what it is.
        audit_passed: the outcome of its last audit.
        audits_failed_in_a_row: up to and including the last one; ``patience`` of them silence a neuron.
        heard: its corrected utility.
        rival_heard: corrected utility of the backbone neuron whose seat it asks for, or None if a seat is free.
        margin: by what fraction a challenger must be better heard than the incumbent (the backbone is protected).
        vouched: whether those who judge it agree enough for a seat; one that is held already is kept without.
        outdoes: whether it is judged so much better than the incumbent that being heard at all is enough (A5).

    >>> next_standing(Standing.FRINGE, mature=True, audit_passed=True, audits_failed_in_a_row=0,
    ...               heard=0.3, rival_heard=0.28)
    <Standing.FRINGE: 1>
    """
    if standing is Standing.NONE or standing is Standing.SILENT or not mature:
        return standing
    if audits_failed_in_a_row >= patience:
        return Standing.SILENT
    if not audit_passed:
        return Standing.FRINGE
    if standing is Standing.BACKBONE:
        return Standing.BACKBONE
    if heard <= 0.0 or not vouched:
        return Standing.FRINGE
    if rival_heard is None or outdoes or heard > rival_heard * (1.0 + margin):
        return Standing.BACKBONE
    return Standing.FRINGE
