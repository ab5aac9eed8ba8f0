"""What a node's leader costs: a round of 30, 100 and 300 devices behind one, beside the same devices asked one by one.

    python bench/leader.py [--quick] [--json]

Devices in two processes, the leader in one of its own, the server here; mutual TLS, keys and certificates each; one
record a device, so that next to nothing of it is training, and no validation set, so that a node gives one change; the
least of the last rounds. ``--quick`` is 30 and 300 devices, and fewer rounds."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import Report, arguments
from fleet import WANTED, digits

from klopf import fleet

if TYPE_CHECKING:
    from collections.abc import Iterator


def _lead(pipe: Any, place: Path) -> None:
    asyncio.run(_leading(pipe, place))


async def _leading(pipe: Any, place: Path) -> None:
    post = fleet.Home.open(place / "node", "node").post()
    post.knows(fleet.Card.read(place / "server.json"))
    cards = [fleet.Card.read(path) for path in sorted((place / "inside").glob("*.json"))]
    divided = fleet.Divided(place / "parts.json", post.sign)
    leader = fleet.Leader("node", post.reach(cards), partial(fleet.strategy, "average"), divided=divided)
    await post.open(leader)
    post.card(devices=[card.name for card in cards]).save(place / "node.json")
    pipe.send(None)
    await asyncio.Event().wait()


@contextmanager
def led(place: Path) -> Iterator[fleet.Card]:
    """A leader in a process of its own; its card."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_lead, args=(theirs, place), daemon=True)
    process.start()
    try:
        if not ours.poll(120):
            raise SystemExit("the leader did not start within 120 s")
        yield fleet.Card.read(place / "node.json")
    finally:
        process.kill()
        process.join()


def played(server: fleet.Post, cards: list[fleet.Card], rounds: int) -> tuple[float, int]:
    """The least seconds of a round but the first, and what the last one's answers came to in bytes."""
    x, y = digits(0)
    demand = fleet.Demand(replace(WANTED, draws=1), rounds=rounds, deadline=120)

    async def run() -> fleet.Outcome:
        test = fleet.Test(x[-50:], y[-50:])
        try:
            return await fleet.Rounds(demand, server.reach(cards), fleet.strategy("average"), test).run()
        finally:
            await server.close()

    done = asyncio.run(run()).rounds
    return min(one.seconds for one in done[1:]), done[-1].received


def measure(report: Report, count: int, rounds: int) -> None:
    x, y = digits(0)
    held = [fleet.Hosted(f"d{i:03}", x[i : i + 1], y[i : i + 1]) for i in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        node, server = fleet.Home.open(place / "node", "node"), fleet.Home.open(place / "server", "server")
        server.post().card().save(place / "server.json")
        with fleet.hosts(held, 2, server.post().card(), place) as cards:
            direct, bare = played(server.post(), cards, rounds)
        with fleet.hosts(held, 2, node.post().card(), place) as cards:
            (place / "inside").mkdir()
            for card in cards:
                card.save(place / "inside" / f"{card.name}.json")
            with led(place) as card:
                took, received = played(server.post(), [card], rounds)
    report.say(
        f"{count:4} devices: {took:.3f} s a round, {received:,} bytes; one by one {direct:.3f} s, {bare:,} bytes"
    )
    report.figure(f"a node of {count}: a round", took, "s")
    report.figure(
        f"a node of {count}: a round, of the same devices asked one by one", took / direct, "times", at_most=1.5
    )
    report.figure(
        f"a node of {count}: bytes that the server receives, of one by one", received / bare, "times", at_most=2 / count
    )


def main() -> None:
    given = arguments(__doc__).parse_args()
    with Report(given.json) as report:
        for count in (30, 300) if given.quick else (30, 100, 300):
            measure(report, count, 4 if given.quick else 8)


if __name__ == "__main__":
    main()
