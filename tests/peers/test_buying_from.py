"""From whom a requester buys."""

import numpy as np

from klopf.peers import Classes
from klopf.peers._requester import AGAIN, MISSED, WORTH, study, wanted
from klopf.peers.tasks.classes import ClassesListener as Listener


def heard(listener, k, activity, samples=100):
    for _ in range(samples):
        listener.hear(listener.known(k), activity)


def test_whoever_is_new_is_asked_and_ties_are_decided_by_lot():
    orders = [wanted(Listener(4), [1, 2, 3], seed, 1) for seed in range(20)]
    assert all(sorted(order) == [1, 2, 3] for order in orders)
    assert {order[0] for order in orders} == {1, 2, 3}
    assert orders[0] == wanted(Listener(4), [3, 2, 1], 0, 1)


def test_of_those_who_are_of_no_use_one_is_tried_at_a_time_the_least_known():
    listener = Listener(4)
    for k in (1, 2, 3):
        heard(listener, k, 1.0)
    heard(listener, 4, 0.0, 200)
    heard(listener, 5, 0.0)
    heard(listener, 6, 0.3 * WORTH, 150)
    assert sorted(wanted(listener, [1, 2, 3, 4, 5, 6, 7], 0, AGAIN)) == [1, 2, 3, 5, 7]
    assert sorted(wanted(listener, [1, 2, 3, 4, 5, 6, 7], 0, AGAIN + 1)) == [1, 2, 3, 7]
    heard(listener, 5, 0.0)
    assert sorted(wanted(listener, [1, 2, 3, 4, 5, 6], 0, 2 * AGAIN)) == [1, 2, 3, 6]


def test_the_best_heard_are_first_since_what_is_deposited_may_not_last():
    listener = Listener(4)
    for k, activity in ((1, 0.5), (2, 1.0), (3, 0.7)):
        heard(listener, k, activity)
    assert wanted(listener, [1, 2, 3], 0, 2) == [2, 3, 1]


def test_who_only_repeats_others_is_paid_once_and_not_heard():
    rng = np.random.default_rng(0)
    right = rng.integers(0, 4, 120)
    said = {k: (np.eye(4)[right] + rng.dirichlet(np.full(4, 0.3), 120)).astype(np.float32) / 2 for k in range(1, 6)}
    average = np.mean([*said.values()], axis=0)
    listener, task = Listener(4), Classes(("x",), tuple("abcd"))
    assert 9 in wanted(listener, [*said, 9], 0, 1)
    loss, adds = study(task, listener, said | {9: average, 10: said[2]}, right[:80], [0])
    assert adds[9] == adds[10] == 0.0 and min(adds[k] for k in said) > 0.5 and loss > 0
    assert sorted(wanted(listener, [*said, 9, 10], 0, 2)) == [1, 2, 3, 4, 5]
    alone = Listener(4)
    alone.study({k: answer[:80] for k, answer in said.items()}, right[:80], [0])
    assert [alone.heard(k) for k in said] == [listener.heard(k) for k in said], "nobody lost by it"


def test_who_gave_no_valid_answer_is_not_paid_again_and_who_did_before_keeps_its_place():
    listener = Listener(4)
    assert wanted(listener, [1, 2], 0, 1)
    for k in (1, 2):
        listener.pass_over(k, MISSED)
    assert sorted(wanted(listener, [1, 2], 0, 2)) == [1, 2], "where nobody answered nobody is worse than others"
    heard(listener, 1, 1.0)
    assert wanted(listener, [1, 2], 0, 3) == [1]
    listener.pass_over(1, MISSED)
    assert wanted(listener, [1, 2], 0, 5) == [1]
