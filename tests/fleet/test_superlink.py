"""Rounds of ours over Flower's own SuperLink, with SuperNodes in processes of their own. Needs the extra flower."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from klopf import fleet
from klopf.extras import missing

APP = Path(__file__).parents[2] / "examples/superlink"
BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.extras,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(missing("flower")), reason='needs pip install "klopf[flower]"'),
]


def free(count: int) -> list[int]:
    """Ports of loopback on which nobody listens."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Flower:
    """A SuperLink and SuperNodes, each with its part of the records."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, {}
        self.home = folder / "flower"
        self.home.mkdir()
        path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"  # Flower starts programs by name
        told = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_HOME": str(self.home), "PATH": path, "OMP_NUM_THREADS": "1"}
        self.settings = {**os.environ, **told}
        self.settings.pop("PYTHONDONTWRITEBYTECODE", None)  # a process must be up within 30 s, or its task is lost

    def start(self, name: str, *words: str | Path) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [BIN / words[0], *words[1:]], env=self.settings, cwd=self.folder, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def open(self, nodes: int) -> None:
        port, *ports = free(1 + nodes)
        (self.home / "config.toml").write_text(
            f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
        )
        self.start("link", "flower-superlink", "--insecure", "--port", str(port),
                   "--disable-runtime-dependency-installation")  # fmt: skip
        self.until(lambda: listens(port))
        for i, own in enumerate(ports):
            part = f"partition={i} partitions={nodes}"
            self.start(f"node{i}", "flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{port}", "--port",
                       str(own), "--node-config", part)  # fmt: skip

    def until(self, seen, seconds: float = 900.0) -> None:
        """Wait; a process that ends badly before that is a failure, with what it said."""
        ends = time.monotonic() + seconds
        while not seen():
            said = {log.stem: log.read_text()[-1500:] for log in sorted(self.folder.glob("*.log"))}
            assert time.monotonic() < ends, said
            for name, one in self.running.items():
                assert one.poll() in (None, 0), said[name]
            time.sleep(0.5)

    def close(self) -> None:
        for one in self.running.values():
            told(one, signal.SIGTERM)
        for one in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                one.wait(20)
            told(one, signal.SIGKILL)  # and the processes that it has started for messages
            one.wait()


def told(one: subprocess.Popen[bytes], what: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(one.pid, what)


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def flower(folder: Path, nodes: int) -> Iterator[Flower]:
    one = Flower(folder)
    try:
        one.open(nodes)
        yield one
    finally:
        one.close()


def test_rounds_of_ours_run_over_a_superlink_to_the_bit_as_here(tmp_path):
    outcome = tmp_path / "outcome.json"
    with flower(tmp_path, 2) as running:
        running.start("run", "flwr", "run", APP, "here", "--run-config", f'outcome="{outcome}"')
        running.until(outcome.exists)
    found = json.loads(outcome.read_text())
    assert [len(used) for used in found["used"]] == [2, 2] and found["left out"] == [{}, {}]
    assert found["score"] > 0.5 and sum(found["shares"].values()) == pytest.approx(1)

    spec = importlib.util.spec_from_file_location("rounds", APP / "rounds.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    inputs, targets = (part[: app.HELD_OUT] for part in app.digits())
    test, validation = fleet.Test(inputs[:200], targets[:200]), fleet.Validation(inputs[200:], targets[200:], bytes(16))
    demand = fleet.Demand(app.WANTED, rounds=2, deadline=300)
    ends = []
    for order in ((0, 1), (1, 0)):  # SuperNodes are numbered by chance
        members = [fleet.Local(app.device({"partition": i, "partitions": 2})) for i in order]
        rounds = fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)
        ends.append([array.tobytes().hex() for array in asyncio.run(rounds.run()).parameters])
    assert found["parameters"] in ends
