"""What leaves a device is seen byte by byte: no record, and no number of one, in any round of any kind."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from klopf import fleet
from tests.fleet.watched import Proxy, found, watched

RECORDS = np.random.default_rng(11).normal(0, 1, (64, 9)).astype(np.float32)
SETTINGS = {"sensors": 8, "outputs": 1, "output": "linear", "hidden": [12], "step_size": 0.001}
WANTED = fleet.Instructions("load", "mind", SETTINGS, epochs=2, seed=3)


def _device(sample: int = 0, noise: bool = False) -> fleet.TrainingDevice:
    privacy = fleet.Privacy(4.0, 8, groups=8) if noise else None
    return fleet.TrainingDevice("watched", RECORDS[:, :8], RECORDS[:, 8], sample=sample, privacy=privacy)


async def _plain(post: fleet.Post, sample: int = 0, noise: bool = False) -> None:
    await post.open(fleet.Local(_device(sample, noise)))


async def _masked(post: fleet.Post) -> None:
    await fleet.serve_masked(post, fleet.Masker(_device()))


async def _table(post: fleet.Post, path: str) -> None:
    await post.open(fleet.Local(fleet.TableDevice("watched", Path(path))))


async def _node(post: fleet.Post) -> None:
    member = fleet.Local(_device())
    await post.open(fleet.Leader("watched", [member], partial(fleet.strategy, "robust")))


def _rest() -> tuple[list[fleet.TrainingDevice], fleet.Test]:
    """Two more devices and the server's records, which may go anywhere."""
    draw = np.random.default_rng(5)
    x = draw.normal(size=(240, 8)).astype(np.float32)
    y = (x @ np.linspace(-1, 1, 8)).astype(np.float32)
    own = [fleet.TrainingDevice(f"d{i}", x[i::3], y[i::3]) for i in range(2)]
    return own, fleet.Test(x[2::3], y[2::3])


async def _rounds(server: fleet.Post, card: fleet.Card, kind: str) -> list[fleet.Round]:
    own, test = _rest()
    wanted = fleet.Instructions(**{**vars(WANTED), "sparse": kind == "sparse", "target": "y"})
    demand = fleet.Demand(wanted, rounds=3, goal=1.0, deadline=150)
    if kind == "masked":
        masked = [*fleet.reach_masked(server, [card]), *(fleet.LocalMasked(fleet.Masker(one)) for one in own)]
        return (await fleet.run_masked(demand, masked, test)).rounds
    members = [*server.reach([card]), *map(fleet.Local, own)]
    await members[0].apply(wanted, 90)
    validation = fleet.Validation(test.inputs, test.targets, bytes(16))
    rounds = fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)
    if kind == "buffered":
        return (await fleet.run_buffered(rounds, 2)).rounds
    return (await rounds.run()).rounds


def _seen(serve, kind: str, folder: Path) -> bytes:
    server = fleet.Post("server")

    async def play(card: fleet.Card) -> tuple[list[fleet.Round], Proxy]:
        proxy = Proxy(card)
        async with proxy as there:
            done = await _rounds(server, there, kind)
            await server.close()
        return done, proxy

    with watched(serve, server.card(), folder) as (card, dump):
        done, proxy = asyncio.run(play(card))
        said = dump.read_bytes()
    assert any("watched" in name for one in done for name in (*one.used, *one.values)), done  # it did take part
    assert not dump.with_suffix(".connects").exists()  # it opened no connection by itself
    assert len(said) <= proxy.back <= 1.2 * len(said) + 8_000 * proxy.connections  # nothing else left it
    return said


@pytest.mark.long
@pytest.mark.parametrize("kind", ["plain", "sparse", "noise", "masked", "buffered", "node"])
def test_no_record_leaves_a_device(kind, tmp_path):
    serve = {"noise": partial(_plain, noise=True), "masked": _masked, "node": _node}.get(kind, _plain)
    said = _seen(serve, kind, tmp_path)
    assert len(said) > 3 * 4 * 10 and found(said, RECORDS) == []


@pytest.mark.long
def test_no_record_of_a_table_leaves_a_device(tmp_path):
    header = ",".join([*(f"x{i}" for i in range(8)), "y"])
    np.savetxt(tmp_path / "own.csv", RECORDS, delimiter=",", header=header, comments="", fmt="%.9g")
    said = _seen(partial(_table, path=str(tmp_path / "own.csv")), "plain", tmp_path)
    assert found(said, RECORDS) == []


@pytest.mark.long
def test_a_sample_that_an_owner_shows_would_be_seen(tmp_path):
    """The same eyes see what leaves a device that shows four of its records, as its owner may choose."""
    said = _seen(partial(_plain, sample=4), "plain", tmp_path)
    assert "<f4 in a row" in found(said, RECORDS) and found(said, RECORDS[4:]) == []


def test_eyes_that_see():
    other = np.random.default_rng(12).normal(0, 1, (64, 9)).astype(np.float32)
    for raw in (
        RECORDS[3].astype("<f8"), RECORDS[3].astype(">f4"), RECORDS[:, 2].astype("<f2"), RECORDS[5].astype("<f4"),
    ):  # fmt: skip
        assert found(b"before" + raw.tobytes() + b"after", RECORDS) and not found(raw.tobytes(), other)
    assert found(f"[{float(RECORDS[1, 1])!r}]".encode(), RECORDS) == ["text"]
    assert found(b"x" + RECORDS[7].astype(">f4").view(np.uint16)[::2].tobytes(), RECORDS) == ["bfloat16 in a row"]
    assert not found(np.random.default_rng(0).bytes(300_000), RECORDS)
