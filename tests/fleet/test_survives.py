"""A demand lives through what happens to it: kill -9 of its server, of a node's leader and of a third of the devices, a
full disk, clocks that are off by an hour. The job ends, nobody is paid twice, and no budget is spent twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf import fleet, ledger
from tests.conftest import end, free_port
from tests.fleet.homes import digits, homes
from tests.ledger.conftest import KLP, embedded, secret

KLOPF = [sys.executable, "-c", "from klopf.console import main; main()"]
LATE = [sys.executable, "-c", (
    "import time; real, whole = time.time, time.time_ns; time.time = lambda: real() + 3600; "
    "time.time_ns = lambda: whole() + 3600 * 10**9; from klopf.console import main; main()"
)]  # fmt: skip
"""The same an hour ahead."""
DEMAND = """\
job = "digits"
test = "test.csv"
target = "class"
goal = 1.0
rounds = {rounds}
epochs = 1
enough = 0.8
deadline = 40.0
[model]
name = "mind"
settings = {{ sensors = 64, outputs = 10, hidden = [16], step_size = 0.05 }}
"""


def table(path: Path, first: int, last: int) -> Path:
    x, y = digits()
    header = ",".join([*(f"p{i}" for i in range(64)), "class"])
    rows = np.concatenate([x[first:last], y[first:last, None]], 1)
    np.savetxt(path, rows, delimiter=",", header=header, comments="", fmt="%g")
    return path


def posted(place: Path, rounds: int) -> fleet.DemandFolder:
    table(place / "test.csv", 0, 300)
    (place / "demand.toml").write_text(DEMAND.format(rounds=rounds))
    made = fleet.DemandFolder.create(place / "load", fleet.DemandSettings.read(place / "demand.toml"))
    made.post().card().save(place / "server.json")
    (place / "cards").mkdir()
    return made


class Device:
    """`klopf demand serve`, with a home and a port that stay the same."""

    def __init__(self, place: Path, number: int, command: list[str] = KLOPF, *more: str) -> None:
        self.name, self._place, self._command, self._more = f"dev{number}", place, command, more
        self._port = free_port()
        self._data = table(place / f"{self.name}.csv", 300 + 150 * number, 450 + 150 * number)
        self.start()

    def start(self) -> None:
        words = ["demand", "serve", self._place / self.name, "--data", self._data, "--port", self._port]
        self.process = subprocess.Popen(
            [*self._command, *map(str, words), "--server", str(self._place / "server.json"), *self._more],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def up(self) -> None:
        assert self.process.stdout and f"{self.name} serves" in self.process.stdout.readline()
        shutil.copy(self._place / self.name / "card.json", self._place / "cards" / f"{self.name}.json")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _lead(pipe: Any, key: bytes, port: int, cards: list[fleet.Card], asker: fleet.Card) -> None:
    asyncio.run(_leading(pipe, key, port, cards, asker))


async def _leading(pipe: Any, key: bytes, port: int, cards: list[fleet.Card], asker: fleet.Card) -> None:
    post = fleet.Post("node", secret=key, certificate=pipe.recv())
    post.knows(asker)
    leader = fleet.Leader("node", post.reach(cards), lambda: fleet.strategy("robust"))
    await post.open(leader, port=port)
    pipe.send(post.card(devices=[card.name for card in cards]))
    await asyncio.Event().wait()


class Node:
    """A leader in a process of its own, with a key and a port that stay the same."""

    def __init__(self, leader: fleet.Post, key: bytes, certificate: Any, cards: list[fleet.Card], asker: fleet.Card):
        self._words, self._certificate = (key, free_port(), cards, asker), certificate
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_lead, args=(theirs, *self._words), daemon=True)
        self.process.start()
        self._pipe.send(self._certificate)

    def up(self) -> fleet.Card:
        assert self._pipe.poll(60), "the leader did not start"
        return self._pipe.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


def rounds_of(made: fleet.DemandFolder, number: int, running: subprocess.Popen[str]) -> None:
    """Wait until so many rounds are done."""
    until = time.monotonic() + 200
    while made.state().get("round", 0) < number:
        assert time.monotonic() < until and running.poll() is None, running.poll()
        time.sleep(0.02)


@contextlib.contextmanager
def ended(*devices: Device) -> Iterator[None]:
    try:
        yield
    finally:
        for device in devices:
            end(device.process)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_kills_of_everybody_end_in_one_pay(tmp_path):
    """Server, leader and a third of the devices are killed by -9 and come back; one device's clock is an hour ahead."""
    made, net, payer = posted(tmp_path, 12), embedded(), secret(5)
    server = made.post().card()
    net.admin.fund(payer.address, tokens=500 * KLP)
    net.admin.deployment.save(tmp_path / "deployment.json")
    place = net.admin.rpc.where
    with ledger.connect(place, payer, net.admin.deployment) as own:
        job = own.jobs.open(server.peer.key, 100 * KLP, own.clock.now().time + 9000, 3600, made.terms())
    made.note_job(job, 100 * KLP, place, tmp_path / "deployment.json")
    pay = ["--deployment", str(tmp_path / "deployment.json"), "--rpc", place, "--least", "50"]
    noise = ["--epsilon", "200", "--noise-rounds", "12", "--groups", "10"]
    devices = [Device(tmp_path, 0, KLOPF, *noise), *(Device(tmp_path, i, KLOPF, *pay) for i in range(1, 5))]
    devices.append(Device(tmp_path, 5, LATE))
    key, leader_certificate = os.urandom(32), _certificate()
    leader = fleet.Post("node", secret=key, certificate=leader_certificate)
    with ended(*devices), homes(9, 1, leader.card()) as (cards, _):
        node = Node(leader, key, leader_certificate, cards[:3], server)
        node.up().save(tmp_path / "cards" / "node.json")
        for device in devices:
            device.up()
        words = [*KLOPF, "demand", "run", str(made.path), "--devices", str(tmp_path / "cards")]
        run = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        rounds_of(made, 1, run)
        node.kill()
        rounds_of(made, 2, run)
        for device in devices[:2]:
            device.kill()
        rounds_of(made, made.state()["round"] + 2, run)  # of which one began without them
        run.kill()
        run.wait()
        done = made.state()["round"]
        for one in (*devices[:2], node):
            one.start()
        for one in (*devices[:2], node):
            one.up()
        assert subprocess.run(words, stdout=subprocess.DEVNULL, timeout=300).returncode == 1  # goal 1.0 is not met
        node.kill()
    rounds = made.state()["rounds"]
    assert [one["number"] for one in rounds] == list(range(1, 13)) and 3 <= done < 12
    lost = {name: why for one in rounds[:done] for name, why in one["left_out"].items()}
    assert {"node", "dev0", "dev1"} <= set(lost) and not any("peer " in why for why in lost.values())
    assert all("clock" in one["left_out"]["dev5"] for one in rounds)
    late = [set(one["used"]) | set(one["left_out"]) for one in rounds[done:]]
    assert any({"dev0", "dev1"} <= names and any(n.startswith("node/") for n in names) for names in late)  # are back
    budget = fleet.Accountant(None, 200.0).left
    spent = [json.loads(line)["rho"] for line in (tmp_path / "dev0" / "privacy.jsonl").read_text().splitlines()]
    assert 3 <= len(spent) <= 12 and sum(spent) <= budget * (1 + 1e-9)
    told = [json.loads(line)["round"] for line in (tmp_path / "dev2" / "said.jsonl").read_text().splitlines()]
    assert told == list(range(1, 12))  # each round's worth once, all but the last
    _paid_once(net, made, words, tmp_path, job)


