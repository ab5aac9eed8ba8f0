"""What belongs to a weight, a unit or a unit's pairs of inputs: registered here once, with its value at birth.

The state of a network is a few tables: ``(quantities, weights)``, ``(quantities, units)``, and for learners that keep
one, covariances over incoming weights. A rule that needs something of its own can only get it by
registering a row here, and rebirth (R6) resets rows, not names: so nothing can be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from klopf.mind._settings import Settings

__all__ = ["SILENCES", "UNITS", "Layout", "Quantity", "layout_for"]


@dataclass(frozen=True)
class Quantity:
    """One row of a table.

    ``birth`` is its value in a newborn (for a weight: in the newborn's incoming weights). Of weights only: ``outgoing``
    is its value in the output units' weights when the network is made, ``newcomer`` in the weights by which others
    listen to a newborn (R5; None for the same). The row "weight" itself is drawn at birth; a row with ``copies`` starts
    as a copy of the weight.
    """

    name: str
    birth: float = 0.0
    outgoing: float = 0.0
    copies: bool = False
    newcomer: float | None = None


@dataclass(frozen=True)
class Layout:
    """The tables of one network. Row 0 of ``weights`` is always the weight itself."""

    weights: tuple[Quantity, ...]
    units: tuple[Quantity, ...]

    def row(self, name: str) -> int:
        """Row of the weight table called ``name``; 0 where this network does not keep it."""
        return next((i for i, q in enumerate(self.weights) if q.name == name), 0)


_WEIGHT = Quantity("weight")

UNITS = (
    Quantity("age"),
    Quantity("utility"),
    Quantity("mean"),  # running mean of the activity, not corrected for bias
    Quantity("mean2"),  # the same of the second half of a concatenated ReLU
    Quantity("fade", 1.0),  # decay ** age, for that correction
    Quantity("active"),  # running fraction of steps with activity other than 0
    Quantity("listening"),  # sum of absolute outgoing weights
    Quantity("incoming", 1.0),  # mean absolute incoming weight
    Quantity("loudness"),  # running mean of the absolute activity
    Quantity("silent for"),  # steps since it was last active
    Quantity("patience"),  # the longest silence, in steps, that is not yet too long for it
    Quantity("match"),  # running product of activity and a listener's error
    Quantity("movement"),  # running |activity - mean| * listening: how far it moves its listeners
    Quantity("quick fade", 1.0),  # (1 - active_decay) ** age, for the bias of the slow running means
    Quantity("admitted"),  # share of the step-size that its listeners give it
)
"""The unit table; the kernels rely on this order."""

SILENCES = tuple(Quantity(f"silences of {2 ** (k / 2):.0f}") for k in range(33))
"""Rows that self-normalised resets add: how many silences of between 2**(k/2) and 2**((k+1)/2) steps a unit has had."""


def layout_for(s: Settings) -> Layout:
    """The tables that a network with settings ``s`` needs; the kernels rely on the first rows' order."""
    step = Quantity("step-size", s.step_size, s.step_size, newcomer=s.step_size * s.admission)
    rows: dict[str, tuple[Quantity, ...]] = {
        "idbd": (step, Quantity("memory")),
        "autostep": (step, Quantity("memory"), Quantity("scale")),
        "rmsprop": (Quantity("second moment"), Quantity("second fade", 1.0, 1.0)),
        "adam": (
            Quantity("second moment"),
            Quantity("second fade", 1.0, 1.0),
            Quantity("first moment"),
            Quantity("first fade", 1.0, 1.0),
        ),
        "upgd": (Quantity("use"), Quantity("use fade", 1.0, 1.0)),
    }
    extra: tuple[Quantity, ...] = ()
    if s.l2_init:
        extra += (Quantity("initial", copies=True),)
    if s.fan_in:
        extra += (Quantity("connected", 1.0, 1.0),)
    if s.life == "weights" and s.weight_utility == "gradient":
        extra += (Quantity("worth"),)
    units = tuple(replace(q, birth=s.admission) if q.name == "admitted" else q for q in UNITS)
    return Layout((_WEIGHT, *rows.get(s.rule, ()), *extra), units + (SILENCES if s.life == "snr" else ()))
