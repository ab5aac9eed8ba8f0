"""A part of the world: its base class with the recipe, and which there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.errors import TwinError
from klopf.extensions import Point
from klopf.twin._flows import Good, Record
from klopf.twin._series import Series

__all__ = ["LIFT", "LITRES", "SECTORS", "Now", "Plan", "Sector", "Shock", "count"]

_Array = NDArray[np.float64]
LITRES, LIFT = 0.012, 0.4
"""m³ that a household draws in an hour, a mean over the day; kWh that lifts one."""


@dataclass(frozen=True)
class Plan:
    """How large a world is and how it is laid out. Sizes are checked; what they mean is the sectors'."""

    households: int = 20
    minutes: int = 60
    """Of a step: 15, 30 or 60."""
    start: int = 0
    """The day of the series in which it begins."""
    feeders: int = 4
    """Lines that leave the substation."""
    depth: int = 4
    """Buses in a row on each."""
    variety: float = 0.5
    """How far households of one profile differ; 0: every one is its profile, to the digit."""
    pv: float = 4.0
    """kW of photovoltaics of those who have some."""
    battery: float = 6.4
    """kWh."""
    power: float = 5.0
    """kW that a battery takes or gives."""
    efficiency: float = 0.9
    """Of a battery, there and back."""
    heat_pump: float = 3.0
    """kW of electricity; 0: heated by something else."""
    feed: float = 0.0
    """What a kWh that is sold earns."""
    line: float = 2.5
    """kW that a line carries for each household behind it, beside what factory and pump need, and 4 kW times the root
    of how many there are: few households are alike more often than many."""
    sectors: tuple[str, ...] = ("power", "water", "factory", "households", "people")

    def __post_init__(self) -> None:
        for name, least, most in (("households", 1, 100_000), ("feeders", 1, 1_000), ("depth", 1, 1_000),
                                  ("start", 0, 100_000)):  # fmt: skip
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise TwinError(f"{name}={value!r:.40} must be a whole number from {least} to {most}")
        if self.minutes not in (15, 30, 60):
            raise TwinError(f"minutes={self.minutes!r:.40} must be 15, 30 or 60")
        for field in fields(self):
            if field.type == "float":
                value = getattr(self, field.name)
                if type(value) not in (int, float) or not 0 <= value <= 1e6:
                    raise TwinError(f"{field.name}={value!r:.40} must be a number from 0 to a million")
        if not 0 < self.efficiency <= 1 or self.variety > 2 or not self.line:
            raise TwinError("efficiency is above 0 and at most 1, variety at most 2, line above 0")
        if not isinstance(self.sectors, tuple) or len(set(self.sectors)) != len(self.sectors) or not self.sectors:
            raise TwinError("sectors are names, each once: see klopf.twin.SECTORS")

    @property
    def hours(self) -> float:
        """Of a step."""
        return self.minutes / 60.0

    @property
    def buses(self) -> int:
        return 1 + self.feeders * self.depth

    @property
    def home_bus(self) -> NDArray[np.int64]:
        """The bus of each household, (households,): in turn, none at the substation."""
        return np.arange(self.households, dtype=np.int64) % (self.buses - 1) + 1

    @property
    def pump_bus(self) -> int:
        """The bus of the waterworks: the end of the first feeder."""
        return self.depth

    @property
    def pump(self) -> float:
        """kW of the waterworks: it lifts 1.6 times what is drawn when most is drawn."""
        return LIFT * 1.6 * (self.households * LITRES * 2.1 + 0.5)

    @property
    def factory_bus(self) -> int:
        """The bus of the factory: the end of the last feeder, or of the only one."""
        return self.buses - 1


@dataclass(frozen=True)
class Shock:
    """Something that strikes from outside: a line of a scenario."""

    at: float
    """Hours after the world's beginning."""
    lasts: float
    """Hours."""
    sector: str
    """A sector's name, or "weather"."""
    kind: str
    amount: float = 1.0
    where: tuple[int, ...] = ()
    """Which of the sector's units; none named: the sector's choice, or all."""


@dataclass(frozen=True)
class Now:
    """A step as every sector sees it."""

    step: int
    hours: float
    """Of a step."""
    clock: float
    """Hour of the day."""
    day: int
    """Days since the world's beginning."""
    outside: float
    sun: float
    """How much of the series' sun comes through."""
    price: float
    carbon: float
    why: int
    """The happening that made the weather or the price what it is, or -1."""

    @property
    def when(self) -> str:
        """For people: day and time."""
        return f"day {self.day} {int(self.clock):02d}:{round(self.clock % 1 * 60):02d}"


