"""Households: what they use, sun on the roof, a battery, a heat pump, and the bill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.twin import _kernels as k
from klopf.twin._flows import Good
from klopf.twin._sector import Now, Sector, Shock

__all__ = ["Households", "homes_of"]

_NEWS = 24.0
"""Hours for which everybody knows that somebody had no power."""
_COLD = 4.0
"""Kelvin below the wish at which a home counts as cold."""


def homes_of(households: int, seed: int, variety: float, numbers: Mapping[str, float]) -> NDArray[np.float64]:
    """What households are made of, (parameters, households); ``variety`` 0 makes all alike."""
    P = np.empty((k.PARAMETERS, households))
    for i in range(households):
        a, b, c, d, e = (k.drawn(seed, 10 + n, i, 0) for n in range(5))
        P[k.P_PROFILE, i] = i
        P[k.P_SHIFT, i] = round(variety * (c - 0.5) * 4) if variety else 0
        P[k.P_SCALE, i] = 1.0 + variety * (a - 0.5)
        P[k.P_PV, i] = numbers["pv"] * (
            1.0 if not variety else (0.0 if b < 0.3 * variety else 1.0 + variety * (b - 0.6))
        )
        P[k.P_CAPACITY, i] = numbers["battery"] * (1.0 if not variety or d > 0.3 * variety else 0.0)
        P[k.P_BATTERY, i] = numbers["power"] * (P[k.P_CAPACITY, i] > 0)
        P[k.P_EFFICIENCY, i] = numbers["efficiency"]
        P[k.P_RESISTANCE, i] = 8.0 * (1.0 + variety * (e - 0.5))
        P[k.P_HEAT, i] = 6.0 * (1.0 + variety * (a - 0.5))
        P[k.P_PUMP, i] = numbers["heat_pump"]
        P[k.P_TARGET, i] = 20.0 + 2.0 * variety * (d - 0.5)
        P[k.P_RATED, i] = 11.0
        P[k.P_CLEVER, i] = e
    return P


class Households(Sector):
    """Each decides how its battery is used and by how much its heating differs from its wish (1 is three kelvin). By
    today's rules a battery takes what the sun leaves over and gives it into the household's own use, whatever the
    price. In an outage a household is an island: sun and battery serve it as far as they go."""

    needs: ClassVar[tuple[str, ...]] = ("power",)
    gives: ClassVar[Mapping[str, str]] = {"home": "households"}
    units: ClassVar[str] = "households"
    acts: ClassVar[tuple[str, ...]] = ("battery", "warmer")
    sees: ClassVar[tuple[str, ...]] = (
        "clock", "outside", "inside", "wished", "use", "sun", "stored", "price", "carbon", "lit", "rest", "alarm",
    )  # fmt: skip
    shocks: ClassVar[tuple[str, ...]] = ("batteries",)
    sums: ClassVar[tuple[str, ...]] = ("cost", "carbon", "cold", "hot", "unserved", "dark", "imported", "exported")
    final: ClassVar[bool] = True

    def begin(self) -> None:
        plan = self.plan
        self.homes = homes_of(plan.households, self.seed, plan.variety, {
            "pv": plan.pv, "battery": plan.battery, "power": plan.power, "efficiency": plan.efficiency,
            "heat_pump": plan.heat_pump,
        })  # fmt: skip
        self.bus = plan.home_bus
        now = np.zeros((k.STATES, plan.households))
        now[k.S_INSIDE] = self.homes[k.P_TARGET]
        self.state = {
            "now": now,
            "lit": np.ones(plan.households),
            "rogue": np.full(1, -1.0),
            "alarm": np.zeros(1),  # hours for which it is still news that somebody had no power
            "cold_since": np.full(1, -1, np.int64),
            "dark_since": np.full(1, -1, np.int64),
        }

    def summed(self) -> dict[str, NDArray[np.float64]]:
        rows = (k.S_COST, k.S_CARBON, k.S_COLD, k.S_HOT, k.S_UNSERVED, k.S_DARK, k.S_IMPORT, k.S_EXPORT)
        return {name: self.state["now"][row] for name, row in zip(self.sums, rows, strict=True)}

    def use(self, step: int) -> NDArray[np.float64]:
        """kW that each uses at a step, beside heating; known ahead to whoever may see everything."""
        return np.asarray(k.home_use(self.homes, self.series.uses, self.seed, step + self._offset, self.plan.hours,
                                     self.plan.variety))  # fmt: skip

    def sun(self, step: int, through: float) -> NDArray[np.float64]:
        """kW that one kW of photovoltaics makes on each roof at a step."""
        return np.asarray(k.home_sun(self.homes, self.series.sun, step + self._offset, self.plan.hours, through))

    @property
    def _offset(self) -> int:
        """Steps of the series before the world begins."""
        return round((24 * self.plan.start) / self.plan.hours)

    def ask(self, now: Now, goods: Mapping[str, Good], act: NDArray[np.float64]) -> None:
        moved = np.ascontiguousarray(act.T)
        moved[1] *= 3.0
        S = self.state["now"]
        k.homes_ask(self.homes, S, self.use(now.step), moved, float(self.state["rogue"][0]), now.outside,
                    self.sun(now.step, now.sun), now.hours)  # fmt: skip
        goods["power"].asked += np.bincount(self.bus, S[k.S_NET], len(goods["power"].asked))

    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        power, home, S = goods["power"], goods["home"], self.state["now"]
        share = power.share[self.bus]
        alarm = self.state["alarm"]
        alarm[0] = _NEWS if (power.share < 1.0).any() else max(0.0, alarm[0] - now.hours)
        k.homes_settle(self.homes, S, share, now.outside, now.price, self.plan.feed, now.carbon, now.hours)
        self.state["lit"][:] = S[k.S_LACK] <= 1e-9
        dark = S[k.S_LACK] > 1e-9
        cold = S[k.S_INSIDE] < self.homes[k.P_TARGET] - _COLD
        self._tell(now, "dark_since", dark, "without power", power.cause[self.bus])
        self._tell(now, "cold_since", cold, "cold", np.full(len(cold), self.state["dark_since"][0]))
        home.share[:] = np.where(dark, 0.5, 1.0) * np.where(cold, 0.5, 1.0)
        home.cause[:] = np.where(dark, self.state["dark_since"][0], self.state["cold_since"][0])

    def _tell(self, now: Now, key: str, which: NDArray[np.bool_], what: str, cause: NDArray[np.int64]) -> None:
        since = self.state[key]
        if which.any() and since[0] < 0:
            causes = cause[which]
            why = int(causes[causes >= 0][0]) if (causes >= 0).any() else now.why
            since[0] = self.note(now, f"{int(which.sum())} households are {what}", why)
        elif not which.any() and since[0] >= 0:
            self.note(now, f"no household is {what} any longer", int(since[0]))
            since[0] = -1

    def seen(self, now: Now) -> NDArray[np.float64]:
        S, n = self.state["now"], self.plan.households
        out = np.empty((n, len(self.sees)))
        out[:, 0], out[:, 1], out[:, 7], out[:, 8] = now.clock, now.outside, now.price, now.carbon
        out[:, 2], out[:, 3], out[:, 4] = S[k.S_INSIDE], self.homes[k.P_TARGET], S[k.S_LOAD]
        out[:, 5], out[:, 6], out[:, 9] = S[k.S_SUN], S[k.S_STORED], self.state["lit"]
        out[:, 11] = self.state["alarm"][0] > 0
        out[:, 10] = S[k.S_LOAD] + np.abs(S[k.S_WARMING]) - S[k.S_SUN]
        return out

    def earned(self) -> NDArray[np.float64]:
        S = self.state["now"]
        off = np.abs(S[k.S_INSIDE] - self.homes[k.P_TARGET] - 1.0)
        return np.asarray(-S[k.S_LAST] - 0.05 * np.maximum(0.0, off - 3.0) * self.plan.hours - 2.0 * S[k.S_LACK])

    def breaches(self) -> dict[str, float]:
        S = self.state["now"]
        return {
            "steps above a household's fuse": float(S[k.S_FUSE].sum()),
            "kWh not served": float(S[k.S_UNSERVED].sum()),
            "kelvin hours too cold": float(S[k.S_COLD].sum()),
            "kelvin hours too hot": float(S[k.S_HOT].sum()),
        }

    def strike(self, shock: Shock, why: int, now: Now) -> None:
        self.state["rogue"][0] = shock.amount
        self.note(now, f"{shock.amount:.0%} of all batteries obey somebody else", why)

    def relent(self, shock: Shock, now: Now) -> None:
        self.state["rogue"][0] = -1.0
