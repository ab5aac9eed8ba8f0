"""May this policy act in the real world? Only if it breaks nothing in this one that today's rules do not break too."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from klopf.errors import ExtensionError, TwinError
from klopf.extensions import said
from klopf.twin._policy import Rules
from klopf.twin._scenario import SCENARIOS, Scenario
from klopf.twin._sector import Plan
from klopf.twin._series import Series
from klopf.twin._world import Policy, World

__all__ = ["Breach", "Verdict", "gate", "most_missed"]

SLACK, ROOM = 0.02, 0.5
"""What is no breach: two hundredths more than today's rules in the same world, and half a unit."""


def most_missed(worlds: int, failed: int = 0, sure: float = 0.95) -> float:
    """The largest chance of a failure in a world like those tried that ``failed`` of ``worlds`` are compatible with.

    Source: the one-sided bound of Clopper and Pearson (1934); without a failure it is ``1 - (1 - sure)**(1 / worlds)``,
    nearly 3 / worlds where ``sure`` is 0.95 (the rule of three).

    Raises:
        TwinError: counts or a certainty that make no sense.

    >>> round(most_missed(20), 4), round(most_missed(20, 1), 4)
    (0.1391, 0.2161)
    """
    if worlds < 1 or not 0 <= failed <= worlds or not 0.0 < sure < 1.0:
        raise TwinError("the bound is of some worlds, of which some failed, with a certainty between 0 and 1")
    if failed == worlds:
        return 1.0
    low, high = failed / worlds, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        at_most = sum(math.comb(worlds, k) * middle**k * (1.0 - middle) ** (worlds - k) for k in range(failed + 1))
        low, high = (middle, high) if at_most > 1.0 - sure else (low, middle)
    return high


@dataclass(frozen=True)
class Breach:
    """A constraint that a policy broke further than today's rules in the same world."""

    seed: int
    scenario: str
    constraint: str
    broken: float
    """In the constraint's unit; by today's rules:"""
    today: float


@dataclass(frozen=True)
class Verdict:
    """What the gate says, with all that is needed to try it again: the same comes out, or the verdict is false."""

    released: bool
    policy: str
    breaches: tuple[Breach, ...]
    worlds: int
    missed: float
    """With 95 % certainty at most this share of seeds breaks something: worlds of one seed are not independent, so it
    is counted by seeds."""
    plan: Mapping[str, Any]
    series: str
    seeds: tuple[int, ...]
    scenarios: tuple[str, ...]
    days: float
    digest: str
    """SHA-256 over the ends of all worlds that were tried, in order."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


def gate(
    make: Callable[[], Policy], plan: Plan | None = None, seeds: Sequence[int] = tuple(range(10)),
    scenarios: Sequence[str] = ("", *SCENARIOS), days: float = 4.0, series: Series | None = None, stop: bool = False,
) -> Verdict:  # fmt: skip
    """Try a policy in each scenario ("" is none) with each seed.

    Args:
        make: a new policy for each world.
        plan, seeds, scenarios, days, series: the worlds.
        stop: at the first breach: a verdict to refuse needs no more, and its ``missed`` is 1.

    Raises:
        TwinError: no seeds, no scenarios, or no days.

    What the policy raises, an act beyond its bounds, or one that is no number at all, is a breach like others.
    """
    plan, series = plan or Plan(), series or Series.made()
    if not seeds or not scenarios or not 0 < days <= 366 or len(set(seeds)) < len(seeds):
        raise TwinError("a gate needs seeds, each once, scenarios, and days from above 0 to 366")
    steps = max(1, round(days * 24 / plan.hours))
    breaches: list[Breach] = []
    ends, worlds, name = hashlib.sha256(), 0, ""
    for seed in seeds:
        for scenario in scenarios:
            struck = Scenario.read(scenario) if scenario else None
            today = World(plan, seed, series, struck).run(steps, Rules()).breaches()
            world = World(plan, seed, series, struck)
            found, name = _tried(make, world, steps, scenario, today)
            breaches += found
            ends.update(world.digest().encode())
            worlds += 1
            if breaches and stop:
                break
        if breaches and stop:
            break
    failed = len({one.seed for one in breaches})
    missed = 1.0 if breaches and stop else most_missed(len(seeds), failed)
    return Verdict(not breaches, name, tuple(breaches), worlds, missed, json.loads(json.dumps(asdict(plan))),
                   series.source, tuple(seeds), tuple(scenarios), days, ends.hexdigest())  # fmt: skip


def _tried(
    make: Callable[[], Policy], world: World, steps: int, scenario: str, today: Mapping[str, float]
) -> tuple[list[Breach], str]:
    name = ""
    try:
        policy = make()
        name = policy.name
        world.run(steps, policy)
    except (KeyboardInterrupt, ExtensionError):  # a sector's fault is not the policy's
        raise
    except BaseException as error:
        return [Breach(world.seed, scenario, f"it fails at {world.now.when}: {said(error)}", 1.0, 0.0)], name
    return [
        Breach(world.seed, scenario, constraint, value, today[constraint])
        for constraint, value in world.breaches().items()
        if value > today[constraint] * (1.0 + SLACK) + ROOM
    ], name
