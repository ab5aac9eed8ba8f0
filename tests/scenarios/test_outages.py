"""What happens to machines and cables: a link is down for 48 s, the chain's node is away for a minute, a neuron hangs,
and clocks are wrong. Nobody ends, nobody waits for long, and whoever comes back is heard again."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .strangers import Hosts, World, files_of_digits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RULES = ("listen_seconds=20", "claim_seconds=6", "thaw_seconds=60", "dispute_seconds=0")
NEURONS = ("ada", "ben", "cleo")
SKEW = {"ada": 5.0, "ben": -5.0, "cleo": 0.0}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Hosts("chain", *NEURONS, "rita") as hosts, World(tmp_path, hosts=hosts, skew=SKEW) as made:
        yield made


def heard(world: World, name: str) -> list[tuple[int, set[int]]]:
    """Whom ``name`` listened to, by epoch."""
    lines = re.findall(r"epoch (\d+): accuracy.*listens to \{(.*)\}", world.log(name))
    return [(int(epoch), {int(k) for k in re.findall(r"(\d+):", whom)}) for epoch, whom in lines]


def test_links_nodes_and_neurons_fail_and_nobody_ends(world: World) -> None:
    hosts = world.hosts
    assert hosts is not None
    files, questions = files_of_digits(world.place, len(NEURONS))
    world.found(files[0], *RULES)
    world.url = f"http://{hosts.address('chain')}:8545"
    chain = world.serve_chain("--host", "0.0.0.0", host="chain")
    lives = {name: world.join(name, "--data", file) for name, file in zip(NEURONS, files, strict=True)}
    asker = world.join("rita", "--as", "requester", "--deposit", "20")
    for name in (*NEURONS, "rita"):
        world.grant(name, 150)
    world.all_serve(NEURONS, 150)
    assert asker.wait(120) == 0, world.log("rita")
    ids = {name: world.member(name).id for name in NEURONS}

    def hears(name: str, whom: str, since: int) -> bool:
        return any(epoch >= since and ids[whom] in ks for epoch, ks in heard(world, name))

    # Clocks that are 10 s apart: all hear each other.
    world.until(lambda: hears("ada", "ben", 1) and hears("ben", "ada", 1) and hears("cleo", "ada", 1), "all hear", 120)

    # Ben hangs, and Cleo's cable is out.
    lives["ben"].send_signal(signal.SIGSTOP)
    hosts.link("cleo", "down")
    since = time.monotonic()
    begun = time.monotonic()
    assert world.bought("rita", questions) is not None
    assert time.monotonic() - begun < 60, "whoever hangs is waited for, within bounds"
    begun = time.monotonic()
    assert world.bought("rita", questions) is not None
    assert time.monotonic() - begun < 25, "and not again"
    time.sleep(max(0.0, 48 - (time.monotonic() - since)))
    hosts.link("cleo", "up")
    lives["ben"].send_signal(signal.SIGCONT)
    back = world.epoch() + 1
    assert "is not asked for" in world.log("ada")
    world.until(lambda: hears("ada", "cleo", back) and hears("ada", "ben", back), "they are heard again", 150)
    world.until(lambda: hears("cleo", "ada", back) and hears("ben", "ada", back), "they hear again", 60)

    # The node is away for a minute: whoever asks meanwhile waits, and says so.
    chain.send_signal(signal.SIGTERM)
    chain.wait(30)
    waiting = world.start("rita.log", "ask", world.place / "rita", questions, "--fee", "0.01", host="rita")
    time.sleep(60)
    assert {name: life.poll() for name, life in lives.items()} == dict.fromkeys(NEURONS)
    world.serve_chain("--host", "0.0.0.0", host="chain")
    assert waiting.wait(90) == 0, world.log("rita")
    assert "waiting for the ledger" in world.log("rita")
    later = world.epoch() + 1
    world.until(lambda: hears("ada", "ben", later) and hears("ben", "cleo", later), "the network goes on", 150)

    # All end when they are told to, at once.
    for life in lives.values():
        life.send_signal(signal.SIGTERM)
    for name, life in lives.items():
        assert life.wait(10) == 128 + signal.SIGTERM, world.log(name)
        assert "Traceback" not in world.log(name)
