"""One neuron sells what it is told by the others, in real processes: it asks everybody whatever it is asked, and says
the average. Where answers are sealed it is told too late, and what it has of its own is worth nothing."""

import pytest

from .network import finish, klopf, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NETWORK = """
name = "resale"
seed = 1
epochs = 3
[data]
file = "digits"
[[neuron]]
name = "ada"
model = "sklearn:SGDClassifier"
settings = { loss = "log_loss" }
[[neuron]]
name = "ben"
model = "sklearn:SGDClassifier"
settings = { loss = "log_loss" }
[[neuron]]
name = "cleo"
model = "sklearn:SGDClassifier"
settings = { loss = "log_loss" }
[[neuron]]
name = "rex"
conduct = "klopf.network.adversaries:Reseller"
conduct_settings = { patience = 1 }
[[auditor]]
name = "vera"
[requester]
fee = 0.001
"""


def test_who_resells_sealed_answers_earns_what_its_own_model_adds(tmp_path):
    (tmp_path / "network.toml").write_text(NETWORK)
    summary = finish(start(tmp_path / "network.toml", tmp_path / "run"), 800)
    earned = {row["name"]: float(row["earned"]) for row in summary["neurons"]}
    rex, honest = earned.pop("rex"), sum(earned.values()) / 3
    assert rex < 0.1 * honest
    assert 3 * honest > 2_990, "nobody is paid less for it: all of three epochs' emission is theirs"
    done = klopf("verify", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    for file in (tmp_path / "run").rglob("log.txt"):
        assert "Traceback" not in file.read_text(), file
