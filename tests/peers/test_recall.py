"""What a listener knows of a neighbour that it was not bound to for some epochs is old."""

import numpy as np

from klopf.peers import Classes, Text, _adding

TASK = Classes(("x",), tuple("abcd"))


def test_what_was_heard_long_ago_counts_less_than_what_is_heard_now():
    def turned(rounds):
        listener = TASK.listener()
        for _ in range(64):
            listener.hear(listener.known(1), 1.0)
        listener.recall([1], 64)
        for _ in range(rounds):
            listener.choose([], 0, 0)
        listener.recall([1], 64)
        before = listener.heard(1)
        listener.pass_over(1, 64)
        return before, listener.heard(1)

    at_once, later = turned(1), turned(5)
    assert np.isclose(at_once[0], later[0], rtol=0.02), "what it was is not changed by waiting alone"
    assert later[1] < 0.5 * at_once[1]


def test_a_helper_that_turns_bad_is_found_out_within_three_epochs_and_one_that_turns_good_as_soon():
    rng, listener, counted = np.random.default_rng(0), TASK.listener(), []
    for epoch in range(15):
        right = rng.integers(0, 4, 64)
        said = {}
        for k in range(1, 6):
            knows = 0.0 if (k == 1) == (epoch >= 7) and k < 3 else 1.0
            said[k] = rng.dirichlet(np.full(4, 0.5), 64) + knows * rng.uniform(0, 1.5, (64, 1)) * np.eye(4)[right]
            said[k] = (said[k] / said[k].sum(axis=1, keepdims=True)).astype(np.float32)
        counted.append(_adding.adding(TASK, said, listener, right)[1])
    before, after = counted[3:7], counted[10:15]
    for good, bad, when in ((1, 2, before), (2, 1, after)):
        assert np.mean([one[good] for one in when]) > 0.8 and np.mean([one[bad] for one in when]) < 0.3


def test_whoever_turns_is_another_from_the_first_epoch_on():
    """Both ways, in the shares of attention that are paid, and also where it was known for long."""
    rng, listener, shares = np.random.default_rng(0), TASK.listener(), []
    for epoch in range(22):
        right = rng.integers(0, 4, 64)
        said = {}
        for k in range(1, 6):
            knows = 0.0 if (k == 1) == (epoch >= 20) and k < 3 else 1.5
            said[k] = rng.dirichlet(np.full(4, 0.5), 64) + knows * rng.uniform(0, 1.5, (64, 1)) * np.eye(4)[right]
            said[k] = (said[k] / said[k].sum(axis=1, keepdims=True)).astype(np.float32)
        _, adds = _adding.adding(TASK, said, listener, right)
        listener.learn(said, right)
        shares.append(listener.shares_by(adds, [*said]))
    assert shares[19][1] > 0.1 and shares[19][2] < 0.05
    for after in shares[20:]:
        assert after[1] < 0.05 and after[2] > 0.1


def test_whoever_says_a_little_more_or_less_is_the_same_as_before():
    listener = TASK.listener()
    listener.judge(1, 0.6, 64)
    listener.hear(listener.known(1), 1.0)
    listener.judge(1, 0.4, 64)
    listener.judge(1, 0.0, 8)  # of so few nobody can tell
    assert listener.heard(1) == 1.0
    listener.judge(1, -0.2, 64)
    assert listener.heard(1) == 0.0 and listener.known(1).judged == 1


def test_a_text_neuron_that_was_not_asked_for_long_is_thought_no_better_by_that():
    """What is known of it is less sure: nearer to what somebody has who knows nothing, and never beyond what it had."""
    task, half = Text(("q",), ("a",)), np.array(["left", "right"] * 100)
    right = np.array(["left", "left", "right", "right"] * 50)
    answers = {1: half, 2: right, 3: np.full(200, "nowhere")}
    listener = task.listener()

    def asked_again_after(rounds):
        listener.round += rounds
        _adding.adding(task, answers, listener, right)
        return listener._mean([listener.known(k) for k in answers]), listener.known(2).age

    asked_again_after(1)
    listener.learn(answers, right)
    (before, age), (after, younger) = asked_again_after(1), asked_again_after(2)
    assert age == 200 and younger < 60
    assert before[1] > after[1] > 0.9 > 0.6 > after[0] > 0.4 > 0.2 > after[2] > before[2]
