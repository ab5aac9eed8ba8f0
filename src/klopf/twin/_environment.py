"""The door for others' agents."""

from __future__ import annotations

from typing import Any

from klopf.extras import require
from klopf.twin._scenario import Scenario
from klopf.twin._sector import Plan
from klopf.twin._series import Series

__all__ = ["environment"]


def environment(
    plan: Plan | None = None, days: float = 7.0, series: Series | None = None, scenario: Scenario | None = None,
    coupled: bool = True, sectors: tuple[str, ...] = ("households", "water", "factory"),
) -> Any:  # fmt: skip
    """A world as a PettingZoo ``ParallelEnv``: one agent a unit that acts, such as ``households_0``; each sees what its
    unit may see, does its sector's acts in [-1, 1], and earns what the last step was worth to it, in money. Units of
    other sectors than ``sectors``, and agents without an action, go by today's rules.

    Raises:
        MissingExtra: without ``klopf[twin]``.
        TwinError: a sector that is not there or does not act.
    """
    require("twin", "a world for others' agents")
    from klopf.twin._zoo import TwinEnv

    return TwinEnv(plan, days, series, scenario, coupled, sectors)
