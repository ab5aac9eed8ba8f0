"""Worlds that change: plain streaming agents, the same with continual backprop and with step-size adaptation, and PPO.

Everybody meets the same worlds (one schedule) for the same number of samples, from the same seeds. What counts is the
mean return of all episodes after the first change. PPO is Stable-Baselines3's at its defaults (it needs torch and
stable-baselines3, which the project does not install; without them its row is skipped).

    python bench/rl_worlds.py HalfCheetah-v5 action --steps 300000 --every 60000 --seeds 3

    factors: 1.00, -0.92, -0.52, -0.95, 0.74          (300,000 steps, a change every 60,000; 3 seeds, PPO 2)
      intentional-ac                           1162.8 ±  135.8   by stretch     175     380    1817    2041     413
      intentional-ac + continual backprop      1078.8 ±  183.8   by stretch     137     504    2135    1319     357
      stream-ac + continual backprop            416.8 ±  142.4   by stretch    -102      68     650     825     124
      stream-ac                                 328.7 ±  139.7   by stretch     -50      -9     517     648     159
      stream-ac + autostep                      262.5 ±   96.9   by stretch     -35      77     259     824    -110
      stream-ac + both                          219.5 ±  112.1   by stretch     -59      94     254     693    -162
      PPO                                         0.2 ±   45.1   by stretch    -305    -220     536    -239     -77
    best of ours / plain stream-ac: 3.5

Stable-Baselines3 2.9.2, PyTorch 2.13.0.

    python bench/rl_worlds.py small --steps 100000 --seeds 5 --resume small.jsonl

(also without arguments; with --quick 1,000 steps and two seeds, of which nothing is asked) is every agent that acts, at
its defaults, in all of Gymnasium's classic control and toy text that its kind of action fits: mean return of the last
tenth of the episodes, with its standard error over seeds (docs/rl.md has the table).
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments

from klopf.mind import rl
from klopf.mind.rl._gymnasium import make

CONTINUAL = {"life": "continual", "replacement_rate": 1e-5, "maturity": 10_000}
AGENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "stream-ac": ("stream-ac", {}),
    "stream-ac + continual backprop": ("stream-ac", CONTINUAL),
    "stream-ac + autostep": ("stream-ac", {"update": "autostep"}),
    "stream-ac + both": ("stream-ac", {"update": "autostep", **CONTINUAL}),
    "intentional-ac": ("intentional-ac", {}),
    "intentional-ac + continual backprop": ("intentional-ac", CONTINUAL),
}

SMALL = (
    "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1", "CliffWalking-v1",
    "FrozenLake-v1", "Taxi-v4", "Blackjack-v1",
)  # fmt: skip
LEARNED = {"CartPole-v1": 475.0, "Acrobot-v1": -200.0, "MountainCar-v0": -160.0, "CliffWalking-v1": -30.0}
"""What is asked of plain agents at 100,000 steps, and of Intentional ones that they are no more than two standard
errors below the plain one of their kind."""
PLAIN = {"intentional-ac": "stream-ac", "intentional-q": "stream-q"}
ASKED_AT = 100_000
ACTING = ("stream-ac", "stream-q", "stream-sarsa", "intentional-ac", "intentional-q", "qrc")


def lived(environment: str, change: rl.Change, name: str, steps: int, seed: int) -> list[tuple[int, float]]:
    """Step and return of every episode of one of ours."""
    agent, options = AGENTS[name]
    life = rl.run(rl.Task(environment, agent, steps, seed, options, change))
    return [(int(p[1]), float(p[2])) for p in life.curve.array()]


def ppo(environment: str, change: rl.Change, steps: int, seed: int) -> list[tuple[int, float]] | None:
    """The same of PPO; None where Stable-Baselines3 is not installed."""
    try:
        sb3 = importlib.import_module("stable_baselines3")
        monitor = importlib.import_module("stable_baselines3.common.monitor")
        importlib.import_module("torch").set_num_threads(1)
    except ImportError:
        return None
    env = monitor.Monitor(make(environment, change).env)
    sb3.PPO("MlpPolicy", env, seed=seed, device="cpu").learn(steps)
    ends = np.cumsum(env.get_episode_lengths())
    return [(int(e), float(r)) for e, r in zip(ends, env.get_episode_rewards(), strict=True) if e <= steps]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("environment", nargs="?", default="small", help="or small: nine that stand still")
    parser.add_argument("world", nargs="?", default="gravity")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--every", type=int, default=None)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--agents", help="some of them, with commas between")
    parser.add_argument("--environments", default=",".join(SMALL), help="of `small`: some of them")
    parser.add_argument("--resume", type=Path, help="keep finished runs in this file and make only those it lacks")
    given = parser.parse_args()
    if given.environment == "small":
        given.steps, given.seeds = (
            given.steps or (1_000 if given.quick else 100_000),
            given.seeds or (2 if given.quick else 5),
        )
        with Report(given.json) as report:
            small(given, report)
        return
    given.agents = given.agents or ",".join([*AGENTS, "PPO"])
    given.steps = given.steps or (6_000 if given.quick else 20_000)
    given.every = given.every or (2_000 if given.quick else 4_000)
    given.seeds = given.seeds or (1 if given.quick else 2)
    with Report(given.json) as report:
        compare(given, report)


def small(given: argparse.Namespace, report: Report) -> None:
    """Every agent in every small world that it can act in; a line and a figure each."""
    done = kept(given.resume)
    for environment in given.environments.split(","):
        world = make(environment)
        continuous = bool(world.actions)
        world.close()
        found: dict[str, tuple[float, float]] = {}
        for agent in given.agents.split(",") if given.agents else ACTING:
            if continuous and not agent.endswith("-ac"):
                continue
            returns = []
            for seed in range(given.seeds):
                key = f"{environment} {agent} {given.steps} {seed}"
                if key not in done:
                    life = rl.run(rl.Task(environment, agent, given.steps, seed))
                    done[key] = {"key": key, "return": life.final_return, "rate": life.reward_rate}
                    keep(given.resume, done[key])
                returns.append(done[key]["return"])
            error = np.std(returns, ddof=1) / math.sqrt(len(returns)) if len(returns) > 1 else math.nan
            mean, found[agent] = float(np.mean(returns)), (float(np.mean(returns)), float(error))
            report.say(f"  {environment:26s}{agent:16s}{mean:10.2f} ± {error:7.2f}   {len(returns)} seeds")
            if math.isnan(mean):  # no episode ended, and JSON has no such number
                continue
            asked = asked_of(environment, agent, found) if given.steps >= ASKED_AT else None
            report.figure(f"{environment}, {agent}: return of the last tenth", mean, "reward", at_least=asked)
            if len(returns) > 1:
                report.figure(f"{environment}, {agent}: its standard error over seeds", float(error), "reward")


def asked_of(environment: str, agent: str, found: dict[str, tuple[float, float]]) -> float | None:
    """The return that ``agent`` is to reach, if any; ``found`` has the mean and standard error of those before it."""
    if agent not in PLAIN:
        return LEARNED.get(environment) if agent in PLAIN.values() or agent == "stream-sarsa" else None
    if PLAIN[agent] not in found:
        return None
    (plain, error), (_, own) = found[PLAIN[agent]], found[agent]
    return plain - 2 * math.hypot(error, own)


def kept(file: Path | None) -> dict[str, Any]:
    """Finished runs in ``file``, by their key."""
    if file is None or not file.exists():
        return {}
    return {row["key"]: row for row in map(json.loads, file.read_text().splitlines())}


def keep(file: Path | None, run: dict[str, Any]) -> None:
    """One more finished run into ``file``, if there is one."""
    if file is not None:
        with file.open("a") as opened:
            opened.write(json.dumps(run) + "\n")


def compare(given: argparse.Namespace, report: Report) -> None:
    """Every agent named lives through the changing world with every seed; a line and a figure each."""
    change = rl.change_for(given.world, given.every)
    assert change is not None
    done = kept(given.resume)
    report.say(f"{given.environment}, {given.world} changes every {given.every:,} of {given.steps:,} steps")
    report.say("factors: " + ", ".join(f"{change.factor(k):.2f}" for k in range(0, given.steps, given.every)))
    for name in given.agents.split(","):
        rows = []
        for seed in range(given.seeds):
            key = f"{given.environment} {given.world} {given.every} {given.steps} {name} {seed}"
            if key not in done:
                started = time.perf_counter()
                if name == "PPO":
                    episodes = ppo(given.environment, change, given.steps, seed)
                else:
                    episodes = lived(given.environment, change, name, given.steps, seed)
                if episodes is None:
                    break
                done[key] = {"key": key, "episodes": episodes, "seconds": time.perf_counter() - started}
                keep(given.resume, done[key])
            episodes = done[key]["episodes"]
            after = [r for e, r in episodes if e > given.every]
            by_stretch = [
                float(np.mean([r for e, r in episodes if k < e <= k + given.every] or [math.nan]))
                for k in range(0, given.steps, given.every)
            ]
            rows.append((float(np.mean(after)) if after else math.nan, by_stretch))
        if not rows:
            report.say(f"  {name:38s} not installed, skipped")
            continue
        scores = np.array([r[0] for r in rows])
        error = scores.std(ddof=1) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
        stretches = " ".join(f"{v:7.0f}" for v in np.nanmean([r[1] for r in rows], 0))
        report.say(f"  {name:38s}{scores.mean():9.1f} ± {error:6.1f}   by stretch {stretches}")
        report.figure(f"{name}: return after the first change", float(scores.mean()))


if __name__ == "__main__":
    main()
