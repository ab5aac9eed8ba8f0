"""How updates become one change of the model, a file each."""

from __future__ import annotations

from klopf.errors import FleetError
from klopf.extensions import Point, imported
from klopf.fleet.strategies._strategy import Combined, Strategy

__all__ = ["STRATEGIES", "Combined", "Strategy", "strategy"]

STRATEGIES = Point(
    "klopf.fleet_strategies",
    "fleet strategy",
    "klopf.fleet.strategies._strategy:Strategy",
    {
        "average": "klopf.fleet.strategies.average:Average",
        "diloco": "klopf.fleet.strategies.diloco:DiLoCo",
        "robust": "klopf.fleet.strategies.robust:Robust",
    },
)
"""Each strategy by its name."""


def strategy(name: str) -> Strategy:
    """A new strategy: one of ``STRATEGIES``, or ``package.module:Class`` of one's own.

    Raises:
        FleetError: there is none of that name. ExtensionError: it cannot be imported.
    """
    if name not in STRATEGIES and ":" not in name:
        raise FleetError(
            f"no strategy is called {name[:40]!r}: one of {', '.join(STRATEGIES)}, or package.module:Class"
        )
    known = name in STRATEGIES
    kind = STRATEGIES.load(name) if known else imported(name, STRATEGIES.base, f"the strategy {name!r}")
    made: Strategy = kind()
    return made