def _certificate() -> Any:
    from klopf import wire

    return wire.Certificate.new("node")


def _paid_once(net: Any, made: fleet.DemandFolder, words: list[str], place: Path, job: int) -> None:
    """After the time to object, pay; killed while it does, and asked again and again."""
    net.pass_time(4000)
    shares = fleet.by_member(fleet.shares(made.state()["values"]))
    for seconds in (0.8, 1.2, 1.6):
        paying = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        paying.kill()
        paying.wait()
    for _ in range(2):
        assert subprocess.run(words, stdout=subprocess.DEVNULL, timeout=120).returncode == 1
    payees = {name: fleet.Card.read(place / "cards" / f"{name}.json").payee for name in shares}
    for name, payee in payees.items():
        assert net.admin.token.balance(payee) == pytest.approx(100 * KLP * shares[name], rel=1e-12, abs=1)
    assert shares.get("dev5", 0) == 0 and net.admin.jobs.held() == 0 and net.admin.jobs.left(job) == 0
    assert ledger.verify(net.admin, []) == []


@pytest.mark.long
def test_a_server_whose_clock_is_off_is_told_so_in_one_line(tmp_path):
    made, devices = posted(tmp_path, 20), []
    devices = [Device(tmp_path, i) for i in range(2)]
    with ended(*devices):
        for device in devices:
            device.up()
        words = ["demand", "run", str(made.path), "--devices", str(tmp_path / "cards"), "--wait", "0"]
        wrong = subprocess.run([*LATE, *words], capture_output=True, text=True, timeout=240)
        assert wrong.returncode == 2 and "set your clock" in wrong.stderr and "dev0" in wrong.stderr
        assert len(wrong.stderr.strip().splitlines()) == 1
        assert subprocess.run([*KLOPF, *words], stdout=subprocess.DEVNULL, timeout=120).returncode == 1
    assert [one["number"] for one in made.state()["rounds"]] == list(range(1, 21))  # none is lost for good
