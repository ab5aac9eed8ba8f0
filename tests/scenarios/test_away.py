"""The chain's node is away: a requester that knows its neighbours goes on asking, and all goes on when it is back."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_port

from .strangers import World, files_of_digits

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

RULES = ("listen_seconds=8", "claim_seconds=4", "thaw_seconds=600", "dispute_seconds=0")
NAMES = ("ada", "ben")
AWAY = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def test_answers_are_bought_while_the_node_is_away(world: World) -> None:
    place = world.place
    files, questions = files_of_digits(place, len(NAMES))
    world.found(files[0], *RULES)
    port = free_port()
    world.url = f"http://127.0.0.1:{port}"
    chain = world.serve_chain("--port", port)
    lives = {
        name: world.join(name, "--data", file, "--price", "0.01", "--distil", "16")
        for name, file in zip(NAMES, files, strict=True)
    }
    asker = world.join("rita", "--as", "requester", "--deposit", "20")
    for name in (*NAMES, "rita"):
        world.grant(name, 150)
    world.all_serve(NAMES)
    assert asker.wait(120) == 0, world.log("rita")
    pupil = ("--distil", place / "pupil", "--settings", '{"hidden": [32]}')
    ask = ("ask", place / "rita", questions, "--fee", "0.01", "--json")
    world.until(lambda: world.succeeds(*ask, *pupil), "both answer")

    chain.send_signal(signal.SIGTERM)
    chain.wait(30)
    since = time.monotonic()
    done = world.run(*ask, *pupil)
    assert done.returncode == 0, done.stderr
    assert "the ledger is away" in done.stderr
    said = json.loads(done.stdout)
    assert len(said["prediction"]) == 60
    assert float(said["paid_KLP"]) > 0
    assert said["distilled"]["samples"] == 48
    assert json.loads(world.klopf("predict", place / "pupil", questions, "--json"))["accuracy"] > 0.4
    again = world.run(*ask)
    assert again.returncode == 2, "beyond what was reserved nothing is bought"
    assert "reserved, and the ledger is away" in again.stderr
    time.sleep(max(0.0, AWAY - (time.monotonic() - since)))
    assert {name: life.poll() for name, life in lives.items()} == dict.fromkeys(NAMES)

    world.serve_chain("--port", port)
    world.until(lambda: world.succeeds(*ask), "it is asked again", 120)
    before = {name: world.balance(name) for name in NAMES}
    world.until(lambda: all(world.balance(name) > before[name] for name in NAMES), "what was promised is paid", 120)
    for name in NAMES:
        assert "distilled what it heard" in world.log(name)
        assert "Traceback" not in world.log(name)
    for life in lives.values():
        life.send_signal(signal.SIGTERM)
        life.wait(30)
    given = [part for file in place.glob("*/receipts/*.jsonl") for part in ("--receipts", file)]
    world.klopf("ledger", "verify", "--rpc", world.url, "--deployment", place / "net/deployment.json", *given)
