"""A world as a PettingZoo parallel environment, so that anybody's agents play in it. Needs the extra ``twin``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from klopf.errors import TwinError
from klopf.twin._scenario import Scenario
from klopf.twin._sector import Plan
from klopf.twin._series import Series
from klopf.twin._world import World

__all__ = ["TwinEnv"]


class TwinEnv(ParallelEnv):
    """One agent a unit that acts: ``households_0``, ``water_0``, ``power_3``, ... Each sees what its unit may see, does
    its sector's acts in [-1, 1], and earns what the last step was worth to it, in money.

    Args:
        plan, series, scenario, coupled: as of :class:`klopf.twin.World`.
        days: after which an episode is truncated.
        sectors: whose units are agents; all others go by today's rules.

    Raises:
        TwinError: a sector that is not there or does not act.
    """

    metadata = {"name": "klopf_twin", "render_modes": []}  # noqa: RUF012 - PettingZoo's own name for it

    def __init__(
        self, plan: Plan | None, days: float, series: Series | None, scenario: Scenario | None, coupled: bool,
        sectors: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._made = plan or Plan(), series or Series.made(), scenario, coupled
        self._steps, self._sectors, self.render_mode = max(1, round(days * 24 / self._made[0].hours)), sectors, None
        self._world = self._new(0)
        idle = self._world.idle()
        for name in sectors:
            if name not in idle or not idle[name].size:
                raise TwinError(f"{name!r:.40} is no sector of this world that acts")
        self._spaces: dict[tuple[str, str], Box] = {}
        self._units = {f"{name}_{i}": (name, i) for name in sectors for i in range(len(idle[name]))}
        self.possible_agents = list(self._units)
        self.agents: list[str] = []

    def _new(self, seed: int) -> World:
        plan, series, scenario, coupled = self._made
        return World(plan, seed, series, scenario, coupled)

    def observation_space(self, agent: str) -> Box:
        name, _ = self._units[agent]
        return self._space("sees", agent, np.inf, len(self._world.sectors[name].sees), np.float64)

    def action_space(self, agent: str) -> Box:
        name, _ = self._units[agent]
        return self._space("acts", agent, 1.0, len(self._world.sectors[name].acts), np.float32)

    def _space(self, what: str, agent: str, most: float, numbers: int, kind: Any) -> Box:
        """The same object whenever it is asked for, as the interface wants it."""
        if (what, agent) not in self._spaces:
            self._spaces[what, agent] = Box(-most, most, (numbers,), kind)
        return self._spaces[what, agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float64]], dict[str, dict[str, Any]]]:
        """A new world; without a ``seed`` that of seed 0."""
        self._world = self._new(0 if seed is None else int(seed))
        self.agents = self.possible_agents[:]
        return self._observed(), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
        """One step of the world; an agent without an action goes by today's rules.

        Raises:
            TwinError: an action of another shape, beyond [-1, 1], or after the end.
        """
        if not self.agents:
            raise TwinError("the episode is over, or has not begun: call reset()")
        acts = {name: act for name, act in self._world.idle().items() if name in self._sectors}
        for agent, action in actions.items():
            name, i = self._units[agent]
            given = np.asarray(action, np.float64)
            if given.shape != acts[name][i].shape:
                raise TwinError(f"{agent} does {acts[name][i].shape[0]} things at a time, not {given.shape}")
            acts[name][i] = given
        self._world.advance(acts)
        earned = {name: self._world.sectors[name].earned() for name in self._sectors}
        over = self._world.step >= self._steps
        told: tuple[dict[str, Any], ...] = (
            self._observed(),
            {agent: float(earned[name][i]) for agent, (name, i) in self._units.items()},
            dict.fromkeys(self.agents, False),
            dict.fromkeys(self.agents, over),
            {agent: {} for agent in self.agents},
        )
        if over:
            self.agents = []
        return told

    def _observed(self) -> dict[str, NDArray[np.float64]]:
        seen = self._world.seen()
        return {agent: seen[name][i].astype(np.float64) for agent, (name, i) in self._units.items()}
