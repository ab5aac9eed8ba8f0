"""Strangers found a network, join it from folders of their own, are asked, are paid and leave; nothing is shared but a
chain's URL and the network's address."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_port

from .strangers import World, files_of_digits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RULES = (
    "listen_seconds=30",
    "claim_seconds=20",
    "thaw_seconds=100",
    "dispute_seconds=0",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def test_three_strangers_join_are_asked_are_paid_and_leave(world: World) -> None:
    place = world.place
    files, questions = files_of_digits(place, 3)

    # One founds it ...
    world.found(files[0], *RULES)
    port = free_port()
    world.url = f"http://127.0.0.1:{port}"
    chain = world.serve_chain("--port", port)

    # ... three join from folders of their own: no file is shared, and none of theirs can be read by others ...
    names = ("ada", "ben", "cleo")
    models = (("--settings", '{"hidden": [64]}'), ("--model", "sklearn:GaussianNB"), ("--settings", '{"hidden": [32]}'))
    served = {
        name: world.join(name, "--data", file, "--price", "0.01", *model)
        for name, file, model in zip(names, files, models, strict=True)
    }
    for name in names:
        world.grant(name, 150)
    world.all_serve(names)
    for name in names:
        assert (place / name).stat().st_mode & 0o077 == 0
        assert (place / name / "data.npz").stat().st_mode & 0o077 == 0

    # ... a second start on one folder is noticed ...
    assert "another process lives in" in world.klopf("serve", place / "ada", status=2)

    # ... somebody buys answers ...
    asker = world.join("rita", "--as", "requester", "--deposit", "20")
    world.grant("rita", 20)
    assert asker.wait(300) == 0, world.log("rita")
    said = json.loads(world.klopf("ask", place / "rita", questions, "--fee", "0.01", "--json"))
    assert said["accuracy"] > 0.85
    assert len(said["prediction"]) == 60
    assert 60 * 0.01 <= float(said["paid_KLP"]) <= 3 * 60 * 0.01  # less where the network hears one less than others
    cheap = world.klopf("ask", place / "rita", questions, "--fee", "0.001", status=2)
    assert "an answer costs" in cheap

    # ... the chain is away for a while, one is killed, one is told to stop, and all go on ...
    chain.send_signal(signal.SIGTERM)
    chain.wait(60)
    served["ben"].send_signal(signal.SIGKILL)
    served["cleo"].send_signal(signal.SIGTERM)
    assert served["cleo"].wait(60) == 128 + signal.SIGTERM, world.log("cleo")
    time.sleep(12)
    world.serve_chain("--port", port)
    for name in ("ben", "cleo"):
        served[name] = world.serve(name)
    again = ("ask", place / "rita", questions, "--fee", "0.01", "--json")
    world.until(lambda: world.succeeds(*again), "somebody answers after the outage")
    assert served["ada"].poll() is None, world.log("ada")

    # ... and everybody is paid, for answers and for being listened to ...
    world.until(lambda: all(world.balance(name) > 50 + 0.6 for name in names), "everybody is paid", 400)
    assert any(m.utility > 0 for m in world.members().values())

    # ... and leaves with what is its own.
    for name in names:
        served[name].send_signal(signal.SIGTERM)
        served[name].wait(60)
    first = json.loads(world.klopf("leave", place / "ada", "--json"))
    assert not first["gone"] and float(first["thawing"]) > 90
    back = ("join", place / "ada", "--rpc", world.url, "--network", world.network, "--data", files[0])
    assert "would not bring it back" in world.klopf(*back, status=2)
    leaving = [world.start(f"{name}.leave.log", "leave", place / name, "--wait") for name in (*names, "rita")]
    for process in leaving:
        assert process.wait(400) == 0, [world.log(f"{name}.leave") for name in (*names, "rita")]
    assert world.members() == {}
    assert all(world.balance(name) > 140 for name in names)
    given = [part for file in place.glob("*/receipts/*.jsonl") for part in ("--receipts", file)]
    world.klopf("ledger", "verify", "--rpc", world.url, "--deployment", place / "net/deployment.json", *given)
