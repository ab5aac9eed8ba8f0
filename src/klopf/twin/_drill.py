"""A disaster rehearsed: a response is trained in worlds like it, and tried in worlds that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from klopf.errors import TwinError
from klopf.twin._response import PREVENTS, RESPONDS, UNTRAINED, Response, numbers, vector
from klopf.twin._scenario import Scenario
from klopf.twin._sector import Plan
from klopf.twin._series import Series
from klopf.twin._welfare import outcome
from klopf.twin._world import World

__all__ = ["Drill", "drill", "varied"]

_FIRST = 1_000_000
"""Worlds to train in have seeds from here on: those that it is tried in are below."""
_ELITE = 0.25


def varied(scenario: Scenario, plan: Plan, seed: int) -> Scenario:
    """A disaster like ``scenario``: up to twelve hours sooner or later, and as many other lines, by ``seed``."""
    rng = np.random.default_rng([seed, 23])
    first = min((shock.at for shock in scenario.shocks), default=0.0)
    later = float(rng.integers(-int(min(12.0, first)), 13))
    shocks = []
    for shock in scenario.shocks:
        where = shock.where
        if shock.sector == "power" and shock.kind == "lines" and where:
            some = min(len(where), plan.buses - 1)
            where = tuple(int(b) for b in 1 + rng.permutation(plan.buses - 1)[:some])
        shocks.append(replace(shock, at=shock.at + later, where=where))
    return Scenario(scenario.title, scenario.says, tuple(shocks))


@dataclass(frozen=True)
class Drill:
    """What a drill came to."""

    response: Mapping[str, float]
    """The trained numbers, for :class:`klopf.twin.Response`."""
    worlds: int
    """In how many worlds it was trained."""
    came: Mapping[str, Mapping[str, tuple[float, ...]]]
    """By who acted, what was lost, a number a seed: ``hours``, customer hours without grid or without water; ``grid``,
    of them without grid; ``money``, wages and comfort that people lost and what they paid for power.

    "today's rules" and "trained" also in "others like it" (:func:`varied`, from the same seeds) and "uncoupled";
    "trained" also where it "prevents only" or "responds only"."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


def drill(
    scenario: Scenario, plan: Plan | None = None, seeds: Sequence[int] = tuple(range(20)), days: float = 7.0,
    series: Series | None = None, rounds: int = 6, many: int = 16, worlds: int = 4, seed: int = 0,
    tell: Callable[[str], None] = lambda line: None,
) -> Drill:  # fmt: skip
    """Train a response to disasters like ``scenario`` (:func:`varied`), then try it in ``scenario`` itself with
    ``seeds``, none of which it was trained with.

    Training is the cross-entropy method (Rubinstein 1999): in each of ``rounds`` it tries ``many`` responses in the
    same ``worlds`` worlds, and draws the next about the best quarter. What it makes small is what people lose and pay
    in money, and one for each customer hour without grid.

    Raises:
        TwinError: no shocks, seeds that are also trained with, or numbers that make no sense.
    """
    plan, series = plan or Plan(), series or Series.made()
    if not scenario.shocks:
        raise TwinError("a drill needs a disaster: this scenario has no shocks")
    if not seeds or min(seeds) < 0 or max(seeds) >= _FIRST:
        raise TwinError(f"a drill is tried with seeds from 0 to {_FIRST - 1}: those above are trained with")
    for name, value, least, most in (("rounds", rounds, 1, 1000), ("many", many, 4, 1000), ("worlds", worlds, 1, 1000)):
        if not least <= value <= most:
            raise TwinError(f"{name}={value} must be from {least} to {most}")
    if not 0 < days <= 366:
        raise TwinError(f"days={days:g} must be above 0 and at most 366")
    steps = max(1, round(days * 24 / plan.hours))
    rng = np.random.default_rng([seed, 22])
    middle, wide = vector(UNTRAINED), np.full(len(UNTRAINED), 0.4)
    best, least_loss = middle, np.inf
    for turn in range(rounds):
        like = [(s, varied(scenario, plan, s)) for s in range(_FIRST + turn * worlds, _FIRST + (turn + 1) * worlds)]
        tried = np.clip(middle + wide * rng.standard_normal((many, len(middle))), 0.0, 1.0)
        tried[0] = middle  # so that a round is never worse than what it began with, in its own worlds
        losses = np.array([
            np.mean([_loss(_lived(plan, s, series, one, steps, True, numbers(x))) for s, one in like]) for x in tried
        ])  # fmt: skip
        order = np.argsort(losses, kind="stable")
        some = tried[order[: max(2, round(_ELITE * many))]]
        middle, wide = some.mean(0), np.maximum(some.std(0), 0.05)
        best, least_loss = tried[order[0]], float(losses[order[0]])
        tell(f"round {turn + 1} of {rounds}: {least_loss:,.0f} lost, by what was begun with {losses[0]:,.0f}")
    learned = {name: round(value, 4) for name, value in numbers(best).items()}
    who = {
        "today's rules": ({}, True),
        "trained": (learned, True),
        "trained, prevents only": ({name: learned[name] for name in PREVENTS}, True),
        "trained, responds only": ({name: learned[name] for name in RESPONDS}, True),
        "today's rules, uncoupled": ({}, False),
        "trained, uncoupled": (learned, False),
    }
    came: dict[str, dict[str, tuple[float, ...]]] = {}
    for name, (given, coupled) in who.items():
        for others in (False, True) if coupled and name in ("today's rules", "trained") else (False,):
            name = f"{name}, others like it" if others else name
            tell(f"{name}: {len(seeds)} worlds")
            lost = [
                _lost(_lived(plan, s, series, varied(scenario, plan, s) if others else scenario, steps, coupled, given))
                for s in seeds
            ]
            came[name] = {what: tuple(one[what] for one in lost) for what in lost[0]}
    return Drill(learned, rounds * many * worlds, came)


def _lived(
    plan: Plan, seed: int, series: Series, scenario: Scenario, steps: int, coupled: bool, given: Mapping[str, float]
) -> World:
    return World(plan, seed, series, scenario, coupled).run(steps, Response(given))


def _lost(world: World) -> dict[str, float]:
    came = outcome(world)
    lost = world.sums().get("people", {}).get("lost", np.zeros(1))
    return {
        "hours": came.outages + came.dry * world.plan.households,
        "grid": came.outages,
        "money": float(lost.sum()) + came.cost,
    }


def _loss(world: World) -> float:
    lost = _lost(world)
    return lost["money"] + lost["grid"]
