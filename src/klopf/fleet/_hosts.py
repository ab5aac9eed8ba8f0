"""Processes that hold many devices each, for demonstrations and benchmarks: real keys, real TLS, one machine."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from klopf import files
from klopf.errors import FleetError
from klopf.fleet._device import Device, TrainingDevice
from klopf.fleet._members import Local
from klopf.fleet._post import Card, Post
from klopf.fleet.adversaries import Dishonest

__all__ = ["Hosted", "hosts"]


class Hosted(NamedTuple):
    """A device to be held: its name, its records, its key (empty: a new one), and how it cheats ("": not at all)."""

    name: str
    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    secret: bytes = b""
    cheats: str = ""


@contextmanager
def hosts(devices: Sequence[Hosted], processes: int, asker: Card, folder: Path) -> Iterator[list[Card]]:
    """``devices`` in so many processes that end with the block; all work for ``asker``. Their records go through files
    in ``folder``. Yields their cards, in order.

    Raises:
        FleetError: a process does not start.
    """
    context = multiprocessing.get_context("spawn")
    bounds = np.linspace(0, len(devices), processes + 1).astype(int)
    started, pipes, cards = [], [], []
    asker.save(folder / "asker.json")
    try:
        for number, (first, last) in enumerate(itertools.pairwise(bounds)):
            place = folder / f"host-{number}.npz"
            _write(place, devices[first:last])
            ours, theirs = context.Pipe()
            names = [(d.name, d.secret, d.cheats) for d in devices[first:last]]
            process = context.Process(target=_live, args=(theirs, place, names, folder / "asker.json"), daemon=True)
            process.start()
            started.append(process)
            pipes.append(ours)
        for pipe in pipes:
            if not pipe.poll(120):
                raise FleetError("a process of devices did not start within 120 s: is the machine busy?")
            cards += [Card.read(path) for path in pipe.recv()]
        yield cards
    finally:
        for process in started:
            process.kill()
            process.join()


def _write(place: Path, devices: Sequence[Hosted]) -> None:
    arrays = {f"x{i}": d.inputs for i, d in enumerate(devices)} | {f"y{i}": d.targets for i, d in enumerate(devices)}
    np.savez(place, **arrays)  # type: ignore[arg-type]


def _live(pipe: Connection, place: Path, names: list[tuple[str, bytes, str]], asker: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes at a terminal: the first one ends this
    asyncio.run(_serve(pipe, place, names, Card.read(asker)))


async def _serve(pipe: Connection, place: Path, names: list[tuple[str, bytes, str]], asker: Card) -> None:
    arrays = files.arrays(place)
    written, posts = [], []
    victim: TrainingDevice | None = None
    for i, (name, secret, cheats) in enumerate(names):
        honest = TrainingDevice(name, arrays[f"x{i}"], arrays[f"y{i}"])
        victim = victim or honest
        device: Device = Dishonest(honest, cheats, victim.fit) if cheats else honest
        post = Post(name, secret=secret or None)
        post.knows(asker)
        await post.open(Local(device))
        posts.append(post)
        written.append(place.with_name(f"{name}.json"))
        post.card().save(written[-1])
    pipe.send(written)
    await asyncio.Event().wait()
