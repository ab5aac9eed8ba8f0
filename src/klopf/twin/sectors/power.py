"""A distribution feeder: a tree of lines with limits, a substation that may be short, and crews that mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.twin._flows import Good
from klopf.twin._kernels import drawn, line_flows
from klopf.twin._sector import Now, Plan, Sector, Shock

__all__ = ["Power", "fair", "lines"]

_FACTORY = 60.0
_TRIP, _RECLOSE = 1.0, 1.0


def lines(plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The tree: where each bus's line leads to, how many households are behind it, what it carries, kW, and how many of
    factory and waterworks are behind it; each (buses,)."""
    n = plan.buses
    parent = np.array([0] + [0 if k % plan.depth == 0 else k for k in range(n - 1)], np.int64)
    behind = np.bincount(plan.home_bus, minlength=n).astype(np.float64)
    extra = np.zeros(n)
    extra[plan.pump_bus] += plan.pump
    extra[plan.factory_bus] += _FACTORY
    industry = (extra > 0).astype(np.float64)
    for b in range(n - 1, 0, -1):
        for whole in (behind, extra, industry):
            whole[parent[b]] += whole[b]
    return parent, behind, plan.line * behind + 4.0 * np.sqrt(behind) + extra + 1.0, industry


def fair(plan: Plan) -> NDArray[np.float64]:
    """kW that the lines carry for each household, if all draw alike, (households,): its line, and all above it."""
    parent, behind, _, _ = lines(plan)
    share = np.full(plan.buses, np.inf)
    for b in range(1, plan.buses):
        own = plan.line + 4.0 / np.sqrt(behind[b]) if behind[b] else np.inf
        share[b] = min(share[parent[b]], own)
    return np.asarray(share[plan.home_bus])


