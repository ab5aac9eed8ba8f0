"""Who decides in a world: today's rules and no control. Those that plan or learn are files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import TwinError
from klopf.twin._listening import Learners, Listening
from klopf.twin._planning import Cheapest, Foresight, Planner
from klopf.twin._world import Policy, World

__all__ = ["POLICIES", "Nothing", "Rules", "policy_called"]


class Rules(Policy):
    """Today's rules: what each sector does by itself."""

    name: ClassVar[str] = "rules"

    def acts(self, world: World) -> Mapping[str, NDArray[np.float64]]:
        return {}


class Nothing(Policy):
    """No control: batteries lie idle."""

    name: ClassVar[str] = "nothing"

    def acts(self, world: World) -> Mapping[str, NDArray[np.float64]]:
        if "households" not in world.sectors:
            return {}
        idle = np.full((world.plan.households, 2), np.nan)
        idle[:, 0] = 0.0
        return {"households": idle}


POLICIES: dict[str, type[Policy]] = {
    "rules": Rules,
    "nothing": Nothing,
    "cheapest": Cheapest,
    "planner": Planner,
    "foresight": Foresight,
    "listening": Listening,
    "learners": Learners,
}
"""Who may decide, by name."""


def policy_called(name: str) -> Policy:
    """A new policy of that name.

    Raises:
        TwinError: there is none.
    """
    if name not in POLICIES:
        raise TwinError(f"no policy is called {name!r:.40}: one of {', '.join(POLICIES)}")
    return POLICIES[name]()
