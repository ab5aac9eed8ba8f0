"""What unequal devices of one node train together: speed, what a killed one costs, and the difference from one place.

    python bench/node.py [--quick] [--json] [--only speed,killed]

Four devices, each a process with a key and a certificate, over mutual TLS. So that two cores can be four devices of 1,
2, 4 and 8 parts of a speed, each *waits* until its arithmetic would have taken that long (12.5 to 100 Mflop a second);
all else (messages, the leader's work, what is really computed) takes what it takes. *planned*: by what was
measured. *equal*: without looking at speed: a quarter of each batch to each device, or as many layers to each.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from figures import Report, arguments
from sklearn.datasets import load_digits

from klopf import fleet
from klopf.fleet.models import made
from klopf.fleet.models._net import Net
from klopf.fleet.node import Helper, Node, Stage, Worker, lend, reach
from klopf.fleet.node._plan import costs

LAYERS = [["dense", 256], ["relu"], ["dense", 256], ["relu"], ["dense", 256], ["relu"], ["dense", 10]]
SETTINGS = {"inputs": [64], "layers": LAYERS, "output": "softmax", "batch": 192, "micro": 8, "momentum": 0.9}
WANTED = fleet.Instructions("node", "layers", SETTINGS)
SPEEDS = {"a": 12.5e6, "b": 25e6, "c": 50e6, "d": 100e6}
KINDS = {"much": (1 << 30, True), "little": (3_200_000, True), "free": (1 << 30, False)}
"""What a device lends: bytes (all layers fit, or about the half of them), and whether it is throttled."""


class Throttled(Worker):
    """Waits until its arithmetic would have taken as long as at ``speed`` operations a second."""

    speed = 0.0

    def _do(self, do: str, step: int, slot: int, which: int, tensors: Any, payload: Any) -> Any:
        until = time.perf_counter() + (self._work(tensors, payload) / self.speed if self.speed else 0.0)
        got = super()._do(do, step, slot, which, tensors, payload)
        time.sleep(max(0.0, until - time.perf_counter()))
        return got

    def _work(self, tensors: Any, payload: Any) -> float:
        do = payload["do"]
        if do == "probe":
            return float(payload["which"] * 2 * len(tensors["left"]) ** 3)
        part = {"forward": 1 / 3, "backward": 2 / 3, "end": 1.0 if payload.get("learn") else 1 / 3}.get(do, 0.0)
        if not part or payload["slot"] not in self._slots:
            return 0.0
        own = self._slots[payload["slot"]]
        records = len(tensors["g" if do == "backward" else "x"])
        again = 1 / 3 if do == "backward" and "x" in tensors else 0.0
        return (part + again) * records * sum(layer.flops for layer in own.net.layers[own.first : own.last])


def _live(pipe: Any, name: str, leader: fleet.Card) -> None:
    asyncio.run(_serve(pipe, name, leader))


async def _serve(pipe: Any, name: str, leader: fleet.Card) -> None:
    cards = {}
    for kind, (memory, throttled) in KINDS.items():
        post, worker = fleet.Post(name), Throttled(name, memory)
        worker.speed = SPEEDS[name] if throttled else 0.0
        post.knows(leader)
        await lend(post, worker)
        cards[kind] = post.card()
    pipe.send(cards)
    await asyncio.Event().wait()


class Crew:
    """The devices' processes. Each lends much, or little, or much of all that it has."""

    def __init__(self, leader: fleet.Post) -> None:
        context = multiprocessing.get_context("spawn")
        self.leader, self.processes, pipes = leader, {}, []
        for name in SPEEDS:
            ours, theirs = context.Pipe()
            self.processes[name] = context.Process(target=_live, args=(theirs, name, leader.card()), daemon=True)
            self.processes[name].start()
            pipes.append(ours)
        self.cards: dict[str, dict[str, fleet.Card]] = {
            name: pipe.recv() for name, pipe in zip(SPEEDS, pipes, strict=True)
        }

    def reach(self, kind: str, names: Sequence[str]) -> list[Helper]:
        return reach(self.leader, [self.cards[name][kind] for name in names])


@asynccontextmanager
async def crew() -> AsyncIterator[Crew]:
    leader = fleet.Post("leader")
    made = Crew(leader)
    try:
        yield made
    finally:
        await leader.close()
        for process in made.processes.values():
            process.kill()
            process.join()


class Watched(Node):
    """Notes how long each step took. plan: what to use instead of the planner's."""

    def __init__(self, *given: Any, plan: Sequence[Stage] = (), **more: Any) -> None:
        super().__init__(*given, **more)
        self.took: list[float] = []
        self._given = list(plan)

    async def _planned(self, net: Net) -> list[Stage]:
        found = await super()._planned(net)
        return self._given or found

    async def go(self, *given: Any, **more: Any) -> Any:
        begun = time.perf_counter()
        got = await super().go(*given, **more)
        if more["learn"]:
            self.took.append(time.perf_counter() - begun)
        return got


def digits(count: int, seed: int) -> tuple[Any, Any]:
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))[:count]
    return (x[order] / 16).astype(np.float32), y[order].astype(np.float32)


