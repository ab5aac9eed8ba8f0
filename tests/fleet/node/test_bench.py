"""The bench of a node runs, and what it trains is what one place trains."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[3] / "bench" / "node.py"


@pytest.mark.long
def test_the_bench_finds_no_difference_from_one_place():
    words = [sys.executable, str(BENCH), "--quick", "--json", "--only", "killed"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=170, check=True)
    figures = json.loads(done.stdout)
    assert all(set(one) == {"what", "asked", "measured", "unit", "holds"} for one in figures)
    assert figures[-1]["what"].startswith("greatest difference") and figures[-1]["measured"] == 0
    wrong = subprocess.run([sys.executable, str(BENCH), "--only", "x"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "--only takes" in wrong.stderr
