"""What a sensor's fault costs an agent: CartPole by ``stream-q``, half-way one number or the frame of all changes.

    python bench/rl_faults.py            # three seeds; --quick: one, and half as many steps

Printed are mean returns of the episodes (500 is all there is) that end in the sixth of all steps before the change, in
the eighth after it, and in the last sixth; at the defaults, and with ``follow_sensors=False``, which is the published
normalisation, of all that was seen so far. An outlying reward is counted as the 1 that it stands for. At the defaults
the last sixth is asked to be nine tenths of what it is without a change, and where nothing changes both are to have
learned the same, to the bit.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from figures import Report, arguments

from klopf.mind.rl import Task, run

FAULTS: dict[str, dict[str, float]] = {
    "nothing": {},
    "one observation of 10^4": {"observation": 1e4},
    "one observation of 10^8": {"observation": 1e8},
    "one reward of 10^4": {"reward": 1e4},
    "one reward of 10^8": {"reward": 1e8},
    "one reward of -10^10": {"reward": -1e10},
    "all observations + 5": {"offset": 5.0},
    "all observations + 50": {"offset": 50.0},
    "all observations + 1": {"offset": 1.0},
    "unit / 1,000": {"unit": 1e-3},
    "unit x 1,000": {"unit": 1e3},
}
OPTIONS: tuple[dict[str, Any], ...] = ({}, {"follow_sensors": False})


class Faulty(gymnasium.Wrapper):
    """CartPole whose sensors are others from step ``at`` on."""

    def __init__(self, at: int, observation: float = 0.0, reward: float = 0.0, offset: float = 0.0, unit: float = 1.0):
        super().__init__(gymnasium.make("CartPole-v1").unwrapped)
        self.at, self.observation, self.reward, self.offset, self.unit = at, observation, reward, offset, unit
        self.steps = 0

    def seen(self, observation: np.ndarray) -> np.ndarray:
        x = np.array(observation, np.float64)
        if self.steps == self.at and self.observation:
            x[0] = self.observation
        return x * self.unit + self.offset if self.steps >= self.at else x

    def reset(self, **how: Any) -> Any:
        observation, told = self.env.reset(**how)
        return self.seen(observation), told

    def step(self, action: Any) -> Any:
        self.steps += 1
        observation, reward, terminated, truncated, told = self.env.step(action)
        if self.steps == self.at and self.reward:
            reward = self.reward
        return self.seen(observation), reward, terminated, truncated, told


def mean_return(curve: np.ndarray, start: float, end: float) -> float:
    """Of the episodes that end between two steps; ``curve`` as ``Curve.array`` has it."""
    part = curve[(curve[:, 1] > start) & (curve[:, 1] <= end)]
    return float(np.average(part[:, 2], weights=part[:, 0])) if len(part) else float("nan")


def without(curve: np.ndarray, at: int, reward: float) -> np.ndarray:
    """The curve with a reward of 1 at that step in place of ``reward``."""
    if reward:
        row = curve[curve[:, 1] >= at][0]
        curve[curve[:, 1] == row[1], 2] -= (reward - 1.0) / row[0]
    return curve


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--faults", help="only these, separated by semicolons, and nothing")
    a = parser.parse_args()
    wanted = ["nothing", *(a.faults.split(";") if a.faults else list(FAULTS)[1:])]
    steps, seeds = (60_000, 1) if a.quick else (120_000, 3)
    at = steps // 2
    spans = ((at - steps / 6, at), (at, at + steps / 8), (steps * 5 / 6, steps))
    with Report(a.json) as report:
        quiet = []
        for options in OPTIONS:
            usual, how = 0.0, "as published" if options else "followed"
            for number, (name, fault) in enumerate((name, FAULTS[name]) for name in wanted):
                world = f"faulty/Pole{number}-v0"
                gymnasium.register(
                    world, lambda fault=fault, **_: gymnasium.wrappers.TimeLimit(Faulty(at, **fault), 500)
                )
                curves = [run(Task(world, "stream-q", steps, s, options=options)).curve.array() for s in range(seeds)]
                curves = [without(curve, at, fault.get("reward", 0.0)) for curve in curves]
                gymnasium.registry.pop(world)
                found = np.array([[mean_return(curve, *span) for span in spans] for curve in curves])
                errors = found.std(0, ddof=1) / seeds**0.5 if seeds > 1 else np.zeros(len(spans))
                cells = ", ".join(f"{m:.0f} ± {e:.0f}" for m, e in zip(found.mean(0), errors, strict=True))
                report.say(f"{how}, {name}: {cells}")
                if name == "nothing":
                    usual = float(found[:, 2].mean())
                    quiet.append(np.concatenate(curves))
                    report.figure(f"{how}: return where nothing changes", usual)
                else:
                    least = None if options else 0.9 * usual
                    report.figure(f"{how}, {name}: return at the end", float(found[:, 2].mean()), at_least=least)
        same = float(np.array_equal(*quiet))
        report.figure("lives where nothing changes are the same, followed or not", same, at_least=1.0)


if __name__ == "__main__":
    main()
