"""A world: one clock, one seed, and sectors that give each other what they need."""

from __future__ import annotations

import hashlib
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import ExtensionError, TwinError
from klopf.extensions import guarded, said
from klopf.twin._flows import Good, Happening, Record
from klopf.twin._scenario import Scenario
from klopf.twin._sector import SECTORS, Now, Plan, Sector, count
from klopf.twin._series import Series

__all__ = ["Policy", "World"]

_Array = NDArray[np.float64]
_GOODS = {"power": "buses", "water": "1", "work": "1", "home": "households"}
"""Nodes of goods that a sector may need where no sector of the world gives them: then there is always enough."""
_FORMAT = 1


class Policy(ABC):
    """Who decides. One policy belongs to one world: what it learns there is its own."""

    name: ClassVar[str]
    called: str = ""
    """What a command called it by, where that is not ``name``."""

    @abstractmethod
    def acts(self, world: World) -> Mapping[str, _Array]:
        """For some sectors what each unit does next, (units, acts) in [-1, 1]; what is left out, or NaN, goes by
        today's rules."""


class World:
    """A world that stands at the beginning of a step.

    Args:
        plan: how large it is.
        seed: of all chance in it, from 0; the same seed is the same world, to the bit.
        series: what is outside; by default made from seed 0.
        scenario: what strikes it.
        coupled: whether a sector feels what another lacks; without, failures stay where they are, for comparison.

    Raises:
        TwinError: sizes, a seed or a scenario that make no sense.
        ExtensionError: a sector that cannot be made.

    >>> world = World(Plan(households=4), seed=1)
    >>> world.run(24).now.when
    'day 1 00:00'
    """

    def __init__(
        self, plan: Plan | None = None, seed: int = 0, series: Series | None = None, scenario: Scenario | None = None,
        coupled: bool = True,
    ) -> None:  # fmt: skip
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise TwinError(f"seed={seed!r:.40} must be a whole number from 0 to {2**32 - 1}")
        self.plan, self.seed, self.coupled = plan or Plan(), seed, coupled
        self.series, self.scenario = series or Series.made(), scenario or Scenario()
        self.record, self.step = Record(), 0
        self.lived: list[tuple[str, int]] = []
        """Under which policy it lived, and how many steps."""
        made = {}
        for name in self.plan.sectors:
            kind = SECTORS.load(name)
            with guarded(f"the sector {name!r} cannot be begun"):
                made[name] = kind(name, self.plan, self.series, seed, self.record)
        self.sectors: dict[str, Sector] = _in_order(made)
        self.scenario.check(self.sectors)
        nodes = _GOODS | {good: number for one in made.values() for good, number in one.gives.items()}
        wanted = {good for one in made.values() for good in (*one.needs, *one.gives)}
        unknown = sorted(wanted - set(nodes))
        if unknown:
            raise TwinError(f"no sector of this world gives {', '.join(unknown)}: add one that does")
        self._goods = {good: Good.at(count(self.plan, number)) for good, number in nodes.items()}
        self._whole = {good: Good.at(count(self.plan, number)) for good, number in nodes.items()}
        self._idle = {name: np.full((count(self.plan, one.units), len(one.acts)), np.nan) for name, one in made.items()}
        self._weather = {"temperature": 0.0, "sun": 1.0, "price": 1.0, "carbon": 1.0}
        self._why, self._turn = -1, ""
        self._strikes: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for number, shock in enumerate(self.scenario.shocks):
            first = round(shock.at / self.plan.hours)
            self._strikes.setdefault(first, []).append(number)
            self._ends.setdefault(first + max(1, round(shock.lasts / self.plan.hours)), []).append(number)
        self._first = round(24 * self.plan.start / self.plan.hours)

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        """The step that comes next."""
        return self.at(self.step)

    def at(self, step: int) -> Now:
        """A step as it will be while the weather's shocks stay as they are."""
        plan, series, weather = self.plan, self.series, self._weather
        hours = (self._first + step) * plan.hours
        row, part = int(hours), hours % 1
        year = len(series)
        row, after = row % year, (row + 1) % year
        since = step * plan.hours + series.first
        return Now(
            step, plan.hours, since % 24, int(since // 24),
            float(series.outside[row] * (1 - part) + series.outside[after] * part + weather["temperature"]),
            weather["sun"], float(series.price[row] * weather["price"]),
            float(series.carbon[row] * weather["carbon"]), self._why,
        )  # fmt: skip

    def advance(self, acts: Mapping[str, _Array] | None = None) -> None:
        """One step. ``acts``: what units do, by sector, (units, acts) in [-1, 1]; NaN, or a sector left out: today's
        rules.

        Raises:
            TwinError: an act of another shape or beyond its bounds.
            ExtensionError: a sector is broken; one line says which, when and why. The world is as before the step.
        """
        given = self._checked(acts or {})
        before = self._kept(), self.record.first + len(self.record.happenings), dict(self._weather), self._why
        try:
            self._advance(given)
        except BaseException as error:
            for name, state in before[0].items():
                for key, value in state.items():
                    self.sectors[name].state[key][...] = value
            del self.record.happenings[max(0, before[1] - self.record.first) :]
            self._weather, self._why = before[2], before[3]
            if isinstance(error, KeyboardInterrupt):
                raise
            when = f"{self.now.when} (step {self.step})"
            raise ExtensionError(f"the sector {self._turn!r} fails at {when}: {said(error)}") from error
        self.step += 1

    def _advance(self, acts: Mapping[str, _Array]) -> None:
        self._shocks()
        now = self.now
        for good in self._goods.values():
            good.clear()
        for name, sector in self.sectors.items():
            self._turn = name
            sector.ask(now, self._goods, acts[name])
        for name, sector in self.sectors.items():
            self._turn = name
            goods: Mapping[str, Good] = self._goods
            if not self.coupled and not sector.final:
                goods = self._whole | {given: self._goods[given] for given in sector.gives}
                for needed in sector.needs:
                    self._whole[needed].asked[:] = self._goods[needed].asked
            sector.settle(now, goods)

    def _shocks(self) -> None:
        now = self.now
        for number in self._ends.get(self.step, ()):
            shock = self.scenario.shocks[number]
            if shock.sector == "weather":
                self._weather[shock.kind] = 0.0 if shock.kind == "temperature" else 1.0
            else:
                self._turn = shock.sector
                self.sectors[shock.sector].relent(shock, now)
        for number in self._strikes.get(self.step, ()):
            shock = self.scenario.shocks[number]
            if shock.sector == "weather":
                self._weather[shock.kind] = shock.amount
                by = f"{shock.amount:+g} K" if shock.kind == "temperature" else f"x {shock.amount:g}"
                what = f"{self.scenario.title}: {shock.kind} {by} for {shock.lasts:g} hours"
                self._why = self.record.add(now.step, now.when, "weather", what)
                continue
            why = self.record.add(now.step, now.when, "outside", f"{self.scenario.title}: {shock.kind}")
            self._turn = shock.sector
            self.sectors[shock.sector].strike(shock, why, now)

    def _checked(self, acts: Mapping[str, _Array]) -> Mapping[str, _Array]:
        given = dict(self._idle)
        for name, act in acts.items():
            if name not in given:
                raise TwinError(f"there is no sector {name!r:.40} in this world: it has {', '.join(given)}")
            wanted = given[name].shape
            try:
                array = np.asarray(act, np.float64)
            except (ValueError, TypeError) as error:
                raise TwinError(f"what {name} does must be an array of numbers: {said(error)}") from error
            if array.shape != wanted:
                raise TwinError(f"what {name} does must be {wanted[0]} units by {wanted[1]} acts, not {array.shape}")
            if (np.abs(array) > 1.0).any():  # NaN is not above
                raise TwinError(f"what {name} does lies in [-1, 1], or is NaN for today's rules")
            given[name] = array
        return given

    def run(self, steps: int, policy: Policy | None = None) -> World:
        """``steps`` more steps under ``policy``, by default today's rules; the world itself.

        Raises:
            TwinError: the policy fails, or does what cannot be; one line says which, when and why.
            ExtensionError: as for :meth:`advance`. The world is as before that step, and can be gone on with.
        """
        name, begun = (policy.called or policy.name if policy is not None else "rules"), self.step
        try:
            for _ in range(steps):
                self.advance(self._decided(policy) if policy is not None else None)
        finally:
            if self.step > begun:
                self.lived.append((name, self.step - begun))
        return self

    def _decided(self, policy: Policy) -> Mapping[str, _Array]:
        try:
            with guarded(f"the policy {policy.name!r:.80} fails at {self.now.when} (step {self.step})"):
                acts = policy.acts(self)
                if not isinstance(acts, Mapping):
                    raise TypeError(f"acts gives {type(acts).__name__}, and no arrays by sector")
                return acts
        except ExtensionError as error:  # which is a sector's, to whoever tries policies
            raise TwinError(str(error)) from error.__cause__

    # --- what came of it --------------------------------------------------------------------------------------------

    def seen(self) -> dict[str, _Array]:
        """What each unit may see, (units, sees), by sector that acts."""
        now = self.now
        return {name: one.seen(now) for name, one in self.sectors.items() if one.units}

    def idle(self) -> dict[str, _Array]:
        """What is done where nobody decides: NaN for each act, (units, acts), by sector."""
        return {name: act.copy() for name, act in self._idle.items()}

    def sums(self) -> dict[str, dict[str, _Array]]:
        """What each sector is judged by: copies of its sums."""
        return {name: {key: value.copy() for key, value in one.summed().items()} for name, one in self.sectors.items()}

    def flows(self) -> dict[str, tuple[_Array, _Array]]:
        """Of each good: what every node asked for in the last step, and which share of it came, (nodes,) each."""
        return {name: (good.asked.copy(), good.share.copy()) for name, good in self._goods.items()}

    def breaches(self) -> dict[str, float]:
        """Every constraint, and how far it was broken so far."""
        return {
            f"{name}: {what}": value for name, one in self.sectors.items() for what, value in one.breaches().items()
        }

    def chain(self, happening: Happening) -> list[str]:
        """Why something happened, a line each, from the first cause on."""
        return [f"{one.when}  {one.sector}: {one.what}" for one in reversed(self.record.chain(happening.id))]

    def digest(self) -> str:
        """SHA-256 of all that the world is: equal for worlds that will go on alike."""
        whole = hashlib.sha256(json.dumps(self._head(), sort_keys=True).encode())
        for name, state in self._kept().items():
            for key in sorted(state):
                whole.update(f"{name}.{key}".encode() + np.ascontiguousarray(state[key]).tobytes())
        return whole.hexdigest()

    # --- files ------------------------------------------------------------------------------------------------------

    def _kept(self) -> dict[str, dict[str, NDArray[Any]]]:
        return {name: {key: value.copy() for key, value in one.state.items()} for name, one in self.sectors.items()}

    def _head(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "plan": asdict(self.plan) | {"sectors": list(self.plan.sectors)},
            "seed": self.seed,
            "step": self.step,
            "coupled": self.coupled,
            "weather": self._weather,
            "why": self._why,
            "series": self.series.source,
            "lived": [list(one) for one in self.lived],
            "scenario": self.scenario.as_dict(),
            "record": [self.record.first, [list(asdict(one).values()) for one in self.record]],
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the world, and of its series the source, to one file, whole or not; :meth:`load` goes on to the bit.

        Raises:
            TwinError: the file cannot be written.
        """
        arrays = {f"{name}/{key}": value for name, state in self._kept().items() for key, value in state.items()}
        arrays["head"] = np.frombuffer(json.dumps(self._head()).encode(), np.uint8)
        body = io.BytesIO()
        np.savez_compressed(body, allow_pickle=False, **arrays)
        try:
            files.replace(path, body.getvalue())
        except OSError as error:
            raise TwinError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str], fresh: bool = False) -> World:
        """The world that :meth:`save` wrote; if ``fresh``, as it was before its first step.

        Raises:
            TwinError: no such file, damaged, or no world.
        """
        try:
            arrays = files.arrays(path)
            head = json.loads(arrays.pop("head").tobytes())
            if head["format"] != _FORMAT:
                raise ValueError("another version wrote it")
            plan = Plan(**(head["plan"] | {"sectors": tuple(head["plan"]["sectors"])}))
            series, scenario = Series.of(head["series"]), Scenario.of(head["scenario"])
            world = cls(plan, head["seed"], series, scenario, head["coupled"])
            if fresh:
                return world
            world.step, world._weather, world._why = head["step"], head["weather"], head["why"]
            world.lived = [(str(name), int(steps)) for name, steps in head["lived"]]
            world.record.first = head["record"][0]
            world.record.happenings[:] = [Happening(*row) for row in head["record"][1]]
            for name, one in world.sectors.items():
                for key, value in one.state.items():
                    value[...] = arrays[f"{name}/{key}"]
        except OSError as error:
            raise TwinError(f"{Path(path)} cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise TwinError(f"{Path(path)} is no saved world ({error}): klopf twin new makes one") from error
        return world


def _in_order(made: Mapping[str, Sector]) -> dict[str, Sector]:
    """Who gives before who needs.

    Raises:
        TwinError: sectors that need each other in a circle: what comes back is served in the next step.
    """
    givers = {good: name for name, one in made.items() for good in one.gives}
    ordered: dict[str, Sector] = {}
    while len(ordered) < len(made):
        ready = [
            name
            for name, one in made.items()
            if name not in ordered and all(givers.get(good, name) in (*ordered, name) for good in one.needs)
        ]
        if not ready:
            raise TwinError(f"{', '.join(set(made) - set(ordered))} need each other: one must need less")
        ordered[ready[0]] = made[ready[0]]
    return ordered
