"""Who adds something, and who only repeats."""

import json
import statistics

import numpy as np
import pytest

from klopf.peers import Classes, Numbers, Text, _adding


def adding(task, answers, heard=(), targets=None):
    """Without targets: by how new it is alone."""
    listener = task.listener()
    for k, much in dict(heard).items():
        listener.hear(listener.known(k), much)
    return _adding.adding(task, answers, listener, NOTHING if targets is None else targets)[1]


TASK = Classes(("x",), tuple("abcdef"))
N = 64
NOTHING = np.zeros(0, np.int64)


def voices(count, seed=0, n=N):
    """What ``count`` honest neurons say, each more often right than not in its own way."""
    rng = np.random.default_rng(seed)
    right = np.eye(6)[rng.integers(0, 6, n)]
    said = {k: mixed(right * rng.uniform(0.3, 1.0, 6), rng.dirichlet(np.full(6, 0.3), n)) for k in range(1, count + 1)}
    return said, rng


def mixed(one, other):
    both = one + other
    return (both / both.sum(axis=1, keepdims=True)).astype(np.float32)


def noise(rng, n=N):
    return rng.dirichlet(np.full(6, 0.3), n)


def test_the_honest_count_in_full_or_nearly_also_where_all_know_the_same():
    for seed in range(5):
        said, _ = voices(7, seed)
        assert min(adding(TASK, said).values()) > 0.8


@pytest.mark.parametrize("part", [0.0, 0.1, 0.2])
def test_whoever_says_the_average_of_others_adds_nothing_and_takes_nothing_from_them(part):
    for seed in range(3):
        said, rng = voices(7, seed)
        average = (1 - part) * np.mean([*said.values()], axis=0) + part * noise(rng)
        for place in (0, 8):  # registered first or last
            counts = adding(TASK, said | {place: average.astype(np.float32)})
            assert counts.pop(place) < 0.1
            assert min(counts.values()) > 0.7


def test_to_be_louder_than_others_is_nothing_new():
    said, _ = voices(7)
    loud = np.mean([*said.values()], axis=0) ** 4
    assert adding(TASK, said | {0: loud / loud.sum(axis=1, keepdims=True)})[0] == 0.0
    own_voice = said[3] ** 3
    assert adding(TASK, said | {3: own_voice / own_voice.sum(axis=1, keepdims=True)})[3] > 0.7  # one's own is


def test_of_two_who_say_the_same_the_one_that_registered_later_adds_nothing():
    for part in (0.0, 0.1):
        said, rng = voices(7)
        copy = (1 - part) * said[3] + part * noise(rng)
        counts = adding(TASK, said | {8: copy.astype(np.float32)})
        assert counts[8] == 0.0 and counts[3] > 0.7


def test_nobody_takes_the_place_of_somebody_who_is_heard_by_having_registered_earlier():
    said, _ = voices(7)
    counts = adding(TASK, said | {0: said[3]}, {3: 0.5, 0: 0.1})
    assert counts[0] == 0.0 and counts[3] > 0.7
    counts = adding(TASK, said | {0: said[3]})  # where nobody was heard nothing else tells them apart
    assert counts[3] == 0.0


def test_ten_names_of_one_count_as_one_even_where_they_are_most_of_all():
    said, _ = voices(6)
    counts = adding(TASK, said | {10 + i: said[2] for i in range(9)})
    assert [counts[10 + i] for i in range(9)] == [0.0] * 9
    assert min(counts[k] for k in said) > 0.7


def test_two_names_that_resell_the_same_are_both_found():
    said, _ = voices(6)
    average = np.mean([*said.values()], axis=0)
    counts = adding(TASK, said | {0: average, 9: average})
    assert counts[0] == counts[9] == 0.0 and min(counts[k] for k in said) > 0.7


def test_whoever_alone_is_nearly_always_right_is_heard_by_one_that_is_too():
    """On a listener's own samples its own model is right by heart: that must not make a good neighbour its copy."""
    said, _ = voices(2)
    rng = np.random.default_rng(5)
    right = np.eye(6)[rng.integers(0, 6, N)].astype(np.float32)
    good = mixed(right, 0.1 * noise(rng))
    weak = {k: mixed(right * rng.uniform(0.1, 0.6, 6), noise(rng)) for k in (1, 2)}
    assert adding(TASK, weak | {3: good})[3] > 0.7
    assert adding(TASK, {1: said[1]}) == {1: 1.0}, "alone nobody repeats anybody"


