"""Strangers on hosts of their own, each in a network namespace: the chain's node in one, three neurons and whoever asks
in four others. They join, serve, ask, are paid and leave by the commands alone, over IPv4 and IPv6."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .strangers import Hosts, World, files_of_digits

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RULES = ("listen_seconds=10", "claim_seconds=6", "thaw_seconds=40", "dispute_seconds=0")
NEURONS = ("ada", "ben", "cleo")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Hosts("chain", *NEURONS, "rita") as hosts, World(tmp_path, hosts=hosts) as made:
        yield made


def test_strangers_on_hosts_of_their_own_join_serve_ask_are_paid_and_leave(world: World) -> None:
    place, hosts = world.place, world.hosts
    assert hosts is not None
    files, questions = files_of_digits(place, len(NEURONS))
    world.found(files[0], *RULES)
    world.url = f"http://{hosts.address('chain')}:8545"
    world.serve_chain("--host", "::", host="chain")

    # Ada and Ben are reached over IPv4; Cleo knows the chain by its IPv6 address alone, and is reached so.
    far = f"http://[{hosts.address('chain', 6)}]:8545"
    served = {}
    for name, file in zip(NEURONS, files, strict=True):
        own = ("--model", "sklearn:GaussianNB") if name == "ben" else ("--settings", '{"hidden": [32]}')
        rpc = far if name == "cleo" else world.url
        where = ("--rpc", rpc, "--network", world.network)
        more = ("--data", file, "--price", "0.01", *own)
        served[name] = world.start(f"{name}.log", "join", place / name, *where, *more, host=name)
    asker = world.join("rita", "--as", "requester", "--deposit", "20")
    for name in (*NEURONS, "rita"):
        world.grant(name, 150)
    world.all_serve(NEURONS, 120)
    endpoints = {name: world.member(name).endpoint.rpartition(":")[0] for name in NEURONS}
    assert endpoints == {
        "ada": hosts.address("ada"), "ben": hosts.address("ben"), "cleo": f"[{hosts.address('cleo', 6)}]",
    }  # fmt: skip

    # A fourth host asks, and hears all three.
    assert asker.wait(120) == 0, world.log("rita")
    said = json.loads(world.klopf("ask", place / "rita", questions, "--fee", "0.01", "--json", host="rita"))
    assert len(said["heard"]) == 3
    assert said["accuracy"] > 0.85
    assert float(said["paid_KLP"]) == pytest.approx(3 * 60 * 0.01)

    # They are paid, for what they answered and for being listened to by one another.
    world.until(lambda: all(world.balance(name) > 50 + 0.6 for name in NEURONS), "all are paid", 120)
    with world.founder() as book:
        assert any(m.utility > 0 for m in book.registry.all())

    # And leave, with what is their own.
    for process in served.values():
        process.send_signal(signal.SIGTERM)
    for name, process in served.items():
        assert process.wait(30) == 128 + signal.SIGTERM, world.log(name)
    leaving = {
        name: world.start(f"{name}.leave.log", "leave", place / name, "--wait", host=name)
        for name in (*NEURONS, "rita")
    }
    for name, process in leaving.items():
        assert process.wait(150) == 0, world.log(f"{name}.leave")
    assert world.members() == {}
    assert all(world.balance(name) > 150 for name in NEURONS)
