"""Households that listen: several speak to each, one is followed, and who that is follows from the shared rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf.neuron import Standing, contested_seat, corrected_utility, is_mature, next_standing, updated_utility
from klopf.twin import _kernels as k
from klopf.twin._planning import Cheapest, Planner, homes
from klopf.twin._world import Policy, World
from klopf.twin.sectors.households import Households

__all__ = ["Learners", "Listening", "Streaming"]

_Array = NDArray[np.float64]
_DECAY, _MATURITY, _SEATS = 0.8, 2, 1


class _Idle(Policy):
    name: ClassVar[str] = "rules"

    def acts(self, world: World) -> Mapping[str, _Array]:
        return {"households": np.full((world.plan.households, 2), np.nan)}


class Streaming(Policy):
    """An agent of ``mind.rl`` for each household, which learns from every step of its own battery in the shadow
    (:class:`Listening`): hold, serve oneself, or charge. It sees its meter, its battery, the hour and the tariff."""

    name: ClassVar[str] = "stream"

    def __init__(self) -> None:
        self._agents: list[Any] = []
        self.earned: _Array | None = None
        """What the last step was worth to each, (households,), told by whoever follows it."""
        self.stored: _Array | None = None
        """kWh in each battery that obeys it, (households,)."""

    def acts(self, world: World) -> Mapping[str, _Array]:
        from klopf.mind.rl import Agent

        n, seen, now = world.plan.households, world.seen()["households"], world.now
        price = [world.at(world.step + t).price for t in range(1, 13, 3)]
        capacity = np.maximum(homes(world).homes[k.P_CAPACITY], 1e-9)
        stored = seen[:, Households.sees.index("stored")] if self.stored is None else self.stored
        rest = seen[:, Households.sees.index("rest")]
        turn = 2.0 * np.pi * now.clock / 24.0
        acts = np.full((n, 2), np.nan)
        for i in range(n):
            view = np.array([np.sin(turn), np.cos(turn), now.price, *price, rest[i], stored[i] / capacity[i]])
            if not world.step or len(self._agents) < n:
                self._agents.append(
                    Agent(
                        len(view), choices=3, agent="intentional-q", hidden=(32,), gamma=0.95, seed=i, epsilon_steps=400
                    )
                )
                choice = self._agents[i].begin(view)
            else:
                choice = self._agents[i].step(view, 0.0 if self.earned is None else float(self.earned[i]))
            acts[i, 0] = (0.0, np.nan, 0.5)[choice]
        return {"households": acts}


class Listening(Policy):
    """To each household several speak: today's rule, a rule of thumb and a planner. Every speaker is followed in the
    shadow, by a battery that is only reckoned, and one by the real battery.

    A day's saving in the shadow, against no battery at all, is a speaker's activity; its utility is R1's, corrected for
    its age. Who is mature and better heard than the incumbent by the rule's margin takes the seat; who has cost more
    than no battery fails its audit, and after two such days in a row is silent. All of it is the household's own:
    its meter, its battery, the tariff.
    """

    name: ClassVar[str] = "listening"

    def __init__(self) -> None:
        self.speakers: tuple[Policy, ...] = (_Idle(), Cheapest(), Planner())
        self.seat: NDArray[np.int64] | None = None
        """Which speaker each household follows, (households,)."""

    def _begin(self, world: World) -> None:
        n, m = world.plan.households, len(self.speakers)
        self.seat = np.zeros(n, np.int64)
        self._stored = np.repeat(homes(world).state["now"][k.S_STORED][None], m, 0)
        self._said = np.full((m, n), np.nan)
        self._day, self._utility = np.zeros((m, n)), np.zeros((m, n))
        self._failed, self._standing = np.zeros((m, n), np.int64), np.full((m, n), int(Standing.FRINGE))
        self._standing[0] = int(Standing.BACKBONE)
        self._age = 0

    def acts(self, world: World) -> Mapping[str, _Array]:
        if self.seat is None:
            self._begin(world)
        elif world.step:
            self._reckon(world)
        for m, speaker in enumerate(self.speakers):
            if isinstance(speaker, Streaming):
                speaker.stored = self._stored[m].copy()
            self._said[m] = speaker.acts(world)["households"][:, 0]
        acts = np.full((world.plan.households, 2), np.nan)
        acts[:, 0] = self._said[self.seat, np.arange(world.plan.households)]
        return {"households": acts}

    def _reckon(self, world: World) -> None:
        """What each speaker's battery would have done in the last step, and what that was worth."""
        houses, plan = homes(world), world.plan
        rest = world.seen()["households"][:, Households.sees.index("rest")]
        price = float(houses.state["now"][k.S_PRICE, 0])
        values = [world.at(world.step + t).price for t in range(round(24 / plan.hours))]
        kept = 0.5 * (min(values) + float(np.mean(values)))
        for m, speaker in enumerate(self.speakers):
            said = self._said[m]
            saved, self._stored[m] = k.shadow(
                houses.homes, self._stored[m], said, rest, price, plan.feed, kept, plan.hours
            )
            self._day[m] += saved
            if isinstance(speaker, Streaming):
                speaker.earned = saved
        if world.step % round(24 / plan.hours) == 0:
            self._judge()

    def _judge(self) -> None:
        assert self.seat is not None
        self._age += 1
        for h in range(len(self.seat)):
            for m in range(len(self.speakers)):
                saved = float(self._day[m, h])
                self._utility[m, h] = updated_utility(float(self._utility[m, h]), max(0.0, saved), 1.0, _DECAY)
                self._failed[m, h] = self._failed[m, h] + 1 if saved < 0.0 else 0
            heard = [corrected_utility(float(u), self._age, _DECAY) for u in self._utility[:, h]]
            for m in range(len(self.speakers)):
                seated = int(self.seat[h])
                asks = contested_seat([heard[seated]], _SEATS)
                before = Standing(int(self._standing[m, h]))
                after = next_standing(
                    before, mature=is_mature(self._age, _MATURITY), audit_passed=not self._failed[m, h],
                    audits_failed_in_a_row=int(self._failed[m, h]) if m else 0, heard=heard[m],
                    rival_heard=heard[seated] if asks >= 0 else None,
                )  # fmt: skip
                if after is Standing.BACKBONE and m != seated:
                    self._standing[seated, h] = int(Standing.FRINGE)
                    self.seat[h] = m
                elif m == seated and after is not Standing.BACKBONE:
                    after = Standing.FRINGE if m else Standing.BACKBONE
                    self.seat[h] = 0  # today's rule is always there
                    self._standing[0, h] = int(Standing.BACKBONE)
                self._standing[m, h] = int(after)
        self._day[:] = 0.0


class Learners(Listening):
    """The same, with streaming agents of ``mind.rl`` among those who speak."""

    name: ClassVar[str] = "learners"

    def __init__(self) -> None:
        super().__init__()
        self.speakers = (*self.speakers, Streaming())
