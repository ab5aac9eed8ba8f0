"""What belongs to a weight and to a unit: every quantity is registered here once, with its value at birth.

The state of a network is two tables, ``(quantities, weights)`` and ``(quantities, units)``. A rule that needs something
of its own per weight or per unit can only get it by registering a row, and rebirth (R6) resets rows, not names: so
nothing can be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Layout", "Quantity", "layout_for"]


@dataclass(frozen=True)
class Quantity:
    """One row of a table.

    ``birth`` is its value in a newborn (for a weight: in the newborn's incoming weights), ``outgoing`` its value in the
    weights by which others listen to the newborn (weights only). The row "weight" itself is drawn at birth.
    """

    name: str
    birth: float = 0.0
    outgoing: float = 0.0


@dataclass(frozen=True)
class Layout:
    """The two tables of one network. Row 0 of ``weights`` is always the weight itself."""

    weights: tuple[Quantity, ...]
    units: tuple[Quantity, ...]


_WEIGHT = Quantity("weight")

_UNITS = (
    Quantity("age"),
    Quantity("utility"),
    Quantity("mean"),  # running mean of the activity, not corrected for bias
    Quantity("mean2"),  # the same of the second half of a concatenated ReLU
    Quantity("fade", 1.0),  # decay ** age, for that correction
    Quantity("active"),  # running fraction of steps with activity other than 0
    Quantity("listening"),  # sum of absolute outgoing weights
    Quantity("incoming", 1.0),  # mean absolute incoming weight
)


def layout_for(rule: str, step_size: float) -> Layout:
    """The tables that a network with step-size rule ``rule`` needs; the kernels rely on this order."""
    step = Quantity("step-size", step_size, step_size)
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
    }
    return Layout((_WEIGHT, *rows.get(rule, ())), _UNITS)
