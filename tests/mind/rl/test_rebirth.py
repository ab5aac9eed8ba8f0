"""Continual backpropagation in agents: who is replaced, by what rule, and what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mind.rl.plain_life import live_side_by_side


@pytest.mark.parametrize("utility", ["contribution", "zero-contribution"])
def test_units_live_and_die_by_the_equations(utility: str) -> None:
    births, expected = live_side_by_side(utility, steps=1500)
    assert births == pytest.approx(expected, abs=3 * expected**0.5)
    assert births > 100


def test_a_mistake_in_the_shared_rule_is_found_here(tmp_path: Path) -> None:
    """Each function of ``klopf.neuron`` that agents call, mutated, in plain Python."""
    path = str(Path(__file__).with_name("plain_mutations.py"))
    env = os.environ | {"NUMBA_DISABLE_JIT": "1", "KLOPF_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", "--timeout", "150", path],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
