"""Sizes that no memory holds are refused in one line, whoever's they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from klopf.errors import MindError
from klopf.mind import Mind, rl

BEYOND = {
    "sensors": lambda n: Mind(n, 2),
    "outputs": lambda n: Mind(3, n),
    "hidden units": lambda n: Mind(3, 2, hidden=(4, n)),
    "trees": lambda n: Mind(3, 2, trees=n),
    "observations": lambda n: rl.Agent(n, choices=2, agent="stream-q"),
    "choices": lambda n: rl.Agent(3, choices=n, agent="stream-q"),
    "an agent's units": lambda n: rl.Agent(3, choices=2, agent="stream-q", hidden=(n,)),
    "features": rl.SwiftTD,
    "features of TD": rl.TrueOnlineTD,
    "features of demons": lambda n: rl.Horde(n, [0.9]),
}


@pytest.mark.parametrize("make", BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize("size", [2**50, 2**62, 10**30], ids=["more than memory", "more than an array", "no integer"])
def test_a_size_beyond_all_memory_is_refused_in_one_line(make: Callable[[int], Any], size: int) -> None:
    with pytest.raises(MindError, match="no room in memory") as caught:
        make(size)
    assert "\n" not in str(caught.value)


def test_so_are_those_of_rivers_classes() -> None:
    river = pytest.importorskip("klopf.mind.river")
    x = {"a": 1.0}
    for learn in (
        lambda: river.MindClassifier(hidden=2**50).learn_one(x, "b"),
        lambda: river.MindRegressor(hidden=2**50).learn_one(x, 1.0),
        lambda: river.MindAnomalyDetector(units=2**50).learn_one(x),
        lambda: river.MindAnomalyDetector(max_features=2**50).learn_one(x),
    ):
        with pytest.raises(MindError, match="no room in memory"):
            learn()


def test_sparse_rows_of_a_mind_are_refused_with_what_to_do() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    m = Mind(3, 2, hidden=(4,))
    for call in (
        lambda: m.learn(sparse.csr_matrix(np.eye(3)), [0, 1, 0]),
        lambda: m.predict(sparse.csr_array(np.eye(3))),
        lambda: m.learn(np.eye(3), sparse.csr_matrix([[0, 1, 0]])),
    ):
        with pytest.raises(MindError, match=r"toarray\(\)"):
            call()
