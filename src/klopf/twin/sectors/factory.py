"""A factory: a job shop that works through a public instance again and again, while it has power and water."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.twin._flows import Good
from klopf.twin._kernels import shop_units
from klopf.twin._sector import Now, Sector, Shock

__all__ = ["BEST", "SHOP", "TOOK", "Factory"]

_FT06 = """2 1 0 3 1 6 3 7 5 3 4 6
1 8 2 5 4 10 5 10 0 10 3 4
2 5 3 4 5 8 0 9 1 1 4 7
1 5 0 5 2 5 3 3 4 8 5 9
2 9 1 3 4 5 5 4 0 3 3 1
1 3 3 3 5 9 0 10 4 4 2 1"""
_ROWS = np.array([[int(word) for word in line.split()] for line in _FT06.splitlines()], np.int64)
SHOP, TOOK, BEST = _ROWS[:, 0::2].copy(), _ROWS[:, 1::2].copy(), 55
"""The instance of 6 jobs on 6 machines in Muth and Thompson, *Industrial Scheduling* (1963): each job's machines and
how long it takes on each; the shortest schedule is known to take 55."""

_IDLE, _MACHINE = 4.0, 8.0
_WATER = 0.5
_FROM, _TO = 6.0, 22.0
_ODDS, _REPAIR = 0.002, 8


class Factory(Sector):
    """A unit of the shop's time is a quarter of an hour; it works from 6 to 22 o'clock. ``acts``: below 0 it pauses, as
    a factory does that is asked to spare the grid. It gives work, as a share of a shift's hours."""

    needs: ClassVar[tuple[str, ...]] = ("power", "water")
    gives: ClassVar[Mapping[str, str]] = {"work": "1"}
    units: ClassVar[str] = "1"
    acts: ClassVar[tuple[str, ...]] = ("run",)
    sees: ClassVar[tuple[str, ...]] = ("busy", "broken", "clock", "price", "powered", "water")
    shocks: ClassVar[tuple[str, ...]] = ("material", "machine")
    sums: ClassVar[tuple[str, ...]] = ("done", "stood", "energy", "cost", "revenue")

    def begin(self) -> None:
        jobs, machines = SHOP.shape
        self.state = {
            "job_step": np.zeros(jobs, np.int64),
            "job_left": np.zeros(jobs, np.int64),
            "machine_job": np.full(machines, -1, np.int64),
            "broken": np.zeros(machines, np.int64),
            "run": np.ones(1),
            "material": np.ones(1),
            "stopped": np.full(1, -1, np.int64),
            "struck": np.full(1, -1, np.int64),
            "seen": np.ones(2),
            "last": np.zeros(1),
            "done": np.zeros(1),  # machine units
            "stood": np.zeros(1),  # hours of a shift in which it could not work
            "energy": np.zeros(1),
            "cost": np.zeros(1),
            "revenue": np.zeros(1),
        }

    @staticmethod
    def shift(clock: float) -> bool:
        return _FROM <= clock < _TO

    def _power(self) -> float:
        s = self.state
        return _MACHINE * float(((s["machine_job"] >= 0) & (s["broken"] == 0)).sum())

    def ask(self, now: Now, goods: Mapping[str, Good], act: NDArray[np.float64]) -> None:
        s = self.state
        s["run"][0] = 0.0 if act[0, 0] < 0.0 else 1.0  # NaN is not below
        works = self.shift(now.clock) and s["run"][0] > 0 and s["material"][0] > 0
        goods["power"].asked[self.plan.factory_bus] += _IDLE + (self._power() if works else 0.0)
        goods["water"].asked[0] += _WATER if works else 0.0

    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        s, bus = self.state, self.plan.factory_bus
        power, water = float(goods["power"].share[bus]), float(goods["water"].share[0])
        s["seen"][:] = power, water
        can = power >= 1.0 and water >= 0.5 and s["material"][0] > 0
        why = goods["power"].cause[bus] if power < 1.0 else goods["water"].cause[0] if water < 0.5 else s["struck"][0]
        lacks = "power" if power < 1.0 else "water" if water < 0.5 else "material"
        if not can and s["stopped"][0] < 0:
            s["stopped"][0] = self.note(now, f"the factory stands still: no {lacks}", int(why))
        elif can and s["stopped"][0] >= 0:
            self.note(now, "the factory works again", int(s["stopped"][0]))
            s["stopped"][0] = -1
        shift = self.shift(now.clock)
        used, done = (_IDLE * now.hours if power >= 1.0 else 0.0), 0
        if shift and can and s["run"][0] > 0:
            used += self._power() * now.hours
            units = round(4 * now.hours)
            done, broke = shop_units(SHOP, TOOK, s["job_step"], s["job_left"], s["machine_job"], s["broken"], self.seed,
                                     4 * now.step, units, _ODDS, _REPAIR)  # fmt: skip
            if broke:
                self.note(now, f"{broke} of the factory's machines broke")
        elif shift and not can:
            s["stood"] += now.hours
            goods["work"].share[0], goods["work"].cause[0] = 0.0, s["stopped"][0]
        cost, revenue = used * now.price, 20.0 * done
        s["done"] += done
        s["energy"] += used
        s["cost"] += cost
        s["revenue"] += revenue
        s["last"][0] = revenue - cost

    def seen(self, now: Now) -> NDArray[np.float64]:
        s = self.state
        return np.array([[float((s["machine_job"] >= 0).sum()), float((s["broken"] > 0).sum()), now.clock, now.price,
                          *s["seen"]]])  # fmt: skip

    def earned(self) -> NDArray[np.float64]:
        return np.asarray(self.state["last"].copy())

    def breaches(self) -> dict[str, float]:
        return {"hours of shifts without power, water or material": float(self.state["stood"][0])}

    def strike(self, shock: Shock, why: int, now: Now) -> None:
        s = self.state
        if shock.kind == "material":
            s["material"][0] = 0.0
            s["struck"][0] = self.note(now, "no material reaches the factory", why)
        else:
            chosen = list(shock.where) or [0]
            s["broken"][[m for m in chosen if 0 <= m < len(s["broken"])]] = max(1, round(4 * shock.lasts))
            self.note(now, f"{len(chosen)} of the factory's machines are out for {shock.lasts:g} hours", why)

    def relent(self, shock: Shock, now: Now) -> None:
        if shock.kind == "material":
            self.state["material"][0] = 1.0
