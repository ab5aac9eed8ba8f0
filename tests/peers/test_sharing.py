"""What each voice is worth of what all know together."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import nnls

from klopf.peers import Classes, _adding
from klopf.peers._sharing import worths

M = 120


def known(count, seed=0):
    rng = np.random.default_rng(seed)
    right = rng.normal(size=M)
    return np.column_stack([right * rng.uniform(0.2, 1) + rng.normal(size=M) for _ in range(count)]), right


def explained(voices, right):
    return 1 - nnls(voices, right)[1] ** 2 / (right @ right) if voices.shape[1] else 0.0


def by_all_orders(voices, right):
    count = voices.shape[1]
    found, orders = np.zeros(count), [*permutations(range(count))]
    for order in orders:
        for place, j in enumerate(order):
            found[j] += explained(voices[:, order[: place + 1]], right) - explained(voices[:, order[:place]], right)
    return found / len(orders)


def test_few_are_worth_exactly_what_they_add_on_average_over_all_orders():
    voices, right = known(4)
    assert worths(voices, right, 0) == pytest.approx(by_all_orders(voices, right))


def test_many_are_worth_it_nearly_and_all_of_it_is_shared():
    voices, right = known(12)
    drawn = worths(voices, right, 0)
    assert drawn == pytest.approx(np.mean([worths(voices, right, seed) for seed in range(1, 40)], axis=0), abs=0.05)
    assert drawn.sum() == pytest.approx(explained(voices, right), abs=0.006)
    assert (worths(voices, right, 0) == drawn).all()


def test_two_who_know_the_same_share_it_and_noise_or_the_opposite_is_worth_nothing():
    voices, right = known(3)
    rng = np.random.default_rng(1)
    found = worths(np.column_stack([voices, voices[:, 0], rng.normal(size=M), -right]), right, 0)
    assert found[3] == pytest.approx(found[0]) and found[4] < 0.03 and found[5] == 0.0


def test_of_honest_ones_nobody_goes_unpaid_because_another_is_like_it():
    """By what it adds to all others alone, whoever is most unlike them would have nearly everything."""
    task, rng = Classes(("x",), tuple("abcd")), np.random.default_rng(0)
    listener = task.listener()
    for _ in range(6):
        right = rng.integers(0, 4, 64)
        truth = np.eye(4)[right]
        common = truth * rng.uniform(0.5, 1.5, (64, 1)) + rng.dirichlet(np.full(4, 0.3), 64)
        said = {k: common + 0.6 * rng.dirichlet(np.full(4, 0.3), 64) + 0.3 * truth for k in (1, 2)}
        said |= {k: truth * rng.uniform(0, 1.2, (64, 1)) + rng.dirichlet(np.full(4, 0.3), 64) for k in (3, 4)}
        said = {k: (one / one.sum(axis=1, keepdims=True)).astype(np.float32) for k, one in said.items()}
        _, adds = _adding.adding(task, said, listener, right)
    shares = listener.shares_by(adds, [1, 2, 3, 4])
    assert min(shares.values()) > 0.05 and sum(shares.values()) == pytest.approx(1)


def test_where_all_together_know_nearly_nothing_of_it_attention_divides_by_utility():
    """As among specialists, each of whom asks about classes that no other has met."""
    listener = Classes(("x",), tuple("abcd")).listener()
    for k, worth in ((1, 0.03), (2, 0.0)):
        listener.helps(k, 0.05, worth, 64)
        listener.hear(listener.known(k), 1.0)
    assert listener.shares_by({1: 1.0, 2: 1.0}, [1, 2]) == {1: 0.5, 2: 0.5}
    listener.helps(1, 0.05, 0.9, 64)
    assert listener.shares_by({1: 1.0, 2: 1.0}, [1, 2]) == {1: 1.0, 2: 0.0}
