"""How fast an agent lives, against its environment alone and against PyTorch; one core, one run.

Every environment is driven in turn by random actions and by the agent, in short pieces, and of each the fastest piece
counts: a shared machine is only ever slower than itself. The environment's own speed includes beginning its episodes.
PyTorch's stream AC step is written here as its users write it (modules, autograd, the published optimiser's loops) and
is skipped where PyTorch is not installed.

    python bench/rl_speed.py

    act and update, two networks of 128 x 128, 17 observations, called from Python
      stream-ac                           12.4 us    55.6 times PyTorch's speed
      stream-ac, continual backprop       14.2 us    48.5 times PyTorch's speed
      stream-ac, adaptive-obgd            15.4 us    44.6 times PyTorch's speed
      stream-ac, autostep                 22.5 us    30.5 times PyTorch's speed
      intentional-ac                      17.9 us    38.5 times PyTorch's speed
      PyTorch stream AC                  687.7 us     1.0 times PyTorch's speed
    a whole step, stream-ac, against the environment alone
      HalfCheetah-v5   alone    35,912/s   living    22,197/s   62% (asked: 60%)
      Ant-v5           alone     5,740/s   living     4,966/s   87% (asked: 75%)
      Hopper-v5        alone    13,766/s   living    11,192/s   81%
      Walker2d-v5      alone    12,053/s   living     8,447/s   70%

On a shared machine with a load of 3.5; PyTorch 2.13.0, MuJoCo 4.0.0, Gymnasium 1.4.0.
"""

from __future__ import annotations

import importlib
import itertools
import os
import resource
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments

from klopf.mind.rl import Agent
from klopf.mind.rl._gymnasium import World, make

PIECES = 24


def agent_for(world: World, **options: object) -> Agent:
    return Agent(
        world.observations, world.actions, low=world.low, high=world.high, time_limit=world.time_limit, **options
    )  # type: ignore[arg-type]


def alone(world: World, steps: int) -> Callable[[], float]:
    """A piece of ``steps`` random steps; gives seconds a step."""
    actions = [world.sample() for _ in range(steps)]
    world.reset(0)

    def piece() -> float:
        started = time.perf_counter()
        for action in actions:
            _, _, terminated, truncated = world.step(action)
            if terminated or truncated:
                world.reset()
        return (time.perf_counter() - started) / steps

    return piece


def living(world: World, agent: Agent, steps: int) -> Callable[[], float]:
    """A piece of ``steps`` steps of acting and learning; gives seconds a step."""
    state = {"action": agent.begin(world.reset(0))}

    def piece() -> float:
        action = state["action"]
        started = time.perf_counter()
        for _ in range(steps):
            seen, reward, terminated, truncated = world.step(action)
            action = agent.step(seen, reward, terminated, truncated)
            if action is None:
                action = agent.begin(world.reset())
        seconds = (time.perf_counter() - started) / steps
        state["action"] = action
        return seconds

    return piece


