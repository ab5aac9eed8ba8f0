"""Who has never met a class does not deny it where a question is strange."""

import numpy as np
import pytest

from klopf.peers import Classes, Numbers
from klopf.peers._familiar import MOST, Familiar

TASK = Classes(("a", "b"), ("w", "x", "y", "z"))


def stream(centres, n=60, seed=0):
    """Samples around one place for each class, ``(n * classes, 2)``."""
    rng = np.random.default_rng(seed)
    inputs = np.concatenate([np.array(at) + 0.3 * rng.standard_normal((n, 2)) for at in centres.values()])
    return inputs.astype(np.float32), np.repeat(list(centres), n)


PLACES = {0: (0, 0), 1: (4, 0), 2: (0, 4), 3: (4, 4)}
KNOWN = {c: PLACES[c] for c in (0, 1)}


def sure(targets, wrong=0.0):
    """A model of the two classes, which knows of no others."""
    answers = np.zeros((len(targets), 4), np.float32)
    answers[:, 0] = np.where(targets % 2 == 0, 1 - wrong, wrong)
    answers[:, 1] = 1 - answers[:, 0]
    return answers


def test_a_specialist_is_as_sure_as_its_model_where_it_knows_and_leaves_the_rest_to_the_others():
    familiar = Familiar.of(TASK, *stream(KNOWN))
    inputs, targets = stream(PLACES, seed=1)
    said = familiar.hedged(inputs, sure(targets))
    TASK.check_answers(said, len(inputs))
    own = targets < 2
    assert np.median(said[own].max(axis=1)) > 0.6
    assert (said[own].argmax(axis=1) == targets[own]).mean() > 0.9
    assert said[~own][:, :2].max() < 0.01  # far away it is none of those it knows,
    np.testing.assert_array_equal(said[:, 2], said[:, 3])  # and it does not make up which of the others


def test_specialists_tell_apart_together_what_none_of_them_has_seen_together():
    inputs, targets = stream(PLACES, seed=1)
    said = []
    for mine in ((0, 1), (2, 3)):
        familiar = Familiar.of(TASK, *stream({c: PLACES[c] for c in mine}))
        answers = np.zeros((len(inputs), 4), np.float32)
        answers[np.arange(len(inputs)), np.array(mine)[targets % 2]] = 1
        said.append(familiar.hedged(inputs, answers))
    assert ((said[0] + said[1]).argmax(axis=1) == targets).mean() > 0.99


def test_who_has_met_every_class_or_has_none_to_meet_answers_as_its_model():
    assert Familiar.of(TASK, *stream(PLACES)) is None
    assert Familiar.of(Numbers(("a",), ("rent",)), np.zeros((3, 1), np.float32), np.zeros((3, 1), np.float32)) is None


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_units_cancel_out(scale):
    inputs, targets = stream(KNOWN)
    new, _ = stream(PLACES, seed=1)
    found = Familiar.of(TASK, scale * inputs, targets).familiarity(scale * new)
    np.testing.assert_allclose(found, Familiar.of(TASK, inputs, targets).familiarity(new), rtol=1e-3)


@pytest.mark.parametrize(
    "inputs",
    [
        np.zeros((1, 2), np.float32), np.zeros((5, 2), np.float32), np.ones((2, 2), np.float32),
        np.full((40, 2), 1e30, np.float32), np.repeat(stream({0: (0, 0)}, 5)[0], 9, axis=0),
    ],
)  # fmt: skip
def test_few_samples_and_the_same_again_give_answers_still(inputs):
    familiar = Familiar.of(TASK, inputs, np.zeros(len(inputs), int))
    asked = np.concatenate([inputs[:1], inputs[:1] + 50, np.zeros((1, 2), np.float32)])
    for answers in (np.full((3, 4), 0.25, np.float32), np.eye(4, dtype=np.float32)[[3, 3, 3]]):
        TASK.check_answers(familiar.hedged(asked, answers), 3)


def test_an_answer_does_not_depend_on_what_else_is_asked():
    familiar = Familiar.of(TASK, *stream(KNOWN))
    inputs, targets = stream(PLACES, seed=1)
    answers = sure(targets, 0.2)
    one = np.concatenate([familiar.hedged(inputs[i : i + 1], answers[i : i + 1]) for i in range(len(inputs))])
    np.testing.assert_allclose(one, familiar.hedged(inputs, answers), atol=1e-6)


def test_of_a_long_stream_a_bounded_part_is_remembered_always_the_same():
    inputs, targets = stream(KNOWN, n=MOST)
    one, other = Familiar.of(TASK, inputs, targets), Familiar.of(TASK, inputs, targets)
    assert len(one.met) == MOST
    np.testing.assert_array_equal(one.met, other.met)


def test_a_commitment_names_what_was_met_too():
    inputs, targets = stream(KNOWN)
    one = Familiar.of(TASK, inputs, targets)
    assert one.bind(bytes(32)) == Familiar.of(TASK, inputs, targets).bind(bytes(32)) != one.bind(bytes([1] * 32))
    moved = inputs.copy()
    moved[7, 0] += 1
    assert one.bind(bytes(32)) != Familiar.of(TASK, moved, targets).bind(bytes(32))
    assert one.bind(bytes(32)) != Familiar.of(TASK, inputs, np.zeros(len(inputs), int)).bind(bytes(32))
