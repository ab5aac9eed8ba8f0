"""Networks whose task is not classes: numbers with audits of their own, and text answered by models from outside."""

import json

import numpy as np
import pytest

from klopf import ledger
from klopf.network import read_run
from klopf.peers import Numbers, Text

from .network import finish, klopf, start

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

NUMBERS = """
epochs = 2
[data]
file = "rent.csv"
target = "rent"
task = "numbers"
unit = "EUR"
share = "equal"
[[neuron]]
name = "one"
model = "sklearn:MLPRegressor"
settings = { hidden_layer_sizes = [32], learning_rate_init = 0.01 }
[[neuron]]
name = "two"
model = "sklearn:SGDRegressor"
[[neuron]]
name = "fred"
conduct = "klopf.network.adversaries:FreeRider"
[[auditor]]
name = "eye"
"""

TEXT = """
epochs = 2
[data]
file = "talk.csv"
target = "answer"
task = "text"
share = "equal"
[[neuron]]
name = "one"
model = "tests.peers.models.memory:Memory"
[[neuron]]
name = "two"
model = "tests.peers.models.memory:RemoteMemory"
[[neuron]]
name = "lars"
model = "tests.peers.models.memory:Memory"
conduct = "klopf.network.adversaries:Liar"
[[auditor]]
name = "eye"
"""


def played(folder, text):
    (folder / "network.toml").write_text(text)
    summary = finish(start(folder / "network.toml", folder / "run"))
    assert klopf("verify", folder / "run").returncode == 0
    (requester,) = (folder / "run/requesters").iterdir()
    said = (requester / "log.txt").read_text()
    assert said.count("; listens to") == 2 and "refused" not in said, "models had little to do, and it was waited for"
    return read_run(folder / "run"), summary, {row["name"]: row for row in summary["neurons"]}


def rents(folder):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(900, 4))
    rent = 900 + 150 * inputs[:, 0] - 90 * inputs[:, 1] + 60 * np.sin(2 * inputs[:, 2]) + rng.normal(0, 20, 900)
    rows = "\n".join(",".join(f"{x:.4f}" for x in (*row, y)) for row, y in zip(inputs, rent, strict=True))
    (folder / "rent.csv").write_text("a,b,c,d,rent\n" + rows + "\n")


def test_a_network_of_regressors(tmp_path):
    rents(tmp_path)
    run, summary, rows = played(tmp_path, NUMBERS)
    assert run.task == Numbers(("a", "b", "c", "d"), ("rent",), ("EUR",))
    assert summary["variance_explained"]["network"] > 0.85  # of the variance
    assert rows["fred"]["earned"] < 0.02 * float(sum(row["earned"] for row in rows.values()))
    for name in ("one", "two"):
        assert set(rows[name]["audit"]) == {"variance-explained", "robustness"}
        assert rows[name]["audit"]["variance-explained"] > 0.6
    assert rows["fred"]["audit"]["variance-explained"] == 0
    said = json.loads(klopf("predict", tmp_path / "run", tmp_path / "rent.csv", "--json").stdout)
    assert said["variance_explained"] > 0.85 and len(said["rent"]) == 900
    with run.connect() as book:
        assert book.marks.current() == ledger.Marks({"variance-explained": 1000, "robustness": 2000})


def test_a_network_that_answers_text_with_models_from_outside(tmp_path):
    sayings = {f"what is {n} squared": f"it is {n * n}" for n in range(40)}
    rows = [f'"{question}","{answer}"' for question, answer in sayings.items()] * 6
    (tmp_path / "talk.csv").write_text("question,answer\n" + "\n".join(rows) + "\n")
    run, summary, rows = played(tmp_path, TEXT)
    assert run.task == Text(("question",), ("answer",))
    likeness = summary["likeness"]
    assert likeness["network"] > 0.6 > likeness["linear"] and likeness["best_neuron"] - likeness["network"] < 0.1
    assert rows["lars"]["audit"]["likeness"] < 0.5 < rows["two"]["audit"]["likeness"]
    (tmp_path / "asked.csv").write_text("question\nwhat is 7 squared\n")
    assert klopf("predict", tmp_path / "run", tmp_path / "asked.csv").stdout == "answer\nit is 49\n"
    saved = tmp_path / "run/neurons/two/state/2"
    assert (saved / "model/kind").read_text() == "tests.peers.models.memory:RemoteMemory"
    assert len(json.loads((saved / "post.json").read_text())["commitment"]) == 64