def torch_step(observations: int, actions: int) -> Callable[[], float] | None:
    """Stream AC's update and act in PyTorch, for as many numbers; None where it is not installed."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)

    def net(outputs: int):  # type: ignore[no-untyped-def]
        sizes = (observations, 128, 128)
        layers = []
        for a, b in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(a, b), torch.nn.LayerNorm(b, elementwise_affine=False), torch.nn.LeakyReLU()]
        return torch.nn.Sequential(*layers, torch.nn.Linear(128, outputs))

    value, policy = net(1), net(2 * actions)
    traces = [[torch.zeros_like(p) for p in m.parameters()] for m in (value, policy)]
    r = np.random.default_rng(0)
    seen = [r.normal(size=observations) for _ in range(100)]

    def distribution(x):  # type: ignore[no-untyped-def]
        mean, raw = policy(x).chunk(2)
        return torch.distributions.Normal(mean, torch.nn.functional.softplus(raw))

    def obgd(module, traces, delta, kappa):  # type: ignore[no-untyped-def]
        size = 0.0
        for p, e in zip(module.parameters(), traces, strict=True):
            e.mul_(0.99 * 0.8).add_(p.grad)
            size += e.abs().sum().item()
        step = 1.0 / max(1.0, kappa * max(abs(delta), 1.0) * size)
        with torch.no_grad():
            for p, e in zip(module.parameters(), traces, strict=True):
                p.add_(e, alpha=step * delta)
                p.grad = None

    def piece() -> float:
        started = time.perf_counter()
        for t in range(99):
            x, x2 = (torch.from_numpy(seen[k]).float() for k in (t, t + 1))
            with torch.no_grad():
                action = distribution(x).sample()
            v, v2 = value(x), value(x2)
            delta = (1.0 + 0.99 * v2 - v).item()
            now = distribution(x)
            v.sum().backward()
            (now.log_prob(action).sum() + 0.01 * np.sign(delta) * now.entropy().sum()).backward()
            obgd(value, traces[0], delta, 2.0)
            obgd(policy, traces[1], delta, 3.0)
        return (time.perf_counter() - started) / 99

    return piece


def step_alone(agent: Agent, steps: int = 500) -> Callable[[], float]:
    """The agent's step by itself, called from Python with ready observations."""
    seen = np.random.default_rng(0).normal(size=(steps, agent.observations))
    agent.begin(seen[0])

    def piece() -> float:
        started = time.perf_counter()
        for x in seen:
            agent.step(x, 0.5)
        return (time.perf_counter() - started) / steps

    return piece


def fastest(pieces: dict[str, Callable[[], float]], times: int) -> dict[str, float]:
    """Seconds a step of each, taking turns; the first turn only warms up."""
    best = dict.fromkeys(pieces, float("inf"))
    for turn in range(times + 1):
        for name, piece in pieces.items():
            seconds = piece()
            if turn:
                best[name] = min(best[name], seconds)
    return best


def main() -> None:
    options = arguments(__doc__).parse_args()
    with Report(options.json) as report:
        compare(report, 3 if options.quick else PIECES)
    print(f"\nmost memory held: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB", file=sys.stderr)


def compare(report: Report, times: int) -> None:
    """Agents by themselves beside PyTorch, then whole steps beside the environments alone; ``times`` pieces each."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    report.say(f"one core, {times} pieces each, the fastest counts; load at the start {os.getloadavg()[0]:.1f}")
    kinds: dict[str, dict[str, object]] = {
        "stream-ac": {},
        "stream-ac, continual backprop": {"life": "continual"},
        "stream-ac, adaptive-obgd": {"update": "adaptive-obgd"},
        "stream-ac, autostep": {"update": "autostep"},
        "intentional-ac": {"agent": "intentional-ac"},
    }
    pieces = {name: step_alone(Agent(17, 6, low=-1, high=1, **options)) for name, options in kinds.items()}  # type: ignore[arg-type]
    torch = torch_step(17, 6)
    if torch is not None:
        pieces["PyTorch stream AC"] = torch
    best = fastest(pieces, times)
    report.say("\nact and update, two networks of 128 x 128, 17 observations, called from Python")
    base = best.get("PyTorch stream AC")
    for name, seconds in best.items():
        ratio = f"{base / seconds:6.1f} times PyTorch's speed" if base else ""
        report.say(f"  {name:32s}{seconds * 1e6:8.1f} us  {ratio}")
        report.figure(f"act and update: {name}", seconds * 1e6, "us")
    if base is None:
        report.say("  PyTorch is not installed: its row is skipped")
    report.say("\na whole step, stream-ac, against the environment alone")
    for name, steps, goal in (
        ("HalfCheetah-v5", 1000, 0.60),
        ("Ant-v5", 250, 0.75),
        ("Hopper-v5", 500, None),
        ("Walker2d-v5", 500, None),
    ):
        world, other = make(name), make(name)
        best = fastest({"alone": alone(world, steps), "living": living(other, agent_for(other), steps)}, times)
        ratio = best["alone"] / best["living"]
        report.say(
            f"  {name:16s} alone {1 / best['alone']:9,.0f}/s   living {1 / best['living']:9,.0f}/s   {ratio:.0%}"
        )
        report.figure(f"{name}: living beside the environment alone", ratio, "times", at_least=goal)


if __name__ == "__main__":
    main()
