"""What is printed and written of answers and members runs nothing: neither in a spreadsheet nor in a terminal."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from klopf import peers
from klopf.console.cli.access import as_rows
from klopf.console.cli.network import can_be_written, print_prediction
from klopf.errors import PeersError
from klopf.network import Prediction

RUN = ["=HYPERLINK(1)", "+cmd|x", "-2+3", "@SUM(A1)", "\tx"]
PLAIN = ["-1", "+", "-", "-1.5e3", "red", "a=b"]


def test_no_spreadsheet_runs_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = peers.Classes(("a",), tuple(RUN + PLAIN))
    said = Prediction(task, np.eye(len(task.names)), {"#1": 1.0}, None)
    print_prediction(said, tmp_path / "said.csv", False)
    with (tmp_path / "said.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["prediction"] for row in rows] == ["'" + name for name in RUN] + PLAIN
    print_prediction(said, None, False)
    assert "\n'=HYPERLINK(1),1.0\n" in capsys.readouterr().out
    numbers = Prediction(peers.Numbers(("a",), ("=x",)), np.array([[-1.5], [2.0]]), {"#1": 1.0}, None)
    print_prediction(numbers, tmp_path / "numbers.csv", False)
    assert (tmp_path / "numbers.csv").read_text() == "'=x\n-1.5\n2.0\n"


def test_where_answers_cannot_be_written_none_are_bought(tmp_path: Path) -> None:
    can_be_written(tmp_path / "said.csv")
    with pytest.raises(PeersError, match="there is no folder"):
        can_be_written(tmp_path / "none" / "said.csv")
    with pytest.raises(PeersError, match="is a folder: name a file"):
        can_be_written(tmp_path)


def test_no_terminal_runs_what_members_call_themselves() -> None:
    rows = as_rows([{"id": 1, "model": "a\x1b[2J\nb"}, {"id": 2, "model": "naïve"}])
    assert [row for row in rows if not row.isprintable()] == [] and "\\x1b[2J\\nb" in rows[1] and "naïve" in rows[2]
