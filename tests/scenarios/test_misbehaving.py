"""Packages that misbehave are installed beside Klopf: a whole run goes on, names them, and verifies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

KLOPF = Path(sys.executable).parent / "klopf"

MODELS = """
import hashlib
import sys
import numpy as np
from klopf.peers import Model

class Mute(Model):
    born = False

    def __init__(self, task):
        self.task = task

    @classmethod
    def create(cls, task, seed, settings):
        return cls(task)

    def learn(self, inputs, targets):
        print('{"noise": 1}')

    def answer(self, inputs):
        if self.born:
            raise ValueError("no\\nanswer")
        return np.zeros((len(inputs), 1), np.float32)

    def commitment(self):
        return hashlib.sha256(b"mute").digest()

    def save(self, folder):
        (folder / "mute").write_text("")

    @classmethod
    def load(cls, folder, task):
        model = cls(task)
        model.born = True
        return model

class Leaves(Mute):
    def answer(self, inputs):
        return sys.exit(0) if self.born else super().answer(inputs)
"""

TASKS = """
from klopf.audit import AuditTask

class Fails(AuditTask):
    kinds = ("numbers",)

    def judge(self, answers, targets):
        raise SystemExit("no\\nscore")

class Greedy(Fails):
    fewest = 100_000
"""

PANELS = """
from klopf.network import Panel

class Script(Panel):
    title = "script"

    def data(self, summary):
        return {}

    def html(self, data):
        return "<script>alert(1)</script>"

class Leaves(Script):
    def data(self, summary):
        raise SystemExit
"""

PACKAGES = {
    "mutes": ("klopf.models", "mute = mutes:Mute\nleaves = mutes:Leaves\nmind = mutes:Mute", MODELS),
    "tasks": ("klopf.audit_tasks", "fails = tasks:Fails\ngreedy = tasks:Greedy", TASKS),
    "panels": ("klopf.panels", "script = panels:Script\nleaves = panels:Leaves", PANELS),
    "packs": ("klopf.packs", "core = packs:Core\nwreck = packs:Wreck", "1 / 0"),
    "rules": ("klopf.learners", "adam = rules:Adam\nworse = rules:Worse", "raise SystemExit"),
    "words": ("klopf.commands", "run = words:Run\nwreck = words:Wreck", "print('{}')\n1 / 0"),
    "misnamed": ("klopf.model", "other = misnamed:Other", ""),
}

NETWORK = """
name = "strangers"
seed = 3
epochs = 2

[data]
file = "room.csv"
target = "temperature"
task = "numbers"

[[neuron]]
name = "ada"

[[neuron]]
name = "bob"

[[neuron]]
name = "mel"
model = "mute"

[[neuron]]
name = "lea"
model = "leaves"

[ledger]
listen_seconds = 30
claim_seconds = 30

[audit]
tasks = ["variance-explained", "fails"]

[[auditor]]
name = "vera"
"""


@pytest.fixture
def strangers(tmp_path) -> dict[str, str]:
    """The environment of somebody who has installed all of them, in a folder with the network's data."""
    site = tmp_path / "site"
    for name, (group, lines, module) in PACKAGES.items():
        info = site / f"{name}-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{lines}\n")
        (site / f"{name}.py").write_text(module)
    r = np.random.default_rng(0)
    x = r.normal(size=(800, 3))
    rows = np.column_stack([x, 20 + 2 * x[:, 1] - x[:, 2]])
    np.savetxt(tmp_path / "room.csv", rows, "%.5f", ",", header="outside,wind,heating,temperature", comments="")
    return os.environ | {"PYTHONPATH": str(site), "KLOPF_PASSPHRASE": "strangers"}


def klopf(place: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KLOPF, *words], cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_run_goes_on_and_names_who_failed(tmp_path, strangers):
    (tmp_path / "network.toml").write_text(NETWORK)
    ran = klopf(tmp_path, strangers, "run", "network.toml", "--folder", "run", "--json")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)  # which nobody else wrote to
    rows = {row["name"]: row for row in summary["neurons"]}
    assert min(rows["ada"]["earned"], rows["bob"]["earned"]) > 20 * max(rows["mel"]["earned"], rows["lea"]["earned"])
    assert rows["ada"]["audit"].keys() == {"variance-explained"}
    for said in (
        "mel: neuron mel: model mute of mutes failed in answer(): ValueError: no answer",
        "lea: neuron lea: model leaves of mutes failed in answer(): SystemExit: 0",
        "vera: the audit task 'fails' failed and is passed over: SystemExit: no score",
    ):
        assert said in ran.stderr
    report = (tmp_path / "run" / "report.html").read_text()
    assert "<script" not in report
    assert "of panels is not shown" in report and "of panels failed: SystemExit" in report
    verified = klopf(tmp_path, strangers, "verify", "run")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_an_audit_task_that_would_never_be_asked_is_refused_at_once(tmp_path, strangers):
    (tmp_path / "network.toml").write_text(NETWORK.replace('"fails"', '"greedy"'))
    ran = klopf(tmp_path, strangers, "run", "network.toml", "--folder", "run")
    assert ran.returncode == 2 and not (tmp_path / "run").exists()
    assert "'greedy' needs at least 100000 questions" in ran.stderr and "audit.questions" in ran.stderr
    assert len(ran.stderr.splitlines()) <= 2


def test_what_libraries_cannot_bear_is_named_by_the_package_that_has_it(tmp_path, strangers):
    (tmp_path / "site/misnamed-1.dist-info/entry_points.txt").write_bytes(b"[klopf.models]\nx\xff = a:B\n")
    (tmp_path / "network.toml").write_text(NETWORK)
    ran = klopf(tmp_path, strangers, "run", "network.toml", "--folder", "run")
    assert ran.returncode == 3
    assert ran.stderr.startswith("klopf: misnamed has an entry_points.txt that cannot be read: install it again (")
