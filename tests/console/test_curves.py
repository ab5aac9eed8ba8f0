"""A file of curves survives whoever writes it, stays small, and is read as it grows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from klopf.console import curves
from klopf.console.curves import Curves
from klopf.errors import MindError


def all_of(file: Path) -> list[tuple[str, int, float]]:
    found, place = [], 0
    while True:
        points, after = curves.read(file, place)
        found += points
        if after == place:
            return found
        place = after


def test_what_is_written_is_read_as_it_grows(tmp_path: Path):
    file = tmp_path / "curves.jsonl"
    with Curves(file) as kept:
        kept.put("return, seed 0", 1, 0.5)
        first, place = curves.read(file)
        kept.put("return, seed 0", 2, 1 / 3)
        kept.put("return, seed 1", 2, float("nan"))
        second, end = curves.read(file, place)
    assert first == [("return, seed 0", 1, 0.5)] and second == [("return, seed 0", 2, 0.333333)]
    assert curves.read(file, end) == ([], end) and curves.read(file, 10**9)[0] == first + second, "another file"
    with pytest.raises(OSError, match="No such file"):
        curves.read(tmp_path / "nothing")
    with pytest.raises(MindError, match="cannot write"):
        Curves(tmp_path / "no" / "folder")


@pytest.mark.parametrize("cut", [1, 5, 19])
def test_half_a_line_is_no_line_and_harms_no_other(tmp_path: Path, cut: int):
    file = tmp_path / "curves.jsonl"
    with Curves(file) as kept:
        kept.put("a", 1, 1.0)
        kept.put("b", 2, 2.0)
    file.write_bytes(file.read_bytes()[: -min(cut, len('["b",2,2.0]\n') - 1)])
    with Curves(file) as kept:
        kept.put("c", 3, 3.0)
    assert [name for name, _, _ in all_of(file)] in (["a", "c"], ["a", "b", "c"])


def test_it_stays_small_however_long_it_goes_on(tmp_path: Path):
    file = tmp_path / "curves.jsonl"
    with Curves(file) as kept:
        for step in range(100_000):
            kept.put("x", step, step)
        for other in range(200):
            kept.put(f"s{other}", 1, 1)
    points = all_of(file)
    xs = [step for name, step, _ in points if name == "x"]
    assert len(xs) < curves.MOST * 9 and xs[-1] > 99_000 and len({name for name, _, _ in points}) == curves.SERIES


@pytest.mark.parametrize("line", [
    "", "[]", "null", "{", '["a",1]', '["a",1,NaN]', '["a",1.5,2]', '["a",-1,2]', '["a",true,2]', "[1,1,2]",
    "[" * 99_999, '["a",1,"2"]', '["a",' + "9" * 5_000 + ",2]", '["a",9007199254740992,2]',
])  # fmt: skip
def test_a_senseless_line_is_passed_over(tmp_path: Path, line: str):
    file = tmp_path / "curves.jsonl"
    file.write_text(line + "\n" + json.dumps(["good", 1, 2]) + "\n")
    assert all_of(file) == [("good", 1, 2.0)]


def test_a_line_without_an_end_is_not_waited_for_for_ever(tmp_path: Path):
    file = tmp_path / "curves.jsonl"
    file.write_bytes(b"x" * (curves.LONGEST + 5) + b"\n" + b'["good",1,2]\n')
    assert all_of(file) == [("good", 1, 2.0)]


@pytest.mark.skipif(os.name == "nt", reason="Windows kills otherwise")
def test_who_is_killed_leaves_whole_points(tmp_path: Path):
    file = tmp_path / "curves.jsonl"
    code = (
        "import sys; from pathlib import Path; from klopf.console.curves import Curves\n"
        "kept = Curves(Path(sys.argv[1]))\n"
        "for step in range(10**9): kept.put(f'a{step % 7}', step, step)"
    )
    writing = subprocess.Popen([sys.executable, "-c", code, str(file)])
    while not (file.exists() and file.stat().st_size > 10_000):
        time.sleep(0.01)
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    points = all_of(file)
    assert len(points) > 100 and all(
        name == f"a{step % 7}" and value == step for name, step, value in points if step < 10**5
    )
