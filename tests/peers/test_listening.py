"""Learning whom to listen to."""

import json

import numpy as np
import pytest

from klopf.peers.tasks.classes import ClassesListener as Listener

CLASSES = 4


def network(n=400, seed=0):
    """Answers of two experts on two classes each (1, 2), a free-rider (3) and a liar (4), and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    sharp, flat = np.eye(CLASSES) * 0.8 + 0.05, np.full(CLASSES, 1 / CLASSES)
    answers = {
        1: np.where((labels < 2)[:, None], sharp[labels], flat),
        2: np.where((labels >= 2)[:, None], sharp[labels], flat),
        3: rng.dirichlet(np.ones(CLASSES), n),
        4: np.eye(CLASSES)[(labels + rng.integers(1, CLASSES, n)) % CLASSES],
    }
    return {k: v.astype(np.float32) for k, v in answers.items()}, labels


def test_the_combination_knows_what_no_neighbour_knows_alone():
    listener = Listener(CLASSES)
    listener.learn(*network())
    answers, labels = network(seed=1)
    alone = max((a.argmax(axis=1) == labels).mean() for a in answers.values())
    assert alone < 0.8
    assert (listener.combine(answers).argmax(axis=1) == labels).mean() > 0.95


def test_liars_and_free_riders_are_not_heard():
    listener = Listener(CLASSES)
    for seed in range(3):
        listener.learn(*network(seed=seed))
    shares = listener.shares([1, 2, 3, 4])
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares[3] < 0.03
    assert shares[4] < 0.01
    assert min(shares[1], shares[2]) > 0.4


def test_a_newcomer_starts_unheard_and_earns_its_place():
    listener = Listener(CLASSES)
    answers, labels = network()
    listener.learn({k: answers[k] for k in (1, 3)}, labels)
    assert listener.heard(2) == 0.0
    np.testing.assert_array_equal(listener.combine(answers), listener.combine({k: answers[k] for k in (1, 3)}))
    for seed in range(1, 3):
        listener.learn(*network(seed=seed))
    assert listener.heard(2) > 0.5 * listener.heard(1)


def test_seats_go_to_the_best_heard_and_some_to_those_longest_untried():
    listener = Listener(CLASSES)
    for seed in range(2):
        listener.learn(*network(seed=seed))
    first = listener.choose([1, 2, 3, 4, 5, 6], seats=3, fringe_seats=1)
    assert first[:2] == sorted([1, 2], key=lambda k: -listener.heard(k))
    tried = {first[2]} | {listener.choose([1, 2, 3, 4, 5, 6], seats=3, fringe_seats=1)[2] for _ in range(3)}
    assert tried == {3, 4, 5, 6}
    assert sorted(listener.choose([1, 2], seats=5, fringe_seats=2)) == [1, 2]


def test_a_saved_listener_goes_on_to_the_bit():
    listener = Listener(CLASSES)
    listener.learn(*network())
    listener.choose([1, 2, 3], 2, 1)
    back = Listener.from_json(json.loads(json.dumps(listener.to_json())))
    more = network(seed=5)
    assert back.learn(*more) == listener.learn(*more)
    assert back.to_json() == listener.to_json()
    assert back.choose([1, 2, 3], 2, 1) == listener.choose([1, 2, 3], 2, 1)


def test_nothing_of_a_forgotten_neighbour_is_inherited():
    listener = Listener(CLASSES)
    answers, labels = network()
    listener.learn(answers, labels)
    listener.forget(1)
    assert listener.heard(1) == 0.0
    assert not np.any(listener.known(1).weight)
