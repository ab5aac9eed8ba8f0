"""Asking: what tells most first, and an end."""

import numpy as np
import pytest

from klopf import dao
from klopf.errors import DaoError


def test_what_divides_is_asked_and_what_all_say_is_not(opinions):
    first = dao.Interview(opinions).next()
    assert int(first[1:]) >= 8
    assert dao.Interview(opinions).next(["s0", "s1", "s20"]) == "s20"


def test_answers_are_heard_and_each_tells_less(opinions):
    sitting = dao.Interview(opinions)
    left = [sitting.left()]
    for _ in range(6):
        statement = sitting.next()
        sitting.hear(statement, 1 if int(statement[1:]) < 16 else -1)
        left.append(sitting.left())
    assert left[-1] < 0.3 * left[0]
    told = sitting.probabilities()
    assert told[8:16].mean() > 0.75 and told[16:].mean() < 0.25
    assert len(set(map(str, np.flatnonzero(sitting.gains() == 0)))) == 6


def test_what_matters_is_asked_for(opinions):
    sitting = dao.Interview(opinions)
    only = np.zeros(24)
    assert not sitting.gains(only).any()
    only[20] = 24.0
    assert sitting.gains(only).argmax() >= 8 and sitting.gains(only).max() > sitting.gains().max()
    np.testing.assert_array_equal(sitting.gains(np.ones(24)), sitting.gains())
    sitting.hear("s20", 0)
    assert sitting.answers == {20: 0} and sitting.gains(only)[20] == 0.0


def test_it_ends(opinions):
    sitting = dao.Interview(opinions)
    assert not sitting.enough() and not sitting.enough(1e-9) and sitting.enough(1.0)
    asked = 0
    while (statement := sitting.next()) is not None:
        sitting.hear(statement, 0 if asked % 5 == 4 else 1)
        asked += 1
    assert asked == 24 and sitting.left() == 0.0 and sitting.enough()


def test_known_answers_count_from_the_beginning(opinions):
    whole = dao.Interview(opinions, [("s8", 1), ("s9", 1)])
    step = dao.Interview(opinions)
    step.hear("s8", 1)
    step.hear("s9", 1)
    np.testing.assert_allclose(whole.probabilities(), step.probabilities(), atol=1e-12)
    for statement, said, says in (("nothing", 1, "no statement"), ("s0", 3, "3 is no vote")):
        with pytest.raises(DaoError, match=says):
            step.hear(statement, said)
