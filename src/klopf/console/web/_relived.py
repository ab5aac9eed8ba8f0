"""A recorded world, lived once more from its seed, beside the same one under another policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from klopf import twin
from klopf.errors import TwinError
from klopf.twin.sectors.power import lines

__all__ = ["Relived"]

FRAMES, NUMBERS = 600, 400_000
"""At most: frames, and buses in all of them."""
BUSES = 400
"""That a map can show."""
SAME = 1e-9


class Relived:
    """Of the world in a file.

    Raises:
        TwinError: it is no world, or lived under a policy that is somebody's own code, which no file may start.
    """

    def __init__(self, path: Path) -> None:
        recorded = twin.World.load(path)
        self.recorded, self.lived = recorded, recorded.lived
        own = sorted({name for name, _ in self.lived} - set(twin.POLICIES))
        if own:
            raise TwinError(
                f"this world lived under {own[0]:.60}, which is none of Klopf's policies: a page starts none"
            )
        self.other = "rules" if any(name != "rules" for name, _ in self.lived) else "nothing"
        """Under which policy it is lived beside, to say who wins and who loses."""
        self.worlds = [twin.World.load(path, fresh=True) for _ in range(2)]
        self.steps = sum(steps for _, steps in self.lived)
        plan = recorded.plan
        self.buses = min(plan.buses, BUSES) if "power" in recorded.sectors else 0
        self.every = max(1, -(-self.steps // min(FRAMES, max(20, NUMBERS // max(1, self.buses)))))
        """Steps from one frame to the next."""

    def about(self) -> dict[str, Any]:
        """What does not change."""
        world = self.recorded
        plan = world.plan
        parent, _, _, _ = lines(plan)
        homes = np.bincount(plan.home_bus, minlength=plan.buses)
        givers = {good: name for name, one in world.sectors.items() for good in one.gives}
        return {
            "households": plan.households, "seed": world.seed, "scenario": world.scenario.title,
            "lived": [list(one) for one in self.lived], "other": self.other, "steps": self.steps, "of": plan.buses,
            "parent": parent[: self.buses].tolist(), "homes": homes[: self.buses].tolist(),
            "at": {"water": int(plan.pump_bus), "factory": int(plan.factory_bus)},
            "flows": [
                [good, givers[good], name]
                for name, one in world.sectors.items() for good in one.needs if good in givers
            ],
            "record": [[one.id, one.step, one.when, one.sector, one.what, one.cause] for one in world.record][-2000:],
        }  # fmt: skip

    def frames(self) -> Iterator[dict[str, Any]]:
        """How it stands at the beginning, and after every so many steps."""
        world, beside = self.worlds
        yield self._frame()
        for name, steps in self.lived:
            policy, other = twin.policy_called(name), twin.policy_called(self.other)
            for _ in range(steps):
                world.advance(policy.acts(world))
                beside.advance(other.acts(beside))
                if world.step % self.every == 0 or world.step == self.steps:
                    yield self._frame()
            world.lived.append((name, steps))

    def gain(self) -> NDArray[np.float64]:
        """What each household has more than beside, (households,)."""
        mine, other = (np.asarray(twin.outcome(world).has, np.float64) for world in self.worlds)
        return np.asarray(mine - other, np.float64)

    def _frame(self) -> dict[str, Any]:
        world, gain = self.worlds[0], self.gain()
        power = world.sectors.get("power")
        flows = {}
        for good, (asked, share) in world.flows().items():
            wanted = np.maximum(asked, 0.0)
            all_ = float(wanted.sum())
            flows[good] = [
                round(all_, 2),
                round(float((wanted * share).sum()) / all_ if all_ else float(share.mean()), 4),
            ]
        frame: dict[str, Any] = {
            "step": world.step, "when": world.now.when, "price": round(world.now.price, 4),
            "temperature": round(world.now.outside, 1), "flows": flows,
            "gain": int((gain > SAME).sum()), "lose": int((gain < -SAME).sum()),
            "spread": [round(float(q), 2) for q in np.quantile(gain, (0.0, 0.5, 1.0))],
        }  # fmt: skip
        if power is not None:
            n, buses = self.buses, world.plan.buses
            homes = np.bincount(world.plan.home_bus, minlength=buses)
            each = np.bincount(world.plan.home_bus, weights=gain, minlength=buses) / np.maximum(homes, 1)
            frame |= {
                "up": power.state["up"][:n].tolist(),
                "load": np.round(np.abs(power.state["load"][:n]) * 100).astype(int).tolist(),
                "served": np.round(world.flows()["power"][1][:n] * 100).astype(int).tolist(),
                "each": np.round(each[:n], 2).tolist(),
            }
        return frame
