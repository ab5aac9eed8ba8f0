"""Which answers must be proven, and what that leaves a cheat."""

import hashlib

import numpy as np
import pytest

from klopf.errors import NotProven, ProofError
from klopf.proof import model, sampling


def beacon(i):
    return hashlib.sha256(f"beacon {i}".encode()).digest()


ANSWERS = [f"answer {i}".encode() for i in range(20_000)]


@pytest.mark.parametrize("rate", [0.0, 1e-3, 0.02, 0.5, 1.0])
def test_as_many_are_drawn_as_the_rate_says(rate):
    found = len(sampling.drawn(beacon(0), ANSWERS, rate))
    assert abs(found - rate * len(ANSWERS)) <= 5 * (rate * (1 - rate) * len(ANSWERS)) ** 0.5


def test_no_answer_is_drawn_by_what_stands_beside_it_and_each_beacon_draws_anew():
    all_of_them = {ANSWERS[i] for i in sampling.drawn(beacon(1), ANSWERS, 0.1)}
    few = ANSWERS[::7]
    assert {few[i] for i in sampling.drawn(beacon(1), few, 0.1)} == all_of_them & set(few)
    again = {ANSWERS[i] for i in sampling.drawn(beacon(2), ANSWERS, 0.1)}
    assert len(all_of_them & again) < 0.2 * len(all_of_them)


@pytest.mark.parametrize(
    ("saving", "rate", "stake", "answers"), [(1, 0.01, 150, 1000), (1, 0.01, 50, 200), (2, 0.2, 5, 30)]
)
def test_a_cheats_gain_is_what_games_show(saving, rate, stake, answers):
    lasted = np.random.default_rng(0).geometric(rate, 200_000)
    games = np.where(lasted <= answers, lasted * saving - stake, answers * saving)
    error = games.std() / len(games) ** 0.5
    assert abs(games.mean() - sampling.gain(saving, rate, stake, answers)) < 5 * error


def test_a_stake_for_a_rate_makes_cheating_lose():
    for rate in (1e-4, 0.01, 1.0):
        assert sampling.gain(3.0, rate, sampling.stake_for(3.0, rate), 10**9) == pytest.approx(-3.0 / rate)
    assert sampling.gain(1.0, 0.0, 100.0, 50) == 50.0


def test_a_cheat_is_caught_in_time_and_the_honest_never_is():
    """Ten networks of each kind; what was drawn is really proven. A cheat proves what it can: the right answer, which
    is not the one that it signed."""
    rng = np.random.default_rng(3)
    good = model.Layers.of([rng.normal(size=(3, 4)), rng.normal(size=(2, 3))], [np.zeros(3), np.zeros(2)], "relu")
    cheap = model.Layers(good.weights, (good.biases[0], good.biases[1] + 1), "relu")
    limit = sampling.epochs(0.1, 20, 1e-4)
    for run in range(10):
        for layers, cheats in ((good, False), (cheap, True)):
            epoch = caught = 0
            while not caught and epoch < (limit if cheats else 1):
                epoch += 1
                inputs = rng.integers(-4096, 4096, (20, 4))
                signed = [model.Answer(x, layers.run(x)[0][-1], b"") for x in inputs]
                for i in sampling.drawn(beacon((run, epoch)), [one.to_bytes() for one in signed], 0.1):
                    committed = model.Committed(good, bytes(32), 4)
                    proof = committed.prove(inputs[i] / 4096).proof
                    try:
                        model.verify(committed.card, model.Answer(signed[i].inputs, signed[i].sums, proof))
                    except NotProven:
                        caught = epoch
                        break
            assert bool(caught) == cheats


@pytest.mark.parametrize(
    "call",
    [
        lambda: sampling.drawn(bytes(32), [], 1.5),
        lambda: sampling.drawn(bytes(31), [], 0.5),
        lambda: sampling.gain(1, -1, 1, 1),
        lambda: sampling.stake_for(1, 0),
        lambda: sampling.epochs(0, 1),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(call):
    with pytest.raises(ProofError) as raised:
        call()
    assert "\n" not in str(raised.value)
