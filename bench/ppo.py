"""Does PPO collapse when it trains for long, and what saves it? And how much of the environment's speed is left.

    python bench/ppo.py [--quick] [--json] [--folder FOLDER] [--environment Ant-v5] [--world slippery]
                        [--steps 20000000] [--variants plain,l2] [--seeds 3] [--cost]

Each life is kept in ``--folder`` and gone on with where it stood, to the bit, when the command is given again, also
with more steps; without a folder nothing is kept. Returns are means of an episode over a tenth of the life; "dormant"
and "rank" are of the last hidden layer of the policy. ``--quick``: the speed alone, and 60,000 steps of two variants.
``--cost``: what the lives would take, and none is lived.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import numpy as np
from figures import Report, arguments

from klopf.mind.rl import PPO, Life, Task, change_for, env_only, run

ROLLOUTS = 2  # of a life whose speed is measured, one after another with the environment alone: others work here, too
NET = {"activation": "relu"}
VARIANTS = {
    "plain": {},
    "equal betas": {"beta1": 0.99, "beta2": 0.99},
    "l2": {"weight_decay": 1e-4},
    "continual backprop": {"replacement_rate": 1e-4, "maturity": 10_000},
    "continual backprop, l2": {"replacement_rate": 1e-4, "maturity": 10_000, "weight_decay": 1e-4},
    "shared rule": {"replacement_rate": 1e-4, "maturity": 10_000, "protected": 1.0, "smallest": 0.3},
    "small steps": {"step_size": 1e-4},
    "noise": {"noise": 1e-5},
}
"""What is tried, beside the defaults; the last two are controls: slower learning, and noise that finds nobody."""


def speed(report: Report, rounds: int) -> None:
    """Of one core's time, that the environment would take alone and that a life in it takes; and of a life's, what the
    agent takes by itself: to act, and to learn."""
    few, task = Task("HalfCheetah-v5", "ppo", 64), Task("HalfCheetah-v5", "ppo", 64 + 2048 * ROLLOUTS)
    run(few)  # compiled, if it was not
    ratios, lives, own = [], [], []
    for _ in range(rounds):
        started = time.process_time(), time.perf_counter()
        done = env_only(task, 0.5) * (time.perf_counter() - started[1])
        alone = (time.process_time() - started[0]) / done
        before = time.process_time()
        run(few)
        between = time.process_time()
        run(task)  # what it takes longer than the short one is steps, with their rollouts learned from
        life = (time.process_time() - between - (between - before)) / (task.steps - few.steps)
        act, learn = pieces(4096)
        ratios.append(alone / life)
        lives.append(life)
        own.append(alone)
        report.say(f"HalfCheetah: a step {alone * 1e6:.0f} us alone, {life * 1e6:.0f} us with PPO: {ratios[-1]:.2f}; "
                   f"PPO alone {act * 1e6:.1f} us to act, {learn * 1e6:.1f} us to learn")  # fmt: skip
    report.figure("of the environment's own speed on HalfCheetah", float(np.median(ratios)), "times", at_least=0.6)
    report.figure("HalfCheetah's own steps a second of one core", 1 / float(np.median(own)), "steps")
    report.figure("PPO without an environment: to act", act * 1e6, "us a step")
    report.figure("PPO without an environment: to learn", learn * 1e6, "us a step")
    report.figure("steps an hour of one core", 3600 / float(np.median(lives)), "steps")


def pieces(steps: int) -> tuple[float, float]:
    """Seconds of the processor a step that an agent of HalfCheetah's shape takes to act, and to learn.

    An agent whose rollout is longer than it lives only acts; what one takes longer that has two rollouts is learning.
    """
    seen, spent = np.random.default_rng(0).normal(size=(256, 17)), []
    for rollout in (steps + 2, steps // 2):
        agent = PPO(17, actions=6, low=-1.0, high=1.0, rollout=rollout)
        agent.prepare()
        agent.begin(seen[0])
        agent.step(seen[1], 0.0)
        before = time.process_time()
        for t in range(steps):
            agent.step(seen[t % 256], 0.5)
        spent.append((time.process_time() - before) / steps)
    return spent[0], spent[1] - spent[0]


def cost(report: Report, environment: str, steps: int, lives: int) -> None:
    """Hours of one core that the curves take, by two rollouts that are lived and learned from here and now."""
    few = Task(environment, "ppo", 2 * 2048, 0, NET)
    run(Task(environment, "ppo", 64, 0, NET))
    before = time.process_time()
    run(few)
    each = (time.process_time() - before) / few.steps
    life = each * steps / 3600
    report.say(f"{environment}: a step {each * 1e6:.0f} us of one core; a life of {steps:,} steps {life:.1f} hours, "
               f"all {lives} lives {life * lives:.0f}")  # fmt: skip
    report.figure(f"hours of one core for {lives} lives of {steps:,} steps of {environment}", life * lives, "hours")


def lived(task: Task, folder: Path | None, name: str) -> Life:
    """The whole life, from where it stood in ``folder``."""
    file = folder / f"{name.replace(' ', '-').replace(',', '')}.life" if folder else None

    def tell(life: Life) -> None:
        print(f"\r{name}: {life.steps:,} of {task.steps:,} steps", end="", file=sys.stderr, flush=True)

    return run(task, file, resume=bool(file and file.exists()), progress=tell if sys.stderr.isatty() else None)


def tenths(life: Life) -> list[float]:
    """Mean return of the episodes that ended in each tenth of a life."""
    points = np.array(life.curve.array())
    which = np.minimum((points[:, 1] * 10 / life.steps).astype(int), 9)
    means = []
    for tenth in range(10):
        some = points[which == tenth]
        means.append(float((some[:, 0] * some[:, 2]).sum() / some[:, 0].sum()) if len(some) else math.nan)
    return means


def mean(values: list[float]) -> str:
    error = np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{np.mean(values):.0f} ± {error:.0f}" if len(values) > 1 else f"{np.mean(values):.0f}"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--folder", type=Path, help="where lives are kept and gone on with")
    parser.add_argument("--environment", default="Ant-v5", help="of Gymnasium")
    parser.add_argument("--world", default="", help="how it changes: slippery, gravity, action, reward")
    parser.add_argument("--every", type=int, default=2_000_000, help="steps between changes")
    parser.add_argument("--steps", type=int, default=20_000_000, help="of each life")
    parser.add_argument("--variants", default=",".join(name for name in VARIANTS if "," not in name))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cost", action="store_true", help="what the lives would take, and none is lived")
    given = parser.parse_args()
    names = [name.strip() for name in given.variants.split(",")]
    names = [name.replace("+", ", ") for name in names]
    if unknown := [name for name in names if name not in VARIANTS]:
        parser.error(f"no variant {unknown[0]!r}; choose of {', '.join(n.replace(', ', '+') for n in VARIANTS)}")
    environment, steps, seeds = given.environment, given.steps, given.seeds
    if given.quick:
        environment, steps, seeds, names = "HalfCheetah-v5", 60_000, 1, ["plain", "shared rule"]
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    change = change_for(given.world, given.every if given.world else 0)
    with Report(given.json) as report:
        if given.cost:
            cost(report, environment, steps, seeds * len(names))
            return
        speed(report, 5 if given.quick else 15)
        report.say(f"\n{environment} {given.world}, {steps:,} steps, seeds {seeds}: return by tenths of a life")
        for name in names:
            kinds = [
                lived(Task(environment, "ppo", steps, seed, NET | VARIANTS[name], change), given.folder,
                      f"{environment} {given.world} {name} {seed}")
                for seed in range(seeds)
            ]  # fmt: skip
            curves = [tenths(life) for life in kinds]
            last = [life.agent.course.array()[-1] for life in kinds]
            best = [float(np.nanmax(curve)) for curve in curves]
            ends = [curve[-1] for curve in curves]
            shown = " ".join(f"{value:.0f}" for value in np.mean(curves, 0))
            births, dormant, rank, size = (float(np.mean([row[k] for row in last])) for k in (1, 2, 3, 6))
            report.say(f"{name}: {shown}; best {mean(best)}, at the end {mean(ends)}; dormant {dormant:.2f}, "
                       f"rank {rank:.2f}, weight {size:.3f}, births {births:.0f}")  # fmt: skip
            report.figure(f"{name}: return at the end", float(np.mean(ends)))
            report.figure(f"{name}: lost of the best tenth", float(np.mean(np.subtract(best, ends))))
            report.figure(f"{name}: dormant units", dormant, "of one")


if __name__ == "__main__":
    main()
