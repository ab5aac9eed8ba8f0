"""Devices that lend their arithmetic, in processes of their own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from klopf import fleet
from klopf.fleet.models import made
from klopf.fleet.node import Worker, lend

LAYERS = [["dense", 64], ["relu"], ["dense", 64], ["relu"], ["dense", 32], ["relu"], ["dense", 10]]
SETTINGS = {"inputs": [64], "layers": LAYERS, "output": "softmax", "batch": 64, "micro": 8, "momentum": 0.9,
            "step_size": 0.02}  # fmt: skip
WANTED = fleet.Instructions("digits", "layers", SETTINGS, seed=3)
FEW = 350_000
"""Bytes that are too few for these layers: one device holds a stage of them."""


def begun(settings: Any = None) -> list[np.ndarray[Any, Any]]:
    """The parameters with which a demand for these layers begins."""
    return made("layers", settings or SETTINGS, 3).parameters()


class Slow(Worker):
    """As if its arithmetic took so many seconds more for each micro-batch."""

    pause = 0.0

    def _do(self, do: str, step: int, slot: int, which: int, *given: Any) -> Any:
        if do in ("forward", "backward", "end") or (do == "probe" and which):
            time.sleep(self.pause)
        return super()._do(do, step, slot, which, *given)


def _live(pipe: Any, name: str, memory: int, pause: float, leader: fleet.Card) -> None:
    asyncio.run(_serve(pipe, name, memory, pause, leader))


async def _serve(pipe: Any, name: str, memory: int, pause: float, leader: fleet.Card) -> None:
    post, worker = fleet.Post(name), Slow(name, memory)
    worker.pause = pause
    post.knows(leader)
    await lend(post, worker)
    pipe.send(post.card())
    await asyncio.Event().wait()


@contextmanager
def crew(
    memories: Sequence[int], leader: fleet.Card, pause: float = 0.0
) -> Iterator[tuple[list[fleet.Card], dict[str, Any]]]:
    """A process for each device that lends so many bytes to ``leader``: their cards, and the processes by name."""
    context = multiprocessing.get_context("spawn")
    started: dict[str, Any] = {}
    pipes = []
    try:
        for i, memory in enumerate(memories):
            ours, theirs = context.Pipe()
            name = f"w{i}"
            started[name] = context.Process(target=_live, args=(theirs, name, memory, pause, leader), daemon=True)
            started[name].start()
            pipes.append(ours)
        for pipe in pipes:
            assert pipe.poll(60), "a process of a device did not start"
        yield [pipe.recv() for pipe in pipes], started
    finally:
        for process in started.values():
            process.kill()
            process.join()
