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


def test_who_has_few_samples_learns_more_by_going_through_them_again_the_same_for_the_same_seed():
    few, (answers, labels) = network(60), network(seed=1)
    once, studied, again = Listener(CLASSES), Listener(CLASSES), Listener(CLASSES)
    once.learn(*few)
    losses = [one.study(*few, [7]) for one in (studied, again)]

    def loss(listener):
        return -np.log(listener.combine(answers)[np.arange(len(labels)), labels]).mean()

    assert loss(studied) < 0.9 * loss(once)
    assert studied.to_json() == again.to_json() and losses[0] == losses[1]
    assert losses[0] > loss(studied), "what is told is the loss before anything was learned from these samples"
    assert Listener(CLASSES).study({}, labels[:0], [7]) == 0.0


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


def test_ties_are_decided_by_lot_and_each_listener_draws_its_own():
    everybody = list(range(1, 41))
    chosen = [Listener(CLASSES).choose(everybody, seats=6, fringe_seats=2, lot=seed) for seed in range(400)]
    assert chosen[7] == Listener(CLASSES).choose(everybody[::-1], seats=6, fringe_seats=2, lot=7)
    times = np.bincount(np.concatenate(chosen), minlength=41)[1:]
    assert times.sum() == 2400 and times.min() > 30 and times.max() < 95  # 60 on average, five deviations


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


def one_who_knows(n=300, seed=0):
    """Answers of one expert (1) and of two who say nothing (2, 3), and the labels."""
    labels = np.random.default_rng(seed).integers(0, CLASSES, n)
    flat = np.full((n, CLASSES), 1 / CLASSES, np.float32)
    return {1: (np.eye(CLASSES, dtype=np.float32) * 0.8 + 0.05)[labels], 2: flat, 3: flat}, labels


def test_the_step_size_of_a_newcomer_is_the_smallest_and_that_of_the_well_heard_grows_to_the_largest():
    listener = Listener(CLASSES)
    answers, labels = one_who_knows()
    listener.learn({k: a[:32] for k, a in answers.items()}, labels[:32])
    neighbours = [listener.known(k) for k in (1, 2, 3)]
    assert set(listener.step_sizes(neighbours)) == {listener.smallest}  # 32 samples are not more than the maturity
    listener.learn({k: a[32:33] for k, a in answers.items()}, labels[32:33])
    assert listener.step_sizes(neighbours)[0] == listener.largest  # it has more than a fair share
    listener.learn({k: a[33:] for k, a in answers.items()}, labels[33:])
    well, little, _ = listener.step_sizes(neighbours)
    assert well == listener.largest
    assert listener.smallest < little < 0.5 * listener.largest


def test_a_neighbour_is_judged_by_what_it_is_heard_on_average_however_young():
    listener = Listener(CLASSES)
    old, young = listener.known(1), listener.known(2)
    for _ in range(500):
        listener.hear(old, -0.5)
    for _ in range(20):
        listener.hear(young, 0.5)
    assert listener.heard(1) == pytest.approx(0.5)
    assert listener.heard(2) == pytest.approx(0.5)
    assert listener.shares([1, 2]) == pytest.approx({1: 0.5, 2: 0.5})
    for _ in range(2000):
        listener.hear(old, 0.0)
    assert listener.heard(1) < 0.001  # what it was is forgotten


def test_whoever_has_fallen_silent_is_forgotten_and_the_others_are_not():
    listener = Listener(CLASSES)
    answers, labels = network()
    listener.learn(answers, labels)
    kept = listener.known(2)
    listener.keep_only({2, 3})
    assert sorted(listener.neighbours) == [2, 3] and listener.known(2) is kept
    assert listener.heard(1) == 0.0 and listener.shares([1, 2])[1] == 0.0
