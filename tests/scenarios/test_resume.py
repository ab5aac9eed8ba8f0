"""A run that was stopped goes on, and one that has ended goes on for some epochs more; the books agree throughout."""

import json
import shutil
import signal
import subprocess
import time

import pytest

from klopf import network

from .network import ENVIRONMENT, KLOPF

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUN = """
epochs = 8
[data]
file = "digits"
[[neuron]]
name = "ada"
model = "sklearn:GaussianNB"
settings = { var_smoothing = 0.01 }
[[neuron]]
name = "ben"
model = "sklearn:SGDClassifier"
settings = { loss = "log_loss" }
[[neuron]]
name = "cleo"
model = "sklearn:GaussianNB"
settings = { var_smoothing = 0.01 }
[[auditor]]
name = "vera"
[[auditor]]
name = "walt"
[rules]
seal_seconds = 5
"""


def klopf(*arguments):
    command = [KLOPF, *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process, status=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    assert "Traceback" not in err
    return out + err


def told(folder):
    """What a run's summary says, and the epochs of which it knows a score."""
    moments = json.loads((folder / "anchor.json").read_text())["moments"]
    return json.loads((folder / "summary.json").read_text()), [moment["epoch"] for moment in moments]


def test_a_killed_run_goes_on_and_an_ended_one_goes_on_for_longer(tmp_path):
    (tmp_path / "network.toml").write_text(RUN)
    folder = tmp_path / "run"
    first = klopf("run", tmp_path / "network.toml", "--folder", folder)
    deadline = time.monotonic() + 200
    while not (folder / "requesters/requester/results/1.npz").exists():
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    # while it lives nobody else may live there
    assert "still runs" in said(klopf("run", "--resume", folder), 2)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    time.sleep(6)  # its processes see that it has gone
    said(klopf("run", "--resume", folder))
    before, lived = told(folder)
    assert lived[-1] == 8
    assert said(klopf("verify", folder))
    # two more: the epoch that the ledger had begun when all had gone may be let pass
    said(klopf("run", "--resume", folder, "--epochs", "2"))
    after, longer = told(folder)
    assert longer[: len(lived)] == lived and len(longer) == len(lived) + 2
    assert after["accuracy"]["network"] > 0.8
    assert sum(n["earned"] for n in after["neurons"]) > sum(n["earned"] for n in before["neurons"])
    assert after["seconds"] > before["seconds"]
    assert network.verify(folder) == []
    # what is damaged is one line that names it, before anything is begun
    whole = (folder / "test.npz").read_bytes()
    for cut in (b"", whole[:40]):
        (folder / "test.npz").write_bytes(cut)
        assert "test.npz cannot be read" in said(klopf("run", "--resume", folder), 2)
    (folder / "test.npz").unlink()
    assert "test.npz cannot be read" in said(klopf("run", "--resume", folder), 2)
    (folder / "test.npz").write_bytes(whole)
    shutil.rmtree(folder / "neurons/ada")
    assert "ada is not a participant's folder" in said(klopf("run", "--resume", folder), 2)


def test_what_cannot_be_resumed_is_one_line(tmp_path):
    assert "is not a run folder" in said(klopf("run", "--resume", tmp_path), 2)
    assert "leave out the file" in said(klopf("run", tmp_path / "a.toml", "--resume", tmp_path), 2)
    assert "at least 1" in said(klopf("run", "--resume", tmp_path, "--epochs", "0"), 2)
