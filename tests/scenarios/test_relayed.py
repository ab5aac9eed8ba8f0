"""A neuron on a host that lets nobody in is reached through a relay on another host: heard, asked and paid like any."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .strangers import Hosts, World, files_of_digits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RULES = ("listen_seconds=10", "claim_seconds=6", "thaw_seconds=40", "dispute_seconds=0")
NEURONS = ("ada", "hedy")
ALL = ("chain", "relay", *NEURONS, "rita")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Hosts(*ALL) as hosts, World(tmp_path, hosts=hosts) as made:
        # what begins at Hedy's host comes back to it, from ports above; nothing gets to a port at which one listens
        for name in set(ALL) - {"hedy"}:
            for family, place in (("-4", hosts.address("hedy")), ("-6", hosts.address("hedy", 6))):
                ports = ("ipproto", "tcp", "dport", "1-32767", "unreachable")
                hosts.ip(name, family, "rule", "add", "to", place, *ports)
        yield made


def test_a_neuron_that_nobody_can_dial_is_heard_asked_and_paid_through_a_relay(world: World) -> None:
    hosts, place = world.hosts, world.place
    assert hosts is not None
    files, questions = files_of_digits(place, 2)
    world.found(files[0], *RULES)
    world.url = f"http://{hosts.address('chain')}:8545"
    world.serve_chain("--host", "0.0.0.0", host="chain")
    relay = world.start("relay.log", "relay", "--port", "7600", "--first-port", "7700", host="relay")
    more = {"ada": (), "hedy": ("--relay", f"{hosts.address('relay')}:7600", "--port", "7000")}
    lives = {
        name: world.join(name, "--data", file, "--price", "0.01", *more[name])
        for name, file in zip(NEURONS, files, strict=True)
    }
    asker = world.join("rita", "--as", "requester", "--deposit", "20")
    for name in (*NEURONS, "rita"):
        world.grant(name, 150)
    world.all_serve(NEURONS, 150)
    assert asker.wait(120) == 0, world.log("rita")
    assert world.member("hedy").endpoint == f"{hosts.address('relay')}:7700"

    def heard() -> bool:
        said = world.bought("rita", questions)
        return said is not None and len(said["heard"]) == 2  # type: ignore[arg-type]

    world.until(heard, "both answer", 60)
    world.until(lambda: world.member("hedy").utility > 0, "her neighbour hears her", 90)
    world.until(lambda: world.balance("hedy") > 50 + 0.6, "she is paid", 90)

    # The relay is away for a while; nobody ends, and she has her port again.
    relay.send_signal(signal.SIGTERM)
    assert relay.wait(20) == 128 + signal.SIGTERM
    world.until(lambda: "is away" in world.log("hedy"), "she notices", 60)
    world.start("relay.log", "relay", "--port", "7600", "--first-port", "7700", host="relay")
    world.until(heard, "she answers again", 90)
    assert world.member("hedy").endpoint == f"{hosts.address('relay')}:7700"
    for name, life in lives.items():
        life.send_signal(signal.SIGTERM)
        assert life.wait(10) == 128 + signal.SIGTERM, world.log(name)
        assert "Traceback" not in world.log(name)
    assert "Traceback" not in world.log("relay")
