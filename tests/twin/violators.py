"""Fifty policies that break something, each in its own way: always, at night, after a shock, in one home, seldom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np

from klopf.twin import Policy, World

When = Callable[[World], bool]
WHEN: dict[str, When] = {
    "always": lambda w: True,
    "at night": lambda w: w.now.clock < 6,
    "in the evening": lambda w: 17 <= w.now.clock < 22,
    "from the third day on": lambda w: w.now.day >= 2,
    "where a shock struck": lambda w: len([1 for one in w.record if one.sector in ("outside", "weather")]) > 0,
    "with odd seeds": lambda w: w.seed % 2 == 1,
    "one hour in five": lambda w: w.step % 5 == 0,
}


def cold(w: World) -> Mapping[str, np.ndarray]:
    acts = np.full((w.plan.households, 2), np.nan)
    acts[:, 1] = -1.0
    return {"households": acts}


def charge(w: World) -> Mapping[str, np.ndarray]:
    acts = np.full((w.plan.households, 2), np.nan)
    full = w.seen()["households"][:, 6] > 0.5  # to and fro: most of what lines can carry
    acts[:, 0] = np.where(full.mean() > 0.5, -1.0, 1.0)
    acts[:, 1] = np.where(full.mean() > 0.5, np.nan, 1.0)
    return {"households": acts}


def dry(w: World) -> Mapping[str, np.ndarray]:
    return {"water": np.array([[-1.0]])}


def beyond(w: World) -> Mapping[str, np.ndarray]:
    return {"water": np.array([[1.5]])}


def infinite(w: World) -> Mapping[str, np.ndarray]:
    acts = np.full((w.plan.households, 2), np.nan)
    acts[0, 0] = np.inf
    return {"households": acts}


def shape(w: World) -> Mapping[str, np.ndarray]:
    return {"households": np.zeros((w.plan.households + 1, 2))}


def raises(w: World) -> Mapping[str, np.ndarray]:
    raise ZeroDivisionError("no plan")


HOW = {
    "cold": cold,
    "charge": charge,
    "dry": dry,
    "beyond": beyond,
    "infinite": infinite,
    "shape": shape,
    "raises": raises,
}


def _made(how: str, when: str) -> type[Policy]:
    class Violator(Policy):
        name = f"{how}, {when}"

        def acts(self, world):
            return HOW[how](world) if WHEN[when](world) else {}

    return Violator


class OneHome(Policy):
    """All are well but one."""

    name = "one home cold"

    def acts(self, world):
        acts = np.full((world.plan.households, 2), np.nan)
        acts[3, 1] = -1.0
        return {"households": acts}


def violators() -> dict[str, Callable[[], Policy]]:
    made = [_made(how, when) for how, when in product(HOW, WHEN)]
    return {one.name: one for one in (*made, OneHome)}
