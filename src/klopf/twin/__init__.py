"""A world of households, power, water, a factory and people, to fail in first.

A library by itself: no network, no chain. See docs/twin.md.
"""

from __future__ import annotations

from klopf.twin._calibration import Calibration, calibrate, meters_of
from klopf.twin._demo import play
from klopf.twin._drill import Drill, drill
from klopf.twin._environment import environment
from klopf.twin._flows import Good, Happening, Record
from klopf.twin._gate import Breach, Verdict, gate, most_missed
from klopf.twin._picture import changes, front, steps
from klopf.twin._policy import POLICIES, is_code, policy_called
from klopf.twin._response import Response
from klopf.twin._scenario import SCENARIOS, Scenario
from klopf.twin._sector import SECTORS, Now, Plan, Sector, Shock
from klopf.twin._series import Series
from klopf.twin._things import things
from klopf.twin._welfare import Outcome, compensation, gini, outcome, pareto, welfare
from klopf.twin._world import Policy, World

__all__ = [
    "POLICIES",
    "SCENARIOS",
    "SECTORS",
    "Breach",
    "Calibration",
    "Drill",
    "Good",
    "Happening",
    "Now",
    "Outcome",
    "Plan",
    "Policy",
    "Record",
    "Response",
    "Scenario",
    "Sector",
    "Series",
    "Shock",
    "Verdict",
    "World",
    "calibrate",
    "changes",
    "compensation",
    "drill",
    "environment",
    "front",
    "gate",
    "gini",
    "is_code",
    "meters_of",
    "most_missed",
    "outcome",
    "pareto",
    "play",
    "policy_called",
    "steps",
    "things",
    "welfare",
]
