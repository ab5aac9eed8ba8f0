"""Rules of other packages: an edit of theirs is what runs, and a fault of theirs is one line that names them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
from klopf.mind.kernels.part import Hyperparameter, Rule

class Mine(Rule):
    name = "mine"
    def step(self, plan):
        from klopf.mind import inlined
        def step(net, work, now):
            net.W[0] = 7.0
        return inlined(step)
"""
STEP = "net.W[0] = 7.0"
LEARN = """
import numpy as np
from klopf.mind import Mind, MindError
try:
    m = Mind(3, 1, hidden=(), learner="linear", output="linear", rule="stranger.rules:Mine", dtype="float64")
    m.learn(np.ones((2, 3)), np.ones((2, 1)))
    print(m._tables.net.W[0])
except MindError as error:
    print("MindError:", error)
"""
CHECK = """
from klopf.checks import check_rule
try:
    check_rule("stranger.rules:Mine")
except AssertionError as error:
    print(error)
"""


def _said(folder: Path, source: str, program: str = LEARN, **more: str) -> str:
    """What ``program`` prints with this rule in the package ``stranger``."""
    (folder / "stranger").mkdir(exist_ok=True)
    (folder / "stranger" / "__init__.py").touch()
    (folder / "stranger" / "rules.py").write_text(source)
    environment = {
        **os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "KLOPF_CACHE": str(folder), **more,
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_edited_rule_of_another_package_is_compiled_anew_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    def kernels() -> int:
        return len(list(tmp_path.glob("kernels/**/*.nbc")))

    assert _said(tmp_path, HEAD) == "7.0"
    before = kernels()
    assert _said(tmp_path, HEAD) == "7.0" and kernels() == before
    assert _said(tmp_path, HEAD.replace("7.0", "8.0")) == "8.0"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (STEP, "net.nope[0] = 1.0", "Unknown attribute 'nope'"),
        ("net, work, now", "net, work", "TypeError"),
        ("inlined(step)", "step", "Untyped global name 'step'"),
        ("        from klopf", "        1 / 0\n        from klopf", "ZeroDivisionError: division by zero"),
        (
            "    def step(self",
            "    def weight_rows(self, settings):\n        return None\n    def step(self",
            "TypeError",
        ),
    ],
)
def test_a_wrong_rule_of_another_package_is_one_line_that_names_it(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    line = _said(tmp_path, HEAD.replace(old, new))
    assert line.startswith("MindError: the rule 'stranger.rules:Mine' of stranger is wrong: ")
    assert said in line and "\n" not in line


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("return None", "step() must return a kernel"),
        ("plan.places('tau')\n        return inlined(step)", "'tau', which it does not declare"),
        ("plan.places('step_size')\n        return inlined(step)", "reads step_size: declare"),
    ],
)
def test_the_check_of_rules_names_what_is_missing(tmp_path: Path, new: str, said: str) -> None:
    assert said in _said(tmp_path, HEAD.replace("return inlined(step)", new), CHECK, NUMBA_DISABLE_JIT="1")


def test_a_package_that_takes_a_name_of_klopfs_or_is_broken_harms_nobody_who_does_not_name_it(tmp_path: Path) -> None:
    about = tmp_path / "stranger-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[klopf.learners]\nkalman = stranger.rules:Mine\nbroken = stranger.rules:Mine\n"
    )
    program = "import sys; from klopf.mind import Mind; Mind(3, 2); print('stranger' in sys.modules)"
    assert _said(tmp_path, "raise SystemExit(3)", program) == "False"
