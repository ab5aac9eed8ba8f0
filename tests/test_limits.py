"""Who hangs is ended, also when it is run again or while it tidies up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HANGS_TWICE = """
import threading

def test_it():
    threading.Event().wait()
"""
HANGS_WHEN_TIDYING = """
import threading
import pytest

@pytest.fixture
def thing():
    yield
    threading.Event().wait()

def test_it(thing):
    threading.Event().wait()
"""


@pytest.mark.parametrize("hangs", [HANGS_TWICE, HANGS_WHEN_TIDYING], ids=["twice", "when tidying"])
def test_who_hangs_is_ended_each_time(tmp_path: Path, hangs: str) -> None:
    (tmp_path / "test_hangs.py").write_text(hangs)
    words = ["-p", "tests.limits", "-p", "no:cacheprovider", "-o", "timeout=1", "--reruns", "1", "--rootdir", tmp_path]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *map(str, words), tmp_path / "test_hangs.py"],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert " rerun" in done.stdout
    assert "Timeout (>1.0s)" in done.stdout
