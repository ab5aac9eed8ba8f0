"""A neuron tells one auditor the contrary of what it tells the two others, and each always the same: in real processes
the auditors exchange what it signed, the neuron pays, and none of them does."""

import pytest

from klopf import ledger
from klopf.ledger import events
from klopf.network import read_run

from .network import finish, klopf, start

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

NETWORK = """
name = "two-faced"
seed = 1
epochs = 3
[data]
file = "digits"
[[neuron]]
name = "ada"
settings = { learner = "continual-backprop", hidden = [32] }
[[neuron]]
name = "tess"
conduct = "tests.adversaries:TwoFaced"
conduct_settings = { misled = 4 }
settings = { learner = "continual-backprop", hidden = [32] }
[[auditor]]
name = "vera"
[[auditor]]
name = "walt"
[[auditor]]
name = "yves"
[audit]
challenge_seconds = 20
[requester]
fee = 0.001
"""


def test_who_tells_two_auditors_different_things_pays_and_neither_auditor_does(tmp_path):
    (tmp_path / "network.toml").write_text(NETWORK)
    summary = finish(start(tmp_path / "network.toml", tmp_path / "run"))
    assert {row["name"]: row["slashed"] for row in summary["auditors"]} == {"vera": 0, "walt": 0, "yves": 0}
    slashed = {row["name"]: row["slashed"] for row in summary["neurons"]}
    assert slashed["tess"] > 0 and slashed["ada"] == 0
    assert {c["neuron"] for c in summary["contradictions"]} == {"tess"}
    run = read_run(tmp_path / "run")
    (walt,) = [m.id for m in run.members if m.name == "walt"]
    with run.connect() as book:
        far = [e for e in ledger.history(book) if isinstance(e, events.audits.Outlier)]
    assert {e.auditor for e in far} == {walt}, "what it was told made it stand out, and it would have paid"
    done = klopf("verify", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    for file in (tmp_path / "run").rglob("log.txt"):
        assert "Traceback" not in file.read_text(), file
