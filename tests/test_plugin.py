"""A package outside Klopf adds one of everything: it is installed, keeps its promises, and makes up a real network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PLUGIN = Path(__file__).parent.parent / "examples/plugin"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """The environment of somebody who has the package beside Klopf; nothing is fetched."""
    target = tmp_path_factory.mktemp("installed")
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", target]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *offline, PLUGIN], check=True)
    return os.environ | {"PYTHONPATH": str(target), "KLOPF_PASSPHRASE": "plugin"}


def run(command: list, environment: dict[str, str], status: int = 0) -> str:
    done = subprocess.run(
        [str(word) for word in command], env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_all_that_it_adds_keeps_its_promises(installed):
    """The package's own tests, which are klopf.checks."""
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", PLUGIN / "tests"], installed)


@pytest.fixture(scope="module")
def ran(installed, tmp_path_factory) -> Path:
    """The run folder of the package's own network."""
    place = tmp_path_factory.mktemp("network")
    (place / "network.toml").write_text((PLUGIN / "network.toml").read_text())
    r = np.random.default_rng(0)
    inputs = r.normal(size=(1500, 3))
    target = 20 + np.tanh(0.5 * inputs[:, 0]) + 2 * inputs[:, 1] - inputs[:, 2]
    rows = "\n".join(",".join(f"{value:.5f}" for value in row) for row in np.column_stack([inputs, target]))
    (place / "room.csv").write_text("outside,wind,heating,temperature\n" + rows + "\n")
    run([BIN / "klopf", "run", place / "network.toml", "--folder", place / "run", "--json"], installed)
    return place / "run"


@pytest.mark.timeout(900)
def test_it_makes_up_a_network_that_verifies(installed, ran):
    summary = json.loads((ran / "summary.json").read_text())
    rows = {row["name"]: row for row in summary["neurons"]}
    assert rows["mira"]["model"] == "least-squares" and rows["mira"]["earned"] > 0
    assert rows["lena"]["earned"] > 0  # a mind that learns by the rule from outside
    assert rows["mira"]["audit"]["closeness"] > 0.5
    assert "Pay by model" in (ran / "report.html").read_text()
    shares = json.loads(run([BIN / "klopf", "shares", ran, "--json"], installed))
    assert shares.keys() == rows.keys() and sum(shares.values()) == pytest.approx(1)
    assert "every balance" in run([BIN / "klopf", "verify", ran], installed)