async def train(
    crew: Crew, kind: str, names: Sequence[str], steps: int, seed: int, wanted: fleet.Instructions = WANTED,
    plan: Sequence[Stage] = (), kill: str = "",
) -> tuple[Watched, float]:  # fmt: skip
    """A node's round of so many steps: the node, and how far its parameters are from those of one place at most.
    kill: a device to end by SIGKILL in the middle of the third step; "?" for one that holds a stage alone."""
    x, y = digits(wanted.settings["batch"], seed)
    wanted = replace(wanted, epochs=steps, seed=seed)
    begin = made("layers", wanted.settings, seed).parameters()
    node = Watched("node", x, y, crew.reach(kind, names), plan=plan)
    training = asyncio.create_task(node.fit(begin, wanted, 600))
    if kill:
        while len(node.took) < 2 and not training.done():
            await asyncio.sleep(0.005)
        await asyncio.sleep(node.took[-1] / 2)
        alone = [stage.devices[0] for stage in node.report.stages if len(stage.devices) == 1]
        os.kill(crew.processes[alone[0] if kill == "?" and alone else kill.replace("?", "c")].pid, signal.SIGKILL)
    update = await training
    one = fleet.TrainingDevice("node", x, y).fit(begin, wanted)
    return node, max(float(np.abs(a - b).max()) for a, b in zip(update.change, one.change, strict=True))


def usual(node: Watched) -> float:
    """Seconds of a step: the median without the first, in which connections are made."""
    return statistics.median(node.took[1:])


def spread(values: Sequence[float]) -> str:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.3g} ± {error:.2g}"


async def speed(report: Report, seeds: Sequence[int], steps: int) -> list[float]:
    """Returns the differences from one place."""
    quarter = replace(WANTED, settings=SETTINGS | {"batch": SETTINGS["batch"] // 4})
    count = len(costs(Net.of(SETTINGS)))
    edges = [round(i * count / 4) for i in range(5)]
    equal = [Stage(edges[i], edges[i + 1], (name,), 0.0) for i, name in enumerate(SPEEDS)]
    found: dict[str, list[float]] = {}
    far, all_, few = [], tuple(SPEEDS), max(3, steps // 2)
    async with crew() as here:
        node, _ = await train(here, "free", "d", 6, 0)
        each = usual(node) / (SETTINGS["batch"] / SETTINGS["micro"])
        report.figure("a micro-batch with nothing throttled, over mutual TLS", 1e3 * each, "ms")
        for seed in seeds:
            runs = {
                "the fastest alone": await train(here, "much", "d", steps, seed),
                "all fit, planned": await train(here, "much", all_, steps, seed),
                "all fit, the slowest with its quarter": await train(here, "much", "a", few, seed, quarter),
                "none fits, planned": await train(here, "little", all_, steps, seed),
                "none fits, equal layers": await train(here, "little", all_, few, seed, plan=equal),
            }
            for name, (node, off) in runs.items():
                found.setdefault(name, []).append(usual(node))
                far.append(off)
            stages = runs["none fits, planned"][0].report.stages
            told = [f"layers {s.first} to {s.last - 1}: {', '.join(s.devices)}" for s in stages]
            report.say(f"seed {seed}, planned with little memory: {'; '.join(told)}")
            assert len(told) > 1
    for name, values in found.items():
        report.say(f"a step, {name}: {spread(values)} s")
    one, planned, late, cut, even = (statistics.mean(values) for values in found.values())
    report.figure("all fit: over the fastest device alone (1.875 at most)", one / planned, "times", at_least=1.4)
    report.figure("all fit: over equal parts of the batch", late / planned, "times", at_least=2)
    report.figure("none fits: over a fastest device in which all would fit", one / cut, "times")
    report.figure("none fits: over equally many layers each", even / cut, "times", at_least=1.5)
    return far


async def killed(report: Report, seeds: Sequence[int], steps: int) -> list[float]:
    """Returns the differences from one place."""
    far = []
    for what, kind, who in (("one of a stage", "much", "c"), ("a stage's only one", "little", "?")):
        lost, after = [], []
        for seed in seeds:
            async with crew() as here:
                node, off = await train(here, kind, tuple(SPEEDS), steps, seed, kill=who)
            assert len(node.report.gone) == 1 and len(node.took) == steps
            lost.append(node.took[2] - node.took[1])
            after.append(statistics.median(node.took[3:]) / node.took[1])
            far.append(off)
        report.say(f"killed, {what}: the step took {spread(lost)} s more; steps after it {spread(after)} times as long")
        report.say(f"(in the last run it was {', '.join(node.report.gone)})")
        report.figure(f"{what} killed in a step: that step takes longer by", statistics.mean(lost), "s", at_most=5)
        report.figure(f"{what} killed: steps after it, of one before", statistics.mean(after), "times")
    return far


PARTS = {"speed": speed, "killed": killed}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}, separated by commas")
    options = parser.parse_args()
    if unknown := set(options.only.split(",")) - set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    seeds, steps = range(1 if options.quick else 3), 5 if options.quick else 8
    with Report(options.json) as report:
        far: list[float] = []
        for name in options.only.split(","):
            far += asyncio.run(PARTS[name](report, seeds, steps))
        report.figure("greatest difference of a parameter from training in one place", max(far), at_most=0.0)


if __name__ == "__main__":
    main()
