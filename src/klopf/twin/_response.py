"""What is done before and while something strikes, in seven numbers that a drill learns."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import TwinError
from klopf.twin import _kernels as k
from klopf.twin._planning import homes
from klopf.twin._world import Policy, World
from klopf.twin.sectors.households import Households
from klopf.twin.sectors.power import Power, fair
from klopf.twin.sectors.water import Water

__all__ = ["PREVENTS", "RESPONDS", "UNTRAINED", "Response"]

PREVENTS = {"tank": (0.2, 0.98), "reserve": (0.0, 0.9), "warmth": (0.0, 1.0)}
"""Done in ordinary times, each from the least to the most: below which level the pump starts, as a share of the tank;
how much of each battery is kept back, charged from the grid if need be; kelvin that homes are warmer than wished."""
RESPONDS = {"homes": (-1.0, 1.0), "works": (-1.0, 1.0), "short": (-1.0, 1.0), "pause": (-1.0, 1.0)}
"""Done when something is broken: how much sooner a line is mended that has more homes behind it, has a works behind it,
takes less work; and whether, above 0, the factory pauses while it is news that somebody has no power."""
UNTRAINED = {"tank": 0.6, "reserve": 0.0, "warmth": 0.0, "homes": 0.0, "works": 0.0, "short": 0.0, "pause": -1.0}
"""As today's rules do."""
_LEVEL = Water.sees.index("level")


class Response(Policy):
    """Seven numbers (:data:`PREVENTS`, :data:`RESPONDS`); what is left out is as today's rules do.

    Raises:
        TwinError: another name, or a number beyond its bounds.
    """

    name: ClassVar[str] = "response"

    def __init__(self, numbers: Mapping[str, Any] | None = None) -> None:
        given = dict(numbers or {})
        bounds = PREVENTS | RESPONDS
        for name, value in given.items():
            if name not in bounds:
                raise TwinError(f"a response has no {name!r:.40}: it has {', '.join(bounds)}")
            least, most = bounds[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise TwinError(f"{name} = {value!r:.40} of a response must be a number from {least:g} to {most:g}")
        self.numbers: dict[str, float] = UNTRAINED | {name: float(value) for name, value in given.items()}
        self._pumps = False
        self._room: NDArray[np.float64] | None = None

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Response:
        """What :meth:`write` wrote.

        Raises:
            TwinError: it cannot be read, or is none.
        """
        try:
            said = json.loads(Path(path).read_text())
            numbers = said["response"]
            if not isinstance(numbers, dict):
                raise TypeError("response is no table")
        except OSError as error:
            raise TwinError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise TwinError(f"{path} is no response ({error}): klopf twin drill writes one") from error
        return cls(numbers)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Raises TwinError: it cannot be written."""
        try:
            files.replace(path, json.dumps({"response": self.numbers}, indent=1).encode())
        except OSError as error:
            raise TwinError(f"{path} cannot be written: {error.strerror or error}") from error

    def acts(self, world: World) -> Mapping[str, NDArray[np.float64]]:
        seen, acts, of = world.seen(), world.idle(), self.numbers
        news = False
        if "households" in acts:
            own, houses = seen["households"], homes(world).homes
            news = bool(own[0, Households.sees.index("alarm")] > 0)
            if not news:
                self._prevent(world, own, houses, acts["households"])
        if "power" in acts and any(of[name] for name in ("homes", "works", "short")):
            work, behind, industry = (seen["power"][:, Power.sees.index(x)] for x in ("broken", "behind", "industry"))
            score = of["homes"] * behind / max(1.0, behind.max()) + of["works"] * industry / max(1.0, industry.max())
            acts["power"][:, 0] = np.tanh(score - of["short"] * work / max(1.0, work.max()))
        if "water" in acts and of["tank"] != UNTRAINED["tank"]:
            level = float(seen["water"][0, _LEVEL])
            self._pumps = level < of["tank"] or (self._pumps and level < 0.99)
            acts["water"][:, 0] = 1.0 if self._pumps else -1.0
        if "factory" in acts and of["pause"] > 0 and news:
            acts["factory"][:, 0] = -1.0
        return acts

    def _prevent(
        self, world: World, own: NDArray[np.float64], houses: NDArray[np.float64], acts: NDArray[np.float64]
    ) -> None:
        of = self.numbers
        if of["warmth"] > 0:
            acts[:, 1] = of["warmth"] / 3.0
        if of["reserve"] <= 0:
            return
        if self._room is None:
            self._room = 0.7 * fair(world.plan)
        rest, stored = own[:, Households.sees.index("rest")], own[:, Households.sees.index("stored")]
        short = stored < of["reserve"] * houses[k.P_CAPACITY]
        spare = (self._room - rest) / np.maximum(houses[k.P_BATTERY], 1e-9)
        acts[:, 0] = np.where(short & (rest > 0), np.clip(spare, 0.0, 0.2), acts[:, 0])

    def says(self) -> list[str]:
        """Lines for people: what differs from today's rules."""
        of = self.numbers
        lines = []
        if of["tank"] != UNTRAINED["tank"]:
            lines.append(f"before: the pump starts below {of['tank']:.0%} of the tank (today: 60%)")
        if of["reserve"] > 0:
            lines.append(f"before: {of['reserve']:.0%} of each battery is kept back for an outage")
        if of["warmth"] > 0:
            lines.append(f"before: homes are kept {of['warmth']:.1f} K warmer than wished")
        if any(of[name] for name in ("homes", "works", "short")):
            what = {"homes": "homes behind it", "works": "works behind it", "short": "little to do"}
            told = ", ".join(f"{text} {of[name]:+.2f}" for name, text in what.items())
            lines.append(f"then: which line is mended first: {told} (today: who fell first)")
        if of["pause"] > 0:
            lines.append("then: the factory pauses while somebody has no power")
        return lines or ["nothing is done otherwise than by today's rules"]


def vector(numbers: Mapping[str, float]) -> NDArray[np.float64]:
    """A response's numbers, each from 0 (least) to 1 (most), (7,)."""
    return np.array([(numbers[name] - a) / (b - a) for name, (a, b) in (PREVENTS | RESPONDS).items()])


def numbers(vector: NDArray[np.float64]) -> dict[str, float]:
    """The other way; what lies beyond is brought to the bound."""
    bounds = (PREVENTS | RESPONDS).items()
    return {name: a + (b - a) * float(min(1.0, max(0.0, x)) if math.isfinite(x) else 0.5)
            for (name, (a, b)), x in zip(bounds, vector, strict=True)}  # fmt: skip
