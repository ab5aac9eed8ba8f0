"""From whom a requester buys, and for how much."""

import numpy as np
import pytest

from klopf.peers import Classes
from klopf.peers._requester import MISSED, TRIAL, TRIED, WORTH, offers, study
from klopf.peers.tasks.classes import ClassesListener as Listener


def heard(listener, k, activity, samples=100):
    for _ in range(samples):
        listener.hear(listener.known(k), activity)


def test_whoever_is_new_is_tried_and_ties_are_decided_by_lot():
    orders = [[*offers(Listener(4), [1, 2, 3], seed, 1)] for seed in range(20)]
    assert all(sorted(order) == [1, 2, 3] for order in orders)
    assert {order[0] for order in orders} == {1, 2, 3}
    assert offers(Listener(4), [3, 2, 1], 0, 1) == dict.fromkeys(orders[0], TRIAL)


def test_a_name_is_paid_what_it_added_and_whoever_added_nothing_is_tried_again():
    listener = Listener(4)
    for k, worth in ((1, 0.2), (2, 0.1), (3, 0.001), (4, 0.0)):
        listener.helps(k, 0.05, worth, 64)
    found = offers(listener, [1, 2, 3, 4, 5], 0, 2)
    assert [*found][:2] == [1, 2], "the best first, since what is deposited may not last"
    assert found == {1: 1.0, 2: pytest.approx(0.3 / 0.301), 3: TRIAL, 4: TRIAL, 5: TRIAL}
    assert WORTH > 3 * 0.001 / 0.301
    listener.known(1).adds = 0.0  # it only repeats others by now
    assert offers(listener, [1, 2], 0, 3)[1] == TRIAL


def test_of_many_who_are_of_no_use_those_are_tried_who_were_not_for_the_longest():
    listener, everybody = Listener(4), [*range(1, 2 * TRIED + 1)]
    first = offers(listener, everybody, 0, 1)
    second = offers(listener, everybody, 0, 2)
    assert len(first) == len(second) == TRIED and {*first, *second} == {*everybody}


def test_ten_names_of_one_cost_no_more_than_trials():
    rng = np.random.default_rng(0)
    listener, task, spent = Listener(4), Classes(("x",), tuple("abcd")), dict.fromkeys(range(1, 16), 0.0)
    for epoch in range(1, 7):
        right = rng.integers(0, 4, 120)
        said = {k: (np.eye(4)[right] + rng.dirichlet(np.full(4, 0.3), 120)).astype(np.float32) / 2 for k in range(1, 6)}
        said |= dict.fromkeys(range(6, 16), np.mean([*said.values()], axis=0))
        for k, part in offers(listener, [*said], 0, epoch).items():
            spent[k] += part
        study(task, listener, said, right[:80], [0, epoch])
    assert min(spent[k] for k in range(1, 6)) > 2
    assert sum(spent[k] for k in range(6, 16)) == pytest.approx(10 * 6 * TRIAL)


def a_round(rng):
    """What five who know about the same say of 120 questions, their average (9) and a copy (10); and what is right."""
    right = rng.integers(0, 4, 120)
    said = {k: (np.eye(4)[right] + rng.dirichlet(np.full(4, 0.3), 120)).astype(np.float32) / 2 for k in range(1, 6)}
    return said, {9: np.mean([*said.values()], axis=0), 10: said[2]}, right


def test_who_only_repeats_others_is_not_heard():
    said, repeated, right = a_round(np.random.default_rng(0))
    listener, task = Listener(4), Classes(("x",), tuple("abcd"))
    loss, new, adds = study(task, listener, said | repeated, right[:80], [0])
    assert adds[9] == adds[10] == 0.0 and sorted(new) == [1, 2, 3, 4, 5] and loss > 0
    found = offers(listener, [*said, 9, 10], 0, 2)
    assert found[9] == found[10] == TRIAL and sum(found[k] > WORTH for k in said) >= 3
    alone = Listener(4)
    alone.study({k: answer[:80] for k, answer in said.items()}, right[:80], [0])
    assert [alone.heard(k) for k in said] == [listener.heard(k) for k in said], "nobody lost by it"


def test_whoever_helps_is_paid_within_some_rounds_and_who_repeats_never():
    """Of 80 labels a fourth of those who help look as if they did not; of 320 few do."""
    last = []
    for seed in range(8):
        rng, listener, task = np.random.default_rng(seed), Listener(4), Classes(("x",), tuple("abcd"))
        for _ in range(4):
            said, repeated, right = a_round(rng)
            study(task, listener, said | repeated, right[:80], [0])
            found = offers(listener, [*said, 9, 10], 0, 2)
            assert found[9] == found[10] == TRIAL
        last += [found[k] for k in said]
    assert np.mean(last) > 0.7 and np.mean(np.array(last) < WORTH) <= 0.1


def test_who_gave_no_valid_answer_is_tried_and_who_did_before_keeps_its_place():
    listener = Listener(4)
    for k in (1, 2):
        listener.pass_over(k, MISSED)
    assert offers(listener, [1, 2], 0, 2) == {1: TRIAL, 2: TRIAL}
    heard(listener, 1, 1.0)
    assert offers(listener, [1, 2], 0, 3) == {1: 1.0, 2: TRIAL}
    listener.pass_over(1, MISSED)
    assert offers(listener, [1, 2], 0, 5) == {1: 1.0, 2: TRIAL}
