"""The tables of a network: what belongs to a weight or a unit, with its value at birth.

The state of a network is a few tables: ``(quantities, weights)``, ``(quantities, units)``, and for learners that keep
one, covariances over incoming weights. A rule or a life that needs something of its own can only get it by naming a row
in its file, and rebirth (R6) resets rows, not names: so nothing can be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from klopf.errors import MindError
from klopf.mind._settings import Settings
from klopf.mind.kernels.part import Quantity
from klopf.mind.kernels.parts import life_called, rule_called

__all__ = ["UNITS", "Layout", "layout_for"]


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
    Quantity("magnitude"),  # running mean of the absolute activity
    Quantity("silent for"),  # steps since it was last active
    Quantity("patience"),  # the longest silence, in steps, that is not yet too long for it
    Quantity("match"),  # running product of activity and a listener's error
    Quantity("movement"),  # running |activity - mean| * listening: how far it moves its listeners
    Quantity("quick fade", 1.0),  # (1 - active_decay) ** age, for the bias of the slow running means
    Quantity("admitted"),  # share of the step-size that its listeners give it
)
"""What every unit's record has; the kernels rely on this order (``kernels.state``)."""


def layout_for(s: Settings) -> Layout:
    """The tables that a network with settings ``s`` needs: common rows first, then what its rule and life keep.

    Raises:
        MindError: two of them keep a quantity of the same name.
    """
    rule, life = rule_called(s.rule)(), life_called(s.life)()
    weights = (_WEIGHT, *rule.weight_rows(s))
    if s.l2_init:
        weights += (Quantity("initial", copies=True),)
    if s.fan_in:
        weights += (Quantity("connected", 1.0, 1.0),)
    weights += life.weight_rows(s)
    units = tuple(replace(q, birth=s.admission) if q.name == "admitted" else q for q in UNITS)
    units += life.unit_rows(s)
    for rows in (weights, units):
        names = [q.name for q in rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise MindError(f"rule {s.rule!r} and life {s.life!r} keep {twice!r} twice; give one another name")
    return Layout(weights, units)
