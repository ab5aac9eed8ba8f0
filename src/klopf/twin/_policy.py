"""Who decides in a world: today's rules and no control. Those that plan or learn are files of their own."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import TwinError
from klopf.extensions import guarded, imported
from klopf.twin._listening import Learners, Listening
from klopf.twin._planning import Cheapest, Foresight, Planner
from klopf.twin._response import Response
from klopf.twin._world import Policy, World

__all__ = ["POLICIES", "Nothing", "Rules", "is_code", "policy_called"]


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


def is_code(name: str) -> bool:
    """Whether it names somebody's code: a world's file must not be what chooses it."""
    return ":" in name and name not in POLICIES


def policy_called(name: str) -> Policy:
    """A new policy: one of :data:`POLICIES`, a response that a drill wrote (``FILE.json``), or a class of one's own
    (``package.module:Class`` or ``FILE.py:Class``).

    What it imports must be this program's or its operator's own choice, never a stranger's.

    Raises:
        TwinError: there is none.
        ExtensionError: a class that cannot be imported or made, or is no policy.
    """
    if name in POLICIES:
        return POLICIES[name]()
    if name.endswith(".json"):
        policy: Policy = Response.read(name)
        policy.called = str(Path(name).resolve())
        return policy
    if not is_code(name):
        raise TwinError(
            f"no policy is called {name!r:.40}: one of {', '.join(POLICIES)}, FILE.json of klopf twin drill, or your "
            "own as package.module:Class or FILE.py:Class"
        )
    place, _, kind = name.rpartition(":")
    if place.endswith(".py"):
        place = _module(Path(place))
    made = imported(f"{place}:{kind}", "klopf.twin._world:Policy", f"the policy {kind!r:.80}")
    with guarded(f"the policy {kind!r:.80} cannot be made"):
        policy = made()
        if not isinstance(getattr(policy, "name", None), str):
            policy.name = kind  # type: ignore[misc]
    policy.called = name
    return policy


def _module(path: Path) -> str:
    """A file as a module that can be imported by name; run once for each state it is in."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise TwinError(f"{path} cannot be read: {error.strerror or error}") from error
    name = f"klopf_policy_{hashlib.sha256(str(path.resolve()).encode() + body).hexdigest()[:16]}"
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.__file__ = str(path)
        with guarded(f"{path} cannot be run"):
            exec(compile(body, str(path), "exec"), module.__dict__)
        sys.modules[name] = module
    return name
