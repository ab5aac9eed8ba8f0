"""Every example runs and shows what it says it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: str) -> str:
    """What an example prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+\.\d+", text)]


@pytest.mark.long
def test_csv_stream_learns_and_recovers_from_the_change():
    first, *_, fifth, sixth, seventh, _, _, last = numbers(run("csv_stream"))
    assert first > 2 * fifth and sixth > 2 * fifth and seventh < sixth / 2 and last < 0.02


def test_river_mind_learns_classes_it_was_never_told_of():
    pytest.importorskip("river")
    assert numbers(run("river_mind"))[0] > 0.8


@pytest.mark.long
def test_plasticity_is_lost_and_kept(tmp_path):
    pytest.importorskip("matplotlib")
    said = run("plasticity", str(tmp_path / "plot.png"))
    backprop, continual, klopf = numbers(said)
    assert klopf < continual < backprop
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_save_and_resume_is_exact():
    assert "the same to the bit" in run("save_and_resume")


def test_agent_learns_to_stay_on_the_track():
    early, late = map(int, re.findall(r"(\d+) steps, the last 20 (\d+)", run("agent"))[0])
    assert late > 4 * early


def test_diagnosis_finds_dormant_units_where_nobody_replaces_them():
    lines = {line.split()[0]: line for line in run("diagnosis").splitlines()}
    dormant = {name: int(re.search(r"dormant (\d+)%", line)[1]) for name, line in lines.items()}
    assert dormant["backprop"] > 5 > dormant["klopf"]


def test_chain_provider_deploys_calls_and_replays():
    said = run("chain_provider")
    assert "block 2, the contract answers 2" in said and "2 blocks replayed" in said


def test_ledger_receipts_pay_and_verify():
    said = run("ledger_receipts")
    assert "earned 1000 and has 1400" in said and said.endswith("second implementation: []\n")


def test_audit_sklearn_has_intervals_and_controls():
    pytest.importorskip("sklearn")
    lines = [numbers(line) for line in run("audit_sklearn").splitlines() if "[" in line]
    assert len(lines) == 6 and all(low <= value <= high for value, low, high, _ in lines)
    accuracy, *_, control = lines[0]
    assert accuracy > 0.7 > 0.2 > control


def test_one_question_is_answered():
    same, other = numbers(run("one_question"))
    assert same > 0.9 and other < 0.1


@pytest.mark.timeout(600)
@pytest.mark.long
def test_small_network_is_paid_and_verified():
    said = run("small_network")
    assert re.search(r"ada +backbone.*earned [1-9]", said)
    assert "every payment follows from events and receipts" in said


def test_the_readme_names_every_example():
    table = (EXAMPLES / "README.md").read_text()
    assert {f"{name}.py" for name in re.findall(r"\[`(\w+)\.py`\]", table)} == {p.name for p in EXAMPLES.glob("*.py")}


def test_a_credit_score_is_proven_of_a_record_that_nobody_sees():
    pytest.importorskip("libipld")
    said = run("credit_score")
    assert "proven: " in said and "were shown: 0" in said
