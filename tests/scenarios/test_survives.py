"""A network of strangers through kills, restarts, partitions, hung processes, wrong clocks and a chain that is away,
for a minute or for twenty: nobody is stuck, nothing is paid twice, memory stays flat."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .strangers import Hosts, World, files_of_digits

RULES = ("listen_seconds=16", "claim_seconds=6", "thaw_seconds=120", "dispute_seconds=0", "maturity=1000")
"""Nobody is judged: who is away for some epochs would fall silent, as it should."""
NEURONS = ("ada", "ben", "cleo")
STEADY = "cleo"
"""It is cut off and stopped, but never killed: its memory is looked at."""
SKEW = {"ada": 5.0, "ben": -5.0, "cleo": 0.0}
MORE = 1.2
"""Times what it was in the second quarter memory may be in the last one."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Hosts("chain", *NEURONS, "rita") as hosts, World(tmp_path, hosts=hosts, skew=SKEW) as made:
        yield made


@dataclass
class Ordeal:
    """What happens to a network, drawn from a seed."""

    world: World
    lives: dict[str, subprocess.Popen[str]]
    chain: subprocess.Popen[str]
    away: float
    """Seconds for which the chain's node is away, once."""
    rng: random.Random = field(default_factory=lambda: random.Random(14))
    memory: list[float] = field(default_factory=list)
    """Of the steady one, in MB."""
    happened: list[str] = field(default_factory=list)
    bought: int = 0

    def kill(self) -> None:
        name = self.rng.choice([name for name in NEURONS if name != STEADY])
        self.lives[name].kill()
        self._again(name)

    def stop(self) -> None:
        name = self.rng.choice([name for name in NEURONS if name != STEADY])
        self.lives[name].send_signal(signal.SIGTERM)
        assert self.lives[name].wait(60) == 128 + signal.SIGTERM, self.world.log(name)
        self._again(name)

    def _again(self, name: str) -> None:
        self.lives[name].wait(60)
        assert "Traceback" not in self.world.log(name), self.world.log(name)[-3000:]
        time.sleep(self.rng.uniform(0, 5))
        self.lives[name] = self.world.serve(name)

    def cut(self) -> None:
        hosts, name = self.world.hosts, self.rng.choice(NEURONS)
        assert hosts is not None
        hosts.link(name, "down")
        time.sleep(self.rng.uniform(2, 20))
        hosts.link(name, "up")

    def hang(self) -> None:
        name = self.rng.choice(NEURONS)
        self.lives[name].send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(2, 15))
        self.lives[name].send_signal(signal.SIGCONT)

    def lose_the_chain(self) -> None:
        self.chain.send_signal(self.rng.choice((signal.SIGTERM, signal.SIGKILL)))
        self.chain.wait(30)
        time.sleep(self.away)
        self.chain = self.world.serve_chain("--host", "0.0.0.0", host="chain")

    def last(self, seconds: float, questions: Path) -> None:
        begun, half = time.monotonic(), False
        while (gone := time.monotonic() - begun) < seconds:
            if not half and gone > seconds / 2:
                half, act = True, self.lose_the_chain
            else:
                act = self.rng.choice((self.kill, self.stop, self.cut, self.hang))
            act()
            self.happened.append(f"{gone:.0f} s: {act.__name__}")
            self.bought += self.world.bought("rita", questions) is not None
            self.memory.append(_megabytes(self.lives[STEADY].pid))
            time.sleep(self.rng.uniform(1, 6))


def _megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def survives(world: World, seconds: float, away: float) -> Ordeal:
    hosts, place = world.hosts, world.place
    assert hosts is not None
    files, questions = files_of_digits(place, len(NEURONS))
    world.found(files[0], *RULES)
    world.url = f"http://{hosts.address('chain')}:8545"
    chain = world.serve_chain("--host", "0.0.0.0", host="chain")
    more = ("--settings", '{"hidden": [16]}')
    lives = {name: world.join(name, "--data", file, *more) for name, file in zip(NEURONS, files, strict=True)}
    asker = world.join("rita", "--as", "requester", "--deposit", "20")
    for name in (*NEURONS, "rita"):
        world.grant(name, 150)
    world.all_serve(NEURONS, 200)
    assert asker.wait(240) == 0, world.log("rita")
    ordeal = Ordeal(world, lives, chain, away)
    first = world.epoch()
    ordeal.last(seconds, questions)
    print("\n".join(ordeal.happened), f"\nepochs {first} to {world.epoch()}, bought {ordeal.bought} times")
    print("MB of", STEADY, [round(mb) for mb in ordeal.memory])

    # Nobody is stuck: each is settled as one who was heard in an epoch that began after all this.
    begun = world.epoch() + 1

    def all_heard() -> bool:
        with world.founder() as book:
            ids = [book.registry.id_of(world.address(name)) for name in NEURONS]
            return any(
                all(book.settlement.column(epoch, id).claimed for id in ids)
                for epoch in range(begun, book.clock.now().epoch)
            )

    world.until(all_heard, "everybody claims again", 240)
    assert world.epoch() - first >= seconds / 60
    assert ordeal.bought > 0

    # Nothing is paid twice: all that was claimed and paid follows from events and receipts.
    for name, life in ordeal.lives.items():
        life.send_signal(signal.SIGTERM)
        assert life.wait(60) == 128 + signal.SIGTERM, world.log(name)
        assert "Traceback" not in world.log(name)
    given = [part for file in place.glob("*/receipts/*.jsonl") for part in ("--receipts", file)]
    print(
        world.klopf(
            "ledger", "verify", "--rpc", world.url, "--deployment", place / "net/deployment.json", *given, host="rita"
        )
    )
    return ordeal


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_minute(world: World) -> None:
    survives(world, 60, away=10)


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_twenty_minutes(world: World) -> None:
    ordeal = survives(world, 20 * 60, away=60)
    quarter = len(ordeal.memory) // 4
    early, late = sorted(ordeal.memory[quarter : 2 * quarter]), sorted(ordeal.memory[-quarter:])
    assert late[quarter // 2] < MORE * early[quarter // 2], ordeal.memory
