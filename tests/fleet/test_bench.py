"""The bench runs, and says whether what was asked holds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "fleet.py"


@pytest.mark.long
def test_the_bench_says_whether_what_was_asked_holds():
    words = [sys.executable, str(BENCH), "--quick", "--json", "--only", "value,rare"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=150, check=True)
    figures = json.loads(done.stdout)
    assert [set(one) for one in figures] == [{"what", "asked", "measured", "unit", "holds"}] * 3
    assert all(one["holds"] for one in figures)
    wrong = subprocess.run([sys.executable, str(BENCH), "--only", "speed"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "--only takes" in wrong.stderr
