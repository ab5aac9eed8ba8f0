"""Strangers found a network, join it from folders of their own, are asked, are paid and leave; nothing is shared but a
chain's URL and the network's address."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from klopf import ledger
from tests.conftest import free_port

from .network import ENVIRONMENT, KLOPF, PASSPHRASE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RULES = (
    "listen_seconds=30",
    "claim_seconds=20",
    "thaw_seconds=100",
    "dispute_seconds=0",
)
NAMES = tuple(f"pixel {k}" for k in range(64))


def write(path: Path, inputs: np.ndarray, labels: np.ndarray | None, turned: bool = False) -> Path:
    """A file of digits; ``turned``: its columns in another order, with one more that nobody asked for."""
    order = list(range(64))[:: -1 if turned else 1]
    names = [NAMES[k] for k in order] + (["target"] if labels is not None else []) + (["note"] if turned else [])
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(names)
        for i, row in enumerate(inputs):
            out.writerow([*row[order], *([labels[i]] if labels is not None else []), *(["x"] if turned else [])])
    return path


@dataclass
class World:
    """A founder's chain that is served at a URL, and processes that are ended by their ids."""

    place: Path
    url: str = ""
    network: str = ""
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KLOPF, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False, env=ENVIRONMENT
        )

    def klopf(self, *arguments: object, status: int = 0) -> str:
        done = self.run(*arguments)
        assert done.returncode == status, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout if status == 0 else done.stderr

    def succeeds(self, *arguments: object) -> bool:
        return self.run(*arguments).returncode == 0

    def start(self, log: str, *arguments: object) -> subprocess.Popen[str]:
        with (self.place / log).open("a") as out:
            process = subprocess.Popen(
                [KLOPF, *map(str, arguments)], stdout=out, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT
            )
        self.running.append(process)
        return process

    def join(self, name: str, *more: object) -> subprocess.Popen[str]:
        where = ("--rpc", self.url, "--network", self.network)
        return self.start(f"{name}.log", "join", self.place / name, *where, *more)

    def log(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text()

    def grant(self, name: str, amount: int) -> None:
        """The founder sends money to whoever waits for it."""
        self.until(lambda: (self.place / name / "key.json").exists(), f"{name} has a key", 300)
        with self.founder() as book:
            book.token.transfer(self.address(name), amount * ledger.KLP)

    def address(self, name: str) -> str:
        return ledger.keys.read_address(self.place / name / "key.json")

    def founder(self) -> ledger.Ledger:
        net = self.place / "net"
        key = ledger.keys.load(net / "operator.json", PASSPHRASE)
        return ledger.connect(self.url, key, ledger.Deployment.load(net / "deployment.json"))

    def members(self) -> dict[int, ledger.Participant]:
        with self.founder() as book:
            return {p.id: p for p in book.registry.all() if p.role is not ledger.Role.NONE}

    def balance(self, name: str) -> float:
        with self.founder() as book:
            return book.token.balance(self.address(name)) / ledger.KLP

    def until(self, holds: Callable[[], object], what: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}"
            time.sleep(2.0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in made.running:
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_three_strangers_join_are_asked_are_paid_and_leave(world: World) -> None:
    from klopf.mind import problems

    pixels, labels = problems.digits()
    pixels = np.round(pixels * 16)
    place, rng = world.place, np.random.default_rng(0)
    order = rng.permutation(len(labels))
    mine = np.array_split(order[:1200], 3)
    files = [write(place / f"{k}.csv", pixels[part], labels[part], turned=k == 1) for k, part in enumerate(mine)]
    questions = write(place / "questions.csv", pixels[order[1400:1460]], labels[order[1400:1460]])

    # One founds it ...
    world.klopf("network", "schema", files[0], "--out", place / "schema.json")
    rules = [word for rule in RULES for word in ("--set", rule)]
    world.network = world.klopf("network", "new", place / "net", "--schema", place / "schema.json", *rules).strip()
    port = free_port()
    world.url = f"http://127.0.0.1:{port}"
    chain = world.start("chain.log", "chain", "serve", place / "net/ledger.sqlite", "--port", port)
    world.until(lambda: "serving" in world.log("chain"), "the chain is served", 120)

    # ... three join from folders of their own: no file is shared, and none of theirs can be read by others ...
    names = ("ada", "ben", "cleo")
    models = (("--settings", '{"hidden": [64]}'), ("--model", "sklearn:GaussianNB"), ("--settings", '{"hidden": [32]}'))
    served = {
        name: world.join(name, "--data", file, "--price", "0.01", *model)
        for name, file, model in zip(names, files, models, strict=True)
    }
    for name in names:
        world.grant(name, 150)
    world.until(lambda: len(world.members()) == 3 and all(m.endpoint for m in world.members().values()), "all serve")
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
    assert float(said["paid_KLP"]) == pytest.approx(3 * 60 * 0.01)
    cheap = world.klopf("ask", place / "rita", questions, "--fee", "0.001", status=2)
    assert "an answer costs" in cheap

    # ... the chain is away for a while, one is killed, one is told to stop, and all go on ...
    chain.send_signal(signal.SIGTERM)
    chain.wait(60)
    served["ben"].send_signal(signal.SIGKILL)
    served["cleo"].send_signal(signal.SIGTERM)
    assert served["cleo"].wait(60) == 128 + signal.SIGTERM, world.log("cleo")
    time.sleep(12)
    world.start("chain.log", "chain", "serve", place / "net/ledger.sqlite", "--port", port)
    for name in ("ben", "cleo"):
        served[name] = world.start(f"{name}.log", "serve", place / name)
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
    leaving = [world.start(f"{name}.leave.log", "leave", place / name, "--wait") for name in (*names, "rita")]
    for process in leaving:
        assert process.wait(400) == 0, [world.log(f"{name}.leave") for name in (*names, "rita")]
    assert world.members() == {}
    assert all(world.balance(name) > 140 for name in names)
    given = [part for file in place.glob("*/receipts/*.jsonl") for part in ("--receipts", file)]
    world.klopf("ledger", "verify", "--rpc", world.url, "--deployment", place / "net/deployment.json", *given)
