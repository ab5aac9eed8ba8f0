"""Where a learner's arrays begin in memory: at a cache line, also in a copy, a pickle and what was loaded."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klopf.mind import Mind
from klopf.mind._memory import APART, LINE, apart, zeros
from klopf.mind.rl import Agent


@pytest.mark.parametrize("shape", [0, 1, 7, (3, 5), (0, 4), (1000, 129)])
def test_zeros_begin_at_a_line(shape: Any) -> None:
    for dtype in (np.bool_, np.float32, np.float64, np.int64):
        made = zeros(shape, dtype)
        same = np.zeros(shape, dtype)
        assert made.flags.carray and (not made.size or made.ctypes.data % LINE == 0)
        assert made.dtype == same.dtype and made.shape == same.shape and (made == same).all()


def test_a_copy_lies_well_and_apart_from_all_else() -> None:
    askew = zeros(9, np.float32)[1:]
    askew[:] = range(8)
    moved = apart(askew)
    assert moved.tolist() == askew.tolist() and moved.ctypes.data % LINE == 0
    whole = moved
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    before, behind = moved.ctypes.data - whole.ctypes.data, whole.nbytes - moved.nbytes
    assert before >= APART and behind - before >= APART


def _lost(tables: dict[str, np.ndarray[Any, Any]]) -> list[str]:
    return [name for name in ("weights", "units", "covariances", "activations") if name in tables and tables[name].size
            and tables[name].ctypes.data % LINE]  # fmt: skip


def test_learners_and_their_copies_lie_well(tmp_path: Path) -> None:
    agent, mind = Agent(3, choices=2, agent="stream-q"), Mind(3, 2, hidden=(9,))
    agent.save(tmp_path / "agent")
    mind.save(tmp_path / "mind")
    for one in (agent, copy.deepcopy(agent), pickle.loads(pickle.dumps(agent)), Agent.load(tmp_path / "agent")):
        assert _lost(one._arrays()) == []
    for other in (mind, copy.deepcopy(mind), pickle.loads(pickle.dumps(mind)), Mind.load(tmp_path / "mind")):
        assert _lost(other._tables.arrays()) == []