class Sector(ABC):
    """A part of the world with units of one kind. In each step every sector says what it asks of others
    (:meth:`ask`), and then, in the order of what they need, what came of it (:meth:`settle`).

    To add one, write a subclass, in a file of its own::

        from klopf.twin import Sector

        class Hospital(Sector):
            needs = ("power",)                           # goods of other sectors
            sums = ("dark",)                             # what is summed over a run, an array each

            def begin(self):
                self.bus = self.plan.buses - 1
                self.state["dark"] = np.zeros(1)         # all that changes, by name

            def ask(self, now, goods, act):
                goods["power"].asked[self.bus] += 50.0   # kW

            def settle(self, now, goods):
                if goods["power"].share[self.bus] < 1.0:
                    self.state["dark"] += now.hours

    and give it a name: in this package a line in ``SECTORS``, elsewhere an entry point in your package's
    ``pyproject.toml``::

        [project.entry-points."klopf.sectors"]
        hospital = "my_package.hospital:Hospital"

    ``klopf.checks.check_sector`` tells whether it keeps its promises, ``Plan(sectors=("power", "hospital"))`` or
    ``klopf twin new --sectors power,hospital`` makes a world with it. All that changes is in ``state``, an array a
    name, so that a world can be saved and gone on with to the bit.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[Mapping[str, str]] = {}
    """Goods, and of how many nodes: the name of a number of the plan ("buses", "households"), or "1"."""
    units: ClassVar[str] = ""
    """Of how many units that act: as in ``gives``; none if nobody acts."""
    acts: ClassVar[tuple[str, ...]] = ()
    """What each unit decides in a step, numbers in [-1, 1]; NaN leaves it to today's rules."""
    sees: ClassVar[tuple[str, ...]] = ()
    """What each unit may see."""
    shocks: ClassVar[tuple[str, ...]] = ()
    """Kinds of shock that strike it."""
    sums: ClassVar[tuple[str, ...]] = ()
    """Entries of ``state`` that a run is judged by; others than entries where :meth:`summed` gives them."""
    final: ClassVar[bool] = False
    """What it lacks is the end of a chain: it is felt also where sectors are not coupled."""

    def __init__(self, name: str, plan: Plan, series: Series, seed: int, record: Record) -> None:
        self.name, self.plan, self.series, self.seed, self.record = name, plan, series, seed, record
        self.state: dict[str, NDArray[Any]] = {}
        self.begin()

    @abstractmethod
    def begin(self) -> None:
        """Fill ``state``."""

    @abstractmethod
    def ask(self, now: Now, goods: Mapping[str, Good], act: _Array) -> None:
        """Add to ``goods[...].asked``; ``act`` is (units, acts), NaN where nobody decided."""

    @abstractmethod
    def settle(self, now: Now, goods: Mapping[str, Good]) -> None:
        """Take what was served, and fill ``share`` and ``cause`` of what it gives."""

    def seen(self, now: Now) -> _Array:
        """What each unit may see before it acts, (units, sees)."""
        return np.zeros((count(self.plan, self.units), len(self.sees)))

    def earned(self) -> _Array:
        """What the last step was worth to each unit, (units,), in money."""
        return np.zeros(count(self.plan, self.units))

    def summed(self) -> dict[str, NDArray[Any]]:
        """What ``sums`` names, as it stands."""
        return {name: self.state[name] for name in self.sums}

    def breaches(self) -> dict[str, float]:
        """Constraints, and how often, or how far, each was broken so far."""
        return {}

    def strike(self, shock: Shock, why: int, now: Now) -> None:  # noqa: B027
        """A shock begins; ``why`` is its happening."""

    def relent(self, shock: Shock, now: Now) -> None:  # noqa: B027
        """A shock is over."""

    def note(self, now: Now, what: str, cause: int = -1) -> int:
        """Put something into the record, with what it came of."""
        return self.record.add(now.step, now.when, self.name, what, cause)


def count(plan: Plan, number: str) -> int:
    """A number of the plan by its name; "1" and "" are 1 and 0."""
    return int(number or 0) if not number or number.isdigit() else int(getattr(plan, number))


SECTORS = Point(
    "klopf.sectors",
    "sector",
    "klopf.twin._sector:Sector",
    {
        "power": "klopf.twin.sectors.power:Power",
        "water": "klopf.twin.sectors.water:Water",
        "factory": "klopf.twin.sectors.factory:Factory",
        "households": "klopf.twin.sectors.households:Households",
        "people": "klopf.twin.sectors.people:People",
    },
)
"""Every sector; each needs one line here, or an entry point in a package of its own."""
