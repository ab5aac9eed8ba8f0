"""Worlds that do not stand still: what changes in them, when, and to what.

Slippery Ant, after Dohare et al. (*Nature* 632, 2024): the friction with the ground is drawn anew, log-uniformly, at
set times. Gravity, the strength of actions and the reward can change in the same way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from klopf.errors import MindError

__all__ = ["WORLDS", "Change", "change_for"]

KINDS = ("friction", "gravity", "action", "reward")


@dataclass(frozen=True)
class Change:
    """What changes every so many steps: ``kind`` is multiplied by a factor drawn log-uniformly from ``low`` to
    ``high``.

    ``flip`` is the chance that the factor's sign turns as well (actions and rewards only). The first stretch has
    factor 1; all later ones depend on ``seed`` and their number only, so that every agent meets the same worlds.
    """

    kind: str
    every: int = 200_000
    low: float = 0.02
    high: float = 2.0
    flip: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise MindError(f"no world changes its {self.kind!r}; choose one of {', '.join(KINDS)}")
        if self.every < 1 or not 0 < self.low <= self.high < math.inf or not 0 <= self.flip <= 1:
            raise MindError(f"a world needs every >= 1, 0 < low <= high and flip from 0 to 1, not {self}")
        if self.flip and self.kind in ("friction", "gravity"):
            raise MindError(f"the sign of {self.kind} cannot flip; leave flip at 0")

    def factor(self, step: int) -> float:
        """The factor that holds at ``step``, counted from 0 over all episodes.

        >>> Change("friction", every=10).factor(9)
        1.0
        """
        stretch = step // self.every
        if stretch == 0:
            return 1.0
        rng = np.random.default_rng((self.seed, stretch, KINDS.index(self.kind)))
        factor = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return -factor if rng.random() < self.flip else factor


WORLDS: dict[str, Change] = {
    "slippery": Change("friction"),
    "gravity": Change("gravity", low=0.5, high=1.5),
    "action": Change("action", low=0.5, high=1.0, flip=0.5),
    "reward": Change("reward", low=0.1, high=10.0),
}
"""The changing worlds that have a name."""


def change_for(world: str, every: int = 0) -> Change | None:
    """The world called ``world`` ("" for one that stands still), changing every ``every`` steps (0: its own).

    Raises:
        MindError: no such world.
    """
    if not world:
        return None
    if world not in WORLDS:
        raise MindError(f"no world is called {world!r}; choose one of {', '.join(WORLDS)}")
    return replace(WORLDS[world], every=every) if every else WORLDS[world]
