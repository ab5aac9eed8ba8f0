"""Weights: names of one's own are worth no more than one."""

from itertools import pairwise

import numpy as np
import pytest

from klopf import dao
from klopf.errors import DaoError

HONEST = [f"m{i}" for i in range(50)]
START = dict.fromkeys(HONEST, 1.0)


def paid(seed=0):
    rng = np.random.default_rng(seed)
    return [(a, HONEST[j], float(rng.exponential())) for a in HONEST for j in rng.integers(0, 50, 6)]


def test_weights_are_one_together_and_follow_what_came_in():
    found = dao.reputation([("a", "b", 3.0), ("a", "c", 1.0)], {"a": 1.0})
    assert sum(found.values()) == pytest.approx(1.0)
    assert (
        found["a"] == pytest.approx(0.5) and found["b"] == pytest.approx(0.375) and found["c"] == pytest.approx(0.125)
    )


@pytest.mark.parametrize("shape", ["star", "ring", "all to one"])
def test_a_thousand_names_of_one_member_are_worth_no_more_than_it_let_go(shape):
    names = [f"s{i}" for i in range(1000)]
    own = {
        "star": [("m0", s, 1e6) for s in names] + [(s, "m0", 1e6) for s in names],
        "ring": [(a, b, 1e6) for a, b in zip(["m0", *names], [*names, "m0"], strict=True)],
        "all to one": [(s, "m0", 1e6) for s in names],
    }[shape]
    before, after = dao.reputation(paid(), START), dao.reputation(paid() + own, START)
    together = after["m0"] + sum(after[s] for s in names)
    assert together <= 2.0 * before["m0"] + 1e-9
    assert sum(abs(after[m] - before[m]) for m in HONEST[1:]) <= 2.0 * before["m0"] + 1e-9
    heard = dao.voices(after, START, names)
    assert heard.sum() <= 1.0  # together no more than one member who has something at risk


def test_a_newcomer_is_heard_once_others_paid_it():
    def weight(n):
        return dao.reputation([*paid(), *[(HONEST[i], "new", 1.0) for i in range(n)]], START).get("new", 0.0)

    weights = [weight(n) for n in range(6)]
    assert weights[0] == 0.0 and all(a < b for a, b in pairwise(weights))


def test_voices_are_at_most_one_and_half_are_whole():
    found = dao.reputation(paid(), START)
    heard = dao.voices(found, START, [*HONEST, "stranger"])
    assert heard.max() == 1.0 and (heard[:50] == 1.0).sum() >= 25 and heard[50] == 0.0


@pytest.mark.parametrize(
    ("receipts", "start", "decay", "says"),
    [
        ([("a", "b", 0.0)], {"a": 1.0}, 0.5, "amount above 0"),
        ([("a", "b", float("nan"))], {"a": 1.0}, 0.5, "amount above 0"),
        ([("a", "b", float("inf"))], {"a": 1.0}, 0.5, "amount above 0"),
        ([], {}, 0.5, "must begin somewhere"),
        ([], {"a": -1.0, "b": 2.0}, 0.5, "must begin somewhere"),
        ([], {"a": 1.0}, 1.0, "below 1"),
    ],
)
def test_what_is_no_receipt_or_start(receipts, start, decay, says):
    with pytest.raises(DaoError, match=says):
        dao.reputation(receipts, start, decay=decay)
