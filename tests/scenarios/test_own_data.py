"""A network on the user's own data: a CSV file over the embedded ledger, Parquet files a neuron over an RPC URL."""

import json

import numpy as np
import pytest

from klopf import ledger

from .network import PASSPHRASE, finish, klopf, start

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

ANVIL_WORDS = "test test test test test test test test test test test junk"
"""The words behind anvil's development accounts; every anvil prints them."""


def flowers():
    from sklearn.datasets import load_wine

    data = load_wine()
    return data.feature_names, data.data, np.array(["barolo", "grignolino", "barbera"])[data.target]


def test_a_csv_file_with_text_classes(tmp_path):
    names, inputs, labels = flowers()
    rows = "\n".join(",".join(map(str, [*row, label])) for row, label in zip(inputs, labels, strict=True))
    (tmp_path / "wine.csv").write_text(",".join([*names, "cultivar"]) + "\n" + rows + "\n")
    (tmp_path / "network.toml").write_text("""
epochs = 2
[data]
file = "wine.csv"
target = "cultivar"
share = "equal"
spellings = { bar = "barolo" }
[[neuron]]
name = "one"
settings = { learner = "continual-backprop", hidden = [16] }
[[neuron]]
name = "two"
model = "sklearn:GaussianNB"
settings = { var_smoothing = 0.01 }
[[auditor]]
name = "eye"
[rules]
emission = 100000.0
""")
    run = start(tmp_path / "network.toml", tmp_path / "run")
    summary = finish(run)
    assert summary["accuracy"]["network"] > 0.8
    assert "epoch 2 paid fees only" in run.said
    assert sum(row["earned"] for row in summary["neurons"]) > 0
    assert klopf("verify", tmp_path / "run").returncode == 0
    predictions_of_what_it_learned(tmp_path, names, inputs, labels)
    audit_of_a_neuron(tmp_path, names, inputs, labels)


def audit_of_a_neuron(folder, names, inputs, labels):
    """By its folder alone: its network says what is right and how a table is prepared."""
    asked = "audit", "run", folder / "run" / "neurons" / "two"
    trained = klopf(*asked, folder / "told.csv", "--out", folder / "card.json")
    assert trained.returncode == 2 and "held-out samples are members, too" in trained.stderr
    near = inputs + 0.01 * inputs.std(axis=0) * np.random.default_rng(1).normal(size=inputs.shape)
    rows = [f"{','.join(map(str, row))},{label}" for row, label in zip(near, labels, strict=True)]
    (folder / "near.csv").write_text("\n".join([f"{','.join(names)},cultivar", *rows]) + "\n")
    done = klopf(*asked, folder / "near.csv", "--out", folder / "card.json", "--json")
    card = json.loads(done.stdout)
    assert card["subject"] == "two" and card["model"] == "sklearn:GaussianNB" and card["quality"]["letter"] in "AB"
    assert {"privacy", "backdoor", "constancy"} <= {one["task"] for one in card["findings"]}
    assert card["more"]["standing"] in ("backbone", "fringe") and "KLP" in card["more"]["earned"]
    again = klopf("audit", "repeat", folder / "card.json")
    assert again.returncode == 0 and again.stdout.startswith("the same to the last digit")


def predictions_of_what_it_learned(folder, names, inputs, labels):
    """New samples with their columns in another order, with and without what is right; then what is no sample."""
    order = list(reversed(range(len(names))))
    head, rows = ",".join(names[i] for i in order), [",".join(str(row[i]) for i in order) for row in inputs]
    told = [f"{row},{label}" for row, label in zip(rows, labels, strict=True)]
    (folder / "told.csv").write_text("\n".join([f"{head},cultivar", *told]) + "\n")
    (folder / "new.csv").write_text("\n".join([f"remark,{head}", *(f"none,{row}" for row in rows)]) + "\n")
    before = {file: file.read_bytes() for file in (folder / "run").rglob("*") if file.is_file()}
    said = json.loads(klopf("predict", folder / "run", folder / "told.csv", "--json").stdout)
    assert said["accuracy"] == pytest.approx(np.mean(np.array(said["prediction"]) == labels))
    assert said["accuracy"] > 0.85 and set(said["heard"]) <= {"one", "two"}
    done = klopf("predict", folder / "run", folder / "new.csv", "--out", folder / "said.csv")
    assert done.returncode == 0 and "178 samples; listens to" in done.stderr and "accuracy" not in done.stderr
    header, *lines = (folder / "said.csv").read_text().splitlines()
    assert header == "prediction,probability" and [line.split(",")[0] for line in lines] == said["prediction"]
    assert before == {file: file.read_bytes() for file in (folder / "run").rglob("*") if file.is_file()}
    other = (folder / "told.csv").read_text().replace(",", ";").replace(".", ",").replace("barolo", "bar")
    (folder / "semi.csv").write_text(other)  # spellings are the run's, the rest is said
    form = '{"delimiter": ";", "decimal": ","}'
    told = json.loads(klopf("predict", folder / "run", folder / "semi.csv", "--form", form, "--json").stdout)
    assert told["prediction"] == said["prediction"] and told["accuracy"] == said["accuracy"]
    (folder / "short.csv").write_text("\n".join([",".join(names[1:]), ",".join(map(str, inputs[0, 1:]))]) + "\n")
    short = klopf("predict", folder / "run", folder / "short.csv")
    assert short.returncode == 2 and short.stderr.count("\n") == 1 and repr(names[0]) in short.stderr


def test_parquet_files_a_neuron_over_an_rpc_url(tmp_path, anvil):
    import arro3.core
    import arro3.io

    names, inputs, labels = flowers()
    order = np.random.default_rng(0).permutation(len(labels))
    for name, part in zip(("one", "two"), np.array_split(order, 2), strict=True):
        columns = {n: arro3.core.Array.from_numpy(np.ascontiguousarray(inputs[part, i])) for i, n in enumerate(names)}
        columns["cultivar"] = arro3.core.Array(list(labels[part]), arro3.core.DataType.utf8())
        arro3.io.write_parquet(arro3.core.Table.from_pydict(columns), tmp_path / f"{name}.parquet")
    ledger.keys.save(ledger.keys.restore(ANVIL_WORDS), tmp_path / "operator.json", PASSPHRASE, light=True)
    (tmp_path / "network.toml").write_text(f"""
epochs = 2
[data]
target = "cultivar"
[[neuron]]
name = "one"
file = "one.parquet"
settings = {{ learner = "continual-backprop", hidden = [16] }}
[[neuron]]
name = "two"
file = "two.parquet"
model = "sklearn:GaussianNB"
settings = {{ var_smoothing = 0.01 }}
[[auditor]]
name = "eye"
[ledger]
rpc = "{anvil.url}"
key = "operator.json"
""")
    summary = finish(start(tmp_path / "network.toml", tmp_path / "run"))
    assert summary["accuracy"]["network"] > 0.8
    assert not (tmp_path / "run" / "ledger.sqlite").exists()
    assert klopf("verify", tmp_path / "run").returncode == 0
    anvil.process.terminate()
    anvil.process.wait()
    gone = klopf("verify", tmp_path / "run")
    assert gone.returncode == 2
    assert len(gone.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["status", "verify"])
def test_a_run_that_is_only_described_is_no_run(tmp_path, command):
    (tmp_path / "run.json").write_text('{"settings": {}}')
    done = klopf(command, tmp_path)
    assert done.returncode == 2
    assert "damaged" in done.stderr
