"""Devices in processes of their own, for tests: each process holds a part of the digits on several devices."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from klopf import fleet

SETTINGS = {"sensors": 64, "outputs": 10, "hidden": [32], "step_size": 0.05}


def digits(seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """1,797 digits of 8 by 8, shuffled, in [0, 1]."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    return (x[order] / 16).astype(np.float32), y[order].astype(np.float32)


def devices(count: int, held_out: int = 400) -> tuple[list[fleet.TrainingDevice], fleet.Test]:
    """Equal parts of the digits, and the rest for the server's test."""
    x, y = digits()
    parts = np.array_split(np.arange(held_out, len(x)), count)
    made = [fleet.TrainingDevice(f"d{i:03}", x[part], y[part], sample=4) for i, part in enumerate(parts)]
    return made, fleet.Test(x[:held_out], y[:held_out])


def _live(pipe: Any, first: int, last: int, count: int, asker: fleet.Card) -> None:
    asyncio.run(_serve(pipe, devices(count)[0][first:last], asker))


async def _serve(pipe: Any, here: list[fleet.TrainingDevice], asker: fleet.Card) -> None:
    posts = [fleet.Post(device.name) for device in here]
    for post, device in zip(posts, here, strict=True):
        post.knows(asker)
        await post.open(fleet.Local(device))
    pipe.send([post.card() for post in posts])
    await asyncio.Event().wait()


@contextmanager
def homes(count: int, processes: int, asker: fleet.Card) -> Iterator[tuple[list[fleet.Card], list[Any]]]:
    """``count`` devices in so many processes, that work for ``asker``: their cards, and the processes."""
    context = multiprocessing.get_context("spawn")
    bounds = np.linspace(0, count, processes + 1).astype(int)
    started, cards = [], []
    try:
        pipes = []
        for first, last in itertools.pairwise(bounds):
            ours, theirs = context.Pipe()
            process = context.Process(target=_live, args=(theirs, int(first), int(last), count, asker), daemon=True)
            process.start()
            started.append(process)
            pipes.append(ours)
        for pipe in pipes:
            assert pipe.poll(60), "a process of devices did not start"
            cards += pipe.recv()
        yield cards, started
    finally:
        for process in started:
            process.kill()
            process.join()
