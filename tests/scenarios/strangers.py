"""A network of strangers for scenarios: a founder's chain that is served, folders, and hosts of their own."""

from __future__ import annotations

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from klopf import ledger

from .network import ENVIRONMENT, KLOPF, PASSPHRASE

SKEWED = Path(__file__).with_name("skewed")
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


def files_of_digits(place: Path, owners: int) -> tuple[list[Path], Path]:
    """A file of 400 samples for each owner, and one of 60 questions with their answers."""
    from klopf.mind import problems

    pixels, labels = problems.digits()
    pixels = np.round(pixels * 16)
    order = np.random.default_rng(0).permutation(len(labels))
    mine = [order[400 * k : 400 * (k + 1)] for k in range(owners)]
    files = [write(place / f"{k}.csv", pixels[part], labels[part], turned=k == 1) for k, part in enumerate(mine)]
    return files, write(place / "questions.csv", pixels[order[1400:1460]], labels[order[1400:1460]])


@dataclass
class World:
    """A founder's chain that is served at a URL, and processes that are ended by their ids. Use it with ``with``."""

    place: Path
    url: str = ""
    network: str = ""
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    hosts: Hosts | None = None
    """Where each name is a host of its own; else all are on this one."""
    skew: dict[str, float] = field(default_factory=dict)
    """Seconds by which a host's clock is wrong."""

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGCONT)
        for process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def command(self, arguments: tuple[object, ...], host: str) -> list[str]:
        there = self.hosts.at(host) if self.hosts and host else []
        return [*there, str(KLOPF), *map(str, arguments)]

    def environment(self, host: str) -> dict[str, str]:
        path = f"{SKEWED}:{ENVIRONMENT['PYTHONPATH']}"
        return ENVIRONMENT | {"PYTHONPATH": path, "CLOCK_SKEW": str(self.skew.get(host, 0.0))}

    def run(self, *arguments: object, host: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(arguments, host), capture_output=True, text=True, timeout=600, check=False,
            env=self.environment(host),
        )  # fmt: skip

    def klopf(self, *arguments: object, status: int = 0, host: str = "") -> str:
        done = self.run(*arguments, host=host)
        assert done.returncode == status, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout if status == 0 else done.stderr

    def succeeds(self, *arguments: object, host: str = "") -> bool:
        return self.run(*arguments, host=host).returncode == 0

    def start(self, log: str, *arguments: object, host: str = "") -> subprocess.Popen[str]:
        with (self.place / log).open("a") as out:
            process = subprocess.Popen(
                self.command(arguments, host), stdout=out, stderr=subprocess.STDOUT, text=True,
                env=self.environment(host),
            )  # fmt: skip
        self.running.append(process)
        return process

    def found(self, schema_of: Path, *rules: str) -> None:
        self.klopf("network", "schema", schema_of, "--out", self.place / "schema.json")
        told = [word for rule in rules for word in ("--set", rule)]
        self.network = self.klopf("network", "new", self.place / "net", "--schema", self.place / "schema.json", *told)
        self.network = self.network.strip()

    def serve_chain(self, *where: object, host: str = "") -> subprocess.Popen[str]:
        (self.place / "chain.log").unlink(missing_ok=True)
        chain = self.start("chain.log", "chain", "serve", self.place / "net/ledger.sqlite", *where, host=host)
        self.until(lambda: "serving" in self.log("chain"), "the chain is served", 120)
        return chain

    def join(self, name: str, *more: object) -> subprocess.Popen[str]:
        where = ("--rpc", self.url, "--network", self.network)
        return self.start(f"{name}.log", "join", self.place / name, *where, *more, host=name)

    def serve(self, name: str) -> subprocess.Popen[str]:
        return self.start(f"{name}.log", "serve", self.place / name, host=name)

    def log(self, name: str) -> str:
        return (self.place / f"{name}.log").read_text()

    def grant(self, name: str, amount: int) -> None:
        """The founder sends money to whoever waits for it."""
        self.until(lambda: (self.place / name / "key.json").exists(), f"{name} has a key", 300)
        with self.founder() as book:
            book.token.transfer(self.address(name), amount * ledger.KLP)

    def address(self, name: str) -> str:
        return ledger.keys.read_address(self.place / name / "key.json")

    @functools.cached_property
    def _founder(self) -> ledger.keys.Key:
        return ledger.keys.load(self.place / "net/operator.json", PASSPHRASE)

    def founder(self) -> ledger.Ledger:
        return ledger.connect(self.url, self._founder, ledger.Deployment.load(self.place / "net/deployment.json"))

    def members(self) -> dict[int, ledger.Participant]:
        with self.founder() as book:
            return {p.id: p for p in book.registry.all() if p.role is not ledger.Role.NONE}

    def member(self, name: str) -> ledger.Participant:
        with self.founder() as book:
            return book.registry.get(book.registry.id_of(self.address(name)))

    def epoch(self) -> int:
        with self.founder() as book:
            return book.clock.now().epoch

    def balance(self, name: str) -> float:
        with self.founder() as book:
            return book.token.balance(self.address(name)) / ledger.KLP

    def all_serve(self, names: tuple[str, ...], seconds: float = 300) -> None:
        def serve() -> bool:
            ids = [m for m in self.members().values() if m.role is ledger.Role.NEURON]
            return len(ids) == len(names) and all(m.endpoint for m in ids)

        self.until(serve, "all serve", seconds)

    def bought(self, name: str, questions: Path, fee: str = "0.01") -> dict[str, object] | None:
        """What ``name`` is answered; None where nobody answers."""
        done = self.run("ask", self.place / name, questions, "--fee", fee, "--json", host=name)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def until(self, holds: Callable[[], object], what: str, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not in {seconds:.0f} s: {what}\n{self._logs()}"
            time.sleep(1.0)

    def _logs(self) -> str:
        return "\n".join(f"{log.name}: ...{log.read_text()[-800:]}" for log in sorted(self.place.glob("*.log")))


class Hosts:
    """Network namespaces on one bridge, each an address of both kinds, where this process is the host ``10.77.0.1``.
    Use it with ``with``: skips where namespaces cannot be made, and leaves none behind."""

    def __init__(self, *names: str) -> None:
        self._bridge = f"klp{os.getpid() % 10**6:06d}"
        self._numbers = {name: n for n, name in enumerate(names, 2)}

    def __enter__(self) -> Hosts:
        if os.geteuid() or not shutil.which("ip"):
            pytest.skip("network namespaces can be made by root alone, with iproute2")
        try:
            self._make()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._numbers:
            _ip("link", "del", self._link(name), check=False)
            _ip("netns", "del", self._space(name), check=False)
        _ip("link", "del", self._bridge, check=False)

    def address(self, name: str, version: int = 4) -> str:
        return f"10.77.0.{self._numbers[name]}" if version == 4 else f"fd77::{self._numbers[name]}"

    def at(self, name: str) -> list[str]:
        """What makes a command run there."""
        return ["ip", "netns", "exec", self._space(name)]

    def ip(self, name: str, *arguments: str) -> None:
        _ip("-n", self._space(name), *arguments)

    def link(self, name: str, state: str) -> None:
        """``up`` or ``down``: of the cable between the host and the bridge."""
        _ip("link", "set", self._link(name), state)

    def _make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", "10.77.0.1/24", "dev", self._bridge)
        _ip("-6", "addr", "add", "fd77::1/64", "dev", self._bridge, "nodad")
        _ip("link", "set", self._bridge, "up")
        for name, number in self._numbers.items():
            space, link = self._space(name), self._link(name)
            _ip("netns", "add", space)
            _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", link, "master", self._bridge, "up")
            _ip("-n", space, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            _ip("-n", space, "-6", "addr", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")

    def _space(self, name: str) -> str:
        return f"{self._bridge}-{name}"

    def _link(self, name: str) -> str:
        return f"{self._bridge}n{self._numbers[name]}"


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)
