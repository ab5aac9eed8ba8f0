"""A small network for scenarios: real processes, TLS, EVM and data, in well under a minute."""

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

KLOPF = Path(sys.executable).with_name("klopf")
PASSPHRASE = "scenario"
ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"KLOPF_PASSPHRASE": PASSPHRASE, "PYTHONPATH": str(ROOT)}
"""The path is for conduct and models that live in ``tests``, as an operator's own would in a package."""

NETWORK = """
name = "scenario"
seed = 1
epochs = {epochs}
restart = {restart}
[data]
file = "digits"
[[neuron]]
name = "ada"
settings = {{ learner = "continual-backprop", hidden = [64] }}
[[neuron]]
name = "ben"
settings = {{ learner = "continual-backprop", hidden = [64] }}
[[neuron]]
name = "cleo"
model = "sklearn:SGDClassifier"
settings = {{ loss = "log_loss" }}
[[neuron]]
name = "fred"
conduct = "klopf.network.adversaries:FreeRider"
conduct_settings = {{ favours = "lars" }}
[[neuron]]
name = "lars"
settings = {{ learner = "continual-backprop" }}
conduct = "klopf.network.adversaries:Liar"
conduct_settings = {{ favours = "fred" }}
[[auditor]]
name = "vera"
[[auditor]]
name = "walt"
[[auditor]]
name = "xeno"
conduct = "klopf.network.adversaries:Inflater"
conduct_settings = {{ inflates = "lars" }}
[requester]
fee = 0.001
[ledger]
listen_seconds = {seconds}
claim_seconds = {seconds}
"""


DOUBTS = """
name = "doubts"
seed = 1
epochs = 5
[data]
file = "digits"
[[neuron]]
name = "ada"
settings = {{ learner = "continual-backprop", hidden = [32] }}
[[neuron]]
name = "finn"
conduct = "tests.adversaries:Fickle"
settings = {{ learner = "continual-backprop", hidden = [32] }}
[[auditor]]
name = "vera"
[[auditor]]
name = "walt"
[[auditor]]
name = "pat"
conduct = "tests.adversaries:Padder"
[audit]
challenge_seconds = {seconds}
[requester]
fee = 0.001
"""
"""One neuron that answers otherwise when it is asked again, one auditor that pads what it counted, two honest ones."""


def write_network(folder: Path, *, epochs=4, restart=True, seconds=60, more="") -> Path:
    file = folder / "network.toml"
    text = NETWORK.format(epochs=epochs, restart=str(restart).lower(), seconds=seconds)
    file.write_text(text + more)
    return file


STARTED: list[subprocess.Popen] = []
"""Runs of this process, each with its participants a group of its own."""


def start(file: Path, folder: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [KLOPF, "run", file, "--folder", folder, "--json"], env=ENVIRONMENT,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    STARTED.append(process)
    return process


def end_since(first: int) -> None:
    """End what was started from ``first`` on and still runs, with all its participants: they would slow whoever comes
    after a test that failed."""
    for process in STARTED[first:]:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def finish(process: subprocess.Popen, seconds=500) -> dict:
    """Wait for a run to end well and return its summary; what it told meanwhile is ``process.said``."""
    try:
        out, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=20)
        raise AssertionError(f"the run did not end: {error[-2000:]}") from None
    assert process.returncode == 0, error[-3000:]
    process.said = error
    return json.loads(out, parse_float=Decimal)


def klopf(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([KLOPF, *map(str, arguments)], capture_output=True, text=True, timeout=400, check=False,
                          env=ENVIRONMENT)  # fmt: skip


def await_epoch(folder: Path, epoch: int, seconds=300) -> None:
    """Wait until the requester has asked in ``epoch``: the middle of it."""
    deadline = time.monotonic() + seconds
    while not (folder / "requesters/requester/results" / f"{epoch}.npz").exists():
        assert time.monotonic() < deadline, f"epoch {epoch} was not reached"
        time.sleep(0.05)


def kill(folder: Path, member: str) -> None:
    """kill -9 the process of a participant such as ``neurons/ada``."""
    os.kill(int((folder / member / "process").read_text()), signal.SIGKILL)
