"""Waterworks: a pump that needs power fills a tank that serves homes and factory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.twin._flows import Good
from klopf.twin._sector import LIFT, LITRES, Now, Sector, Shock

__all__ = ["Water"]

_DAY = np.array(
    [
        0.3,
        0.2,
        0.2,
        0.2,
        0.4,
        0.9,
        1.7,
        2.1,
        1.7,
        1.3,
        1.1,
        1.0,
        1.1,
        1.0,
        0.9,
        0.9,
        1.0,
        1.3,
        1.7,
        1.7,
        1.4,
        1.0,
        0.6,
        0.3,
    ]
)
"""How much of the mean is drawn in each hour of the day."""


class Water(Sector):
    """Today's rule: the pump starts below six tenths of the tank and stops when it is full. ``acts`` is the pump: off
    below 0, on from 0. What the tank holds is its constraint: below a tenth there is none left to put out a fire.

    Hydraulics are a balance of volumes: pressures, and the time that water takes in pipes, are not in it.
    """

    needs: ClassVar[tuple[str, ...]] = ("power",)
    gives: ClassVar[Mapping[str, str]] = {"water": "1"}
    units: ClassVar[str] = "1"
    acts: ClassVar[tuple[str, ...]] = ("pump",)
    sees: ClassVar[tuple[str, ...]] = ("level", "clock", "price", "powered")
    shocks: ClassVar[tuple[str, ...]] = ("leak", "pump", "pollution", "well")
    sums: ClassVar[tuple[str, ...]] = ("dry", "low", "energy")

    def begin(self) -> None:
        self.power, self.capacity = self.plan.pump, 8.0 * (self.plan.households * LITRES + 1.0)
        self.state = {
            "level": np.full(1, 0.8 * self.capacity),
            "on": np.zeros(1, np.int64),
            "leak": np.zeros(1),
            "pump": np.ones(1),  # 0: somebody else holds it off
            "well": np.ones(1),  # what the pump finds, as a share
            "stopped": np.full(1, -1, np.int64),
            "empty": np.full(1, -1, np.int64),
            "struck": np.full(1, -1, np.int64),
            "powered": np.ones(1),
            "dry": np.zeros(1),  # hours without enough
            "low": np.zeros(1),  # hours below the reserve
            "energy": np.zeros(1),  # kWh
            "cost": np.zeros(1),
            "last": np.zeros(1),
        }

    def ask(self, now: Now, goods: Mapping[str, Good], act: NDArray[np.float64]) -> None:
        s, level = self.state, self.state["level"][0] / self.capacity
        if np.isnan(act[0, 0]):
            if level < 0.6:
                s["on"][0] = 1
            elif level >= 0.99:
                s["on"][0] = 0
        else:
            s["on"][0] = int(act[0, 0] >= 0.0 and level < 1.0)
        goods["power"].asked[self.plan.pump_bus] += self.power * s["on"][0] * s["pump"][0]
        goods["water"].asked[0] += self.plan.households * LITRES * _DAY[int(now.clock)]

    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        s, power, water = self.state, goods["power"], goods["water"]
        share = power.share[self.plan.pump_bus]
        s["powered"][0] = share
        can = share >= 1.0 and s["pump"][0] > 0
        if not can and s["stopped"][0] < 0:
            cause = int(power.cause[self.plan.pump_bus]) if share < 1.0 else int(s["struck"][0])
            s["stopped"][0] = self.note(now, "the pump stands still", cause)
        elif can and s["stopped"][0] >= 0:
            self.note(now, "the pump can run again", int(s["stopped"][0]))
            s["stopped"][0] = -1
        used = self.power * now.hours if can and s["on"][0] else 0.0
        s["energy"] += used
        s["last"][0] = used * now.price
        s["cost"] += used * now.price
        wanted = float(water.asked[0]) * now.hours
        there = float(s["level"][0]) + used * float(s["well"][0]) / LIFT
        gone = min(there, float(s["leak"][0]) * now.hours)
        served = min(wanted, there - gone)
        s["level"][0] = min(self.capacity, there - gone - served)
        short = served < wanted * (1.0 - 1e-9)
        if short and s["empty"][0] < 0:
            cause = int(s["stopped"][0]) if s["stopped"][0] >= 0 else int(s["struck"][0])
            s["empty"][0] = self.note(now, "the tank is empty", cause)
        elif not short and s["empty"][0] >= 0:
            self.note(now, "there is water again", int(s["empty"][0]))
            s["empty"][0] = -1
        if short:
            water.share[0], water.cause[0] = (served / wanted if wanted else 0.0), s["empty"][0]
            s["dry"] += now.hours
        if s["level"][0] < 0.1 * self.capacity:
            s["low"] += now.hours

    def seen(self, now: Now) -> NDArray[np.float64]:
        return np.array([[self.state["level"][0] / self.capacity, now.clock, now.price, self.state["powered"][0]]])

    def earned(self) -> NDArray[np.float64]:
        low = float(self.state["level"][0] < 0.1 * self.capacity)
        return np.asarray(-self.state["last"] - 50.0 * low)

    def breaches(self) -> dict[str, float]:
        return {
            "hours of the tank below its reserve": float(self.state["low"][0]),
            "hours without enough water": float(self.state["dry"][0]),
        }

    def strike(self, shock: Shock, why: int, now: Now) -> None:
        s = self.state
        if shock.kind == "leak":
            s["leak"][0] = shock.amount * self.plan.households * LITRES
            s["struck"][0] = self.note(now, f"the main leaks {s['leak'][0]:.2f} m³ an hour", why)
        elif shock.kind == "pump":
            s["pump"][0] = 0.0
            s["struck"][0] = self.note(now, "the pump's control is in other hands", why)
        elif shock.kind == "well":
            s["well"][0] = min(1.0, shock.amount)
            s["struck"][0] = self.note(now, f"the wells give {s['well'][0]:.0%} of what the pump could lift", why)
        else:
            s["level"][0] *= max(0.0, 1.0 - shock.amount)
            s["struck"][0] = self.note(now, f"{shock.amount:.0%} of the tank is polluted and let out", why)

    def relent(self, shock: Shock, now: Now) -> None:
        if shock.kind == "leak":
            self.state["leak"][0] = 0.0
        elif shock.kind in ("pump", "well"):
            self.state[shock.kind][0] = 1.0