def test_who_answers_at_random_does_not_make_others_look_alike():
    said, rng = voices(5)
    counts = adding(TASK, said | {10 + i: noise(rng).astype(np.float32) for i in range(5)})
    assert min(counts[k] for k in said) > 0.7


def test_a_constant_voice_adds_nothing():
    said, _ = voices(5)
    assert adding(TASK, said | {9: np.full((N, 6), 1 / 6, np.float32)})[9] == 0.0


def test_where_too_little_was_heard_or_voices_cannot_be_mixed_everybody_adds():
    said, _ = voices(5, n=2)
    assert adding(TASK, said | {9: said[1]}) == dict.fromkeys([*said, 9], 1.0)
    texts = np.array(["yes", "no"] * 40, np.str_)
    assert adding(Text(("question",), ("answer",)), {1: texts, 2: texts}) == {1: 1.0, 2: 1.0}
    assert adding(TASK, {}) == {}


def test_numbers_are_compared_likewise_whatever_their_unit():
    task, rng = Numbers(("x",), ("y",)), np.random.default_rng(0)
    truth = rng.normal(size=(200, 1))
    said = {k: 1000 * (truth + 0.3 * rng.normal(size=truth.shape)) for k in range(1, 7)}
    for targets in (None, truth):
        counts = adding(task, said | {0: np.mean([*said.values()], axis=0), 7: said[1]}, targets=targets)
        assert counts[0] == counts[7] == 0.0
        assert min(counts[k] for k in said) > 0.7


def knowing(count, seed=0, n=N):
    """What :func:`voices` say, and what is right."""
    said, rng = voices(count, seed, n)
    right = np.random.default_rng(seed).integers(0, 6, n)
    return said, right, rng


def test_what_is_new_counts_only_as_far_as_it_helps():
    """Noise upon what others say is unlike all they say, and so is who errs in a way of its own."""
    listener, counted = TASK.listener(), {}
    for epoch in range(12):
        said, right, rng = knowing(7, epoch)
        average = np.mean([*said.values()], axis=0)
        said[8] = (0.5 * average + 0.5 * noise(rng)).astype(np.float32)
        said[9] = np.where(rng.random((N, 1)) < 0.3, said[2][rng.permutation(N)], said[2])
        said[10] = noise(rng).astype(np.float32)
        assert min(adding(TASK, said)[k] for k in (8, 9, 10)) > 0.5, "by how new it is alone it would count"
        for k, count in _adding.adding(TASK, said, listener, right)[1].items():
            counted.setdefault(k, []).append(count)
    lately = {k: statistics.mean(counts[4:]) for k, counts in counted.items()}
    honest, bad = [lately[k] for k in range(1, 8)], [lately[k] for k in (8, 9, 10)]
    assert statistics.mean(honest) > 3 * statistics.mean(bad) and statistics.mean(honest) > 2 * max(bad), lately
    assert adding(TASK, said, targets=right)[1] > 0, "from the first epoch on"
    again = TASK.read_listener(json.loads(json.dumps(listener.to_json())))
    assert _adding.adding(TASK, said, again, right) == _adding.adding(TASK, said, listener, right)


def test_a_vote_of_all_others_is_nothing_new_however_sure_it_is_of_it():
    said, _, _ = knowing(7)
    votes = np.mean([*said.values()], axis=0).argmax(axis=1)
    vote = np.full((N, 6), 0.002, np.float32)
    vote[np.arange(N), votes] = 0.99
    counts = adding(TASK, said | {9: vote})
    assert counts[9] < 0.2 and min(counts[k] for k in said) > 0.5


def test_where_nobody_helps_more_than_chance_all_who_say_something_new_count():
    rng = np.random.default_rng(0)
    said = {k: noise(rng).astype(np.float32) for k in range(5)}
    backwards = np.asarray(1 - np.eye(6))[rng.integers(0, 6, N)].argmax(axis=1)
    assert sum(adding(TASK, said, targets=backwards).values()) > 0.5
    one_class = np.zeros(N, np.int64)
    assert adding(TASK, said, targets=one_class) == adding(TASK, said)