class Power(Sector):
    """A bus has power where every line up to the substation is closed.

    A line above its limit warms with the square of its load and cools below; too warm, it opens for an hour, so that
    asking for too much ends in the dark. Where the substation has less than is asked for, buses are shed in turn. What
    a storm breaks is mended by crews, one line after another: ``acts`` says how urgent each line is; by today's rules
    who fell first is mended first.
    """

    gives: ClassVar[Mapping[str, str]] = {"power": "buses"}
    units: ClassVar[str] = "buses"
    acts: ClassVar[tuple[str, ...]] = ("urgent",)
    sees: ClassVar[tuple[str, ...]] = ("broken", "behind", "load", "works", "industry")
    shocks: ClassVar[tuple[str, ...]] = ("lines", "supply", "crews")
    sums: ClassVar[tuple[str, ...]] = ("outages", "overloads", "lost")

    def begin(self) -> None:
        plan, n = self.plan, self.plan.buses
        self.homes = np.bincount(plan.home_bus, minlength=n).astype(np.float64)
        self.parent, self.behind, self.limit, self.industry = lines(plan)
        self._flow, self._share, self._why = np.zeros(n), np.ones(n), np.full(n, -1, np.int64)
        self.state = {
            "up": np.ones(n, np.int64),
            "work": np.zeros(n),  # hours of mending that are left
            "fell": np.zeros(n, np.int64),  # in which order
            "warm": np.zeros(n),
            "closes": np.zeros(n),  # hours until a line that opened by itself closes
            "cause": np.full(n, -1, np.int64),  # the happening that opened a line
            "supply": np.ones(1),
            "crews": np.ones(1),
            "shed": np.full(1, -1, np.int64),  # the happening of a shortage
            "urgent": np.full(n, np.nan),
            "load": np.zeros(n),
            "outages": np.zeros(1),  # customer hours
            "overloads": np.zeros(1),  # line hours above the limit
            "lost": np.zeros(1),  # kWh asked for and not served
        }

    def ask(self, now: Now, goods: Mapping[str, Good], act: NDArray[np.float64]) -> None:
        self.state["urgent"][:] = act[:, 0]

    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        s, good = self.state, goods["power"]
        self._mend(now)
        off = self._shed(now, good.asked)
        line_flows(self.parent, good.asked, s["up"], off, self._flow, self._share, self._why)
        good.share[:] = self._share
        dark = self._share < 1.0
        if dark.any():
            good.cause[dark] = np.where(self._why[dark] >= 0, s["cause"][np.maximum(self._why[dark], 0)], s["shed"][0])
            s["outages"] += float((self.homes * dark).sum()) * now.hours
            s["lost"] += float(np.maximum(good.asked, 0.0)[dark].sum()) * now.hours
        s["load"][:] = self._flow / np.maximum(self.limit, 1e-9)
        self._warm(now)

    def _warm(self, now: Now) -> None:
        s = self.state
        load = np.abs(s["load"])
        load[0] = 0.0
        over = load > 1.0
        if over.any():
            s["overloads"] += float(over.sum()) * now.hours
        s["warm"] = np.maximum(0.0, s["warm"] + np.where(over, load**2 - 1.0, -0.5) * now.hours)
        for b in np.flatnonzero((s["warm"] > _TRIP) & (s["up"] == 1)):
            s["warm"][b], s["up"][b], s["closes"][b] = 0.0, 0, _RECLOSE
            s["cause"][b] = self.note(now, f"line {b} was too warm and opened: {self._behind(b)} behind it")

    def _mend(self, now: Now) -> None:
        s = self.state
        for b in np.flatnonzero(s["closes"] > 0):
            s["closes"][b] = max(0.0, s["closes"][b] - now.hours)
            if not s["closes"][b] and not s["work"][b]:
                s["up"][b] = 1
                self.note(now, f"line {b} closed again", int(s["cause"][b]))
        hours = now.hours * float(s["crews"][0])
        while hours > 1e-9 and (s["work"] > 0).any():
            broken = np.flatnonzero(s["work"] > 0)
            urgent = np.where(np.isnan(s["urgent"][broken]), 0.0, s["urgent"][broken])
            b = broken[np.lexsort((s["fell"][broken], -urgent))[0]]
            done = min(hours, float(s["work"][b]))
            s["work"][b] -= done
            hours -= done
            if s["work"][b] <= 1e-9:
                s["work"][b] = 0.0
                if not s["closes"][b]:
                    s["up"][b] = 1
                self.note(now, f"line {b} is mended: {self._behind(b)} behind it", int(s["cause"][b]))

    def _shed(self, now: Now, asked: NDArray[np.float64]) -> NDArray[np.int64]:
        """Buses that get nothing where the substation is short: in turn, by the hour, until the rest fits."""
        off = np.zeros(len(asked), np.int64)
        most = float(self.limit[0] * self.state["supply"][0])
        short = float(asked.sum()) - most
        if short > 0:
            if self.state["shed"][0] < 0:
                self.state["shed"][0] = self.note(now, f"the substation is short of {short:.0f} kW: buses are shed")
            first = int(now.step * now.hours) % (len(asked) - 1)
            for k in range(len(asked) - 1):
                b = (first + k) % (len(asked) - 1) + 1
                if short <= 0:
                    break
                if asked[b] > 0:
                    off[b] = 1
                    short -= asked[b]
        elif self.state["supply"][0] >= 1.0:
            self.state["shed"][0] = -1
        return off

    def _behind(self, b: Any) -> str:
        return f"{self.behind[b]:.0f} households"

    def seen(self, now: Now) -> NDArray[np.float64]:
        s = self.state
        return np.stack([s["work"], self.behind, s["load"], s["closes"], self.industry], axis=1)

    def earned(self) -> NDArray[np.float64]:
        return np.asarray(-self.behind * (self._why == np.arange(len(self._why))))

    def breaches(self) -> dict[str, float]:
        return {
            "line hours above the limit": float(self.state["overloads"][0]),
            "customer hours without grid": float(self.state["outages"][0]),
        }

    def strike(self, shock: Shock, why: int, now: Now) -> None:
        s = self.state
        if shock.kind == "lines":
            chosen: Any = shock.where or [
                b for b in range(1, self.plan.buses) if drawn(self.seed, 3, b, now.step) < shock.amount
            ]
            for k, b in enumerate(b for b in chosen if 0 < b < self.plan.buses):
                s["up"][b], s["work"][b] = 0, shock.lasts
                s["fell"][b] = now.step * self.plan.buses + k
                s["cause"][b] = self.note(now, f"line {b} fell: {self._behind(b)} behind it", why)
        elif shock.kind == "supply":
            s["supply"][0] = shock.amount
            s["shed"][0] = self.note(now, f"the substation has {shock.amount:.0%} of what it can carry", why)
        else:
            s["crews"][0] = shock.amount

    def relent(self, shock: Shock, now: Now) -> None:
        if shock.kind != "lines":
            self.state[shock.kind][0] = 1.0
