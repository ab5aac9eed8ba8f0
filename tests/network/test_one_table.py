"""The table of any data: each case is still what its line says, and a case is played through."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.long
def test_a_case_is_played_from_its_files_to_the_scores(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    sys.modules.pop("one_table", None)
    import one_table

    found = one_table.played(next(case for case in one_table.CASES if "cancer" in case.what), 0, True)
    assert set(found) == {"accuracy"}  # both classes are frequent: F1 would say no more
    scores = found["accuracy"]
    assert set(scores) == {"oracle", "best", "average", "stacking", "network", "pooled"}
    assert min(scores.values()) > 0.8 and scores["oracle"] >= scores["best"]
