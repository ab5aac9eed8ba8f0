"""Policies that look ahead: one that sees all that will be, and households that know what they have seen themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.twin import _kernels as k
from klopf.twin._world import Policy, World
from klopf.twin.sectors.households import Households
from klopf.twin.sectors.power import fair

__all__ = ["Cheapest", "Foresight", "Planner", "homes"]

_Array = NDArray[np.float64]
_AHEAD, _LEVELS, _SHARE = 36.0, 33, 0.7
"""Hours that are planned; levels of what is stored; how much of its share of the line a household plans to draw."""


def homes(world: World) -> Households:
    """The households of ``world``.

    Raises:
        KeyError: it has none.
    """
    found = world.sectors["households"]
    assert isinstance(found, Households)
    return found


def _planned(world: World, rest: _Array, price: _Array) -> Mapping[str, _Array]:
    """What each battery does next, if its household draws ``rest`` (steps, households) and a kWh costs ``price``."""
    houses, plan = homes(world), world.plan
    acts = np.full((plan.households, 2), np.nan)
    if not _alarm(world):
        charge, stored = np.empty(plan.households), houses.state["now"][k.S_STORED]
        k.planned(houses.homes, stored, rest, _SHARE * fair(plan), price, plan.feed, plan.hours, _LEVELS, charge)
        acts[:, 0] = charge
    return {"households": acts}


def _alarm(world: World) -> bool:
    """Whether it is news that somebody had no power: then nobody charges because it is cheap, but serves itself."""
    return bool(world.seen()["households"][0, Households.sees.index("alarm")] > 0)


class Foresight(Policy):
    """Model predictive control that sees everything: every household's use, the weather and prices of the next day and
    a half as they will be, and each house. Nobody can have it; it says how good a battery's control could be."""

    name: ClassVar[str] = "foresight"

    def acts(self, world: World) -> Mapping[str, _Array]:
        houses, plan = homes(world), world.plan
        steps = round(_AHEAD / plan.hours)
        rest = np.empty((steps, plan.households))
        price = np.empty(steps)
        inside = houses.state["now"][k.S_INSIDE].copy()
        for t in range(steps):
            now = world.at(world.step + t)
            price[t] = now.price
            sun = houses.sun(now.step, now.sun)
            rest[t], inside = k.rest_of(houses.homes, inside, houses.use(now.step), now.outside, sun, now.hours)
        return _planned(world, rest, price)


class Planner(Policy):
    """Each household plans for itself: what it uses beside its battery it expects as it was at that hour on the days
    before, with the last step's difference dying away; the tariff of the next day and a half is published. It sees its
    own meter, its own battery, the tariff, and which share of its line it may draw."""

    name: ClassVar[str] = "planner"

    def __init__(self) -> None:
        self._mean: _Array | None = None
        self._off: _Array | None = None
        self._before = -1

    def expected(self, world: World, steps: int) -> _Array:
        """kW beside the battery, (steps, households), of the next steps; learns from what was seen since."""
        plan = world.plan
        day = round(24 / plan.hours)
        if self._mean is None or self._off is None:
            self._mean, self._off = np.full((day, plan.households), np.nan), np.zeros(plan.households)
        if world.step and self._before != world.step:
            rest = world.seen()["households"][:, Households.sees.index("rest")]
            slot = (world.step - 1) % day
            old = self._mean[slot]
            guess = np.where(np.isnan(old), rest, old)
            self._off = rest - guess
            self._mean[slot] = guess + 0.3 * self._off
            self._before = world.step
        known = np.where(np.isnan(self._mean), np.nanmean(self._mean, axis=0) if world.step else 0.0, self._mean)
        rows = (world.step + np.arange(steps)) % day
        fade = 0.6 ** (1.0 + np.arange(steps))
        return np.asarray(known[rows] + fade[:, None] * self._off)

    def acts(self, world: World) -> Mapping[str, _Array]:
        steps = round(_AHEAD / world.plan.hours)
        price = np.array([world.at(world.step + t).price for t in range(steps)])
        return _planned(world, self.expected(world, steps), price)


class Cheapest(Policy):
    """A rule of thumb: charge while a kWh costs less than most of the next day, else serve oneself while it is dear."""

    name: ClassVar[str] = "cheapest"

    def acts(self, world: World) -> Mapping[str, _Array]:
        price = np.array([world.at(world.step + t).price for t in range(round(24 / world.plan.hours))])
        low, high = np.quantile(price, (0.3, 0.7))
        acts = np.full((world.plan.households, 2), np.nan)
        if _alarm(world):
            return {"households": acts}
        if high > low and price[0] <= low:
            rest = world.seen()["households"][:, Households.sees.index("rest")]
            room = _SHARE * fair(world.plan) - rest
            acts[:, 0] = np.clip(room / np.maximum(homes(world).homes[k.P_BATTERY], 1e-9), 0.0, 0.3)
        elif high > low and price[0] < high:
            seen = world.seen()["households"]
            rest = seen[:, Households.sees.index("rest")]
            acts[:, 0] = np.where(rest < 0.0, np.nan, 0.0)
        return {"households": acts}
