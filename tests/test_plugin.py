"""A package outside Klopf adds one of everything: it is installed, keeps its promises, and makes up a real network."""

import hashlib
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


@pytest.mark.long
def test_all_that_it_adds_keeps_its_promises(installed):
    """The package's own tests, which are klopf.checks."""
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", PLUGIN / "tests"], installed)


def test_learners_are_compared_on_its_problem(installed):
    told = ["bench", "problem", "seasons", "--learners", "linear", "--steps", "8000", "--seeds", "2", "--json"]
    slow, fast = (
        json.loads(run([BIN / "klopf", *told, "--setting", setting], installed))[0] for setting in ("slow", "fast")
    )
    assert slow["seeds"] == 2 and slow["setting"] == "slow" and 0 < slow["error"] < fast["error"]


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


JOIN = """
import sys
from pathlib import Path
from klopf import ledger, network
from klopf_example.circle import Circle

run = network.read_run(Path(sys.argv[1]))
mira = next(member for member in run.members if member.name == "mira")
key = ledger.keys.load(run.folder / mira.folder / "key.json", "plugin")
with ledger.connect(run.folder / "ledger.sqlite", key, ledger.Deployment.load(run.folder / "deployment.json")) as mine:
    mine.client(Circle).join(1, mira.id)
    print(mine.client(Circle).size(1))
"""


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
    assert run([sys.executable, "-c", JOIN, ran], installed).strip() == "1"
    assert "every balance" in run([BIN / "klopf", "verify", ran], installed)
    without = {name: value for name, value in installed.items() if name != "PYTHONPATH"}
    said = run([BIN / "klopf", "verify", ran], without, status=1)
    assert "Circle" in said and "install" in said


def test_its_contract_is_the_one_that_was_compiled():
    source = hashlib.sha256((PLUGIN / "contracts/Circle.sol").read_bytes()).hexdigest()
    built = json.loads((PLUGIN / "src/klopf_example/artifacts/build.json").read_text())
    assert built["sources"]["src/Circle.sol"] == source, "compile it again: see examples/plugin/README.md"
