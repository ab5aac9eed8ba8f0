"""What holds of every kind of task, and what its own figures mean."""

import json

import numpy as np
import pytest

from klopf.checks.model import _easy_samples as samples
from klopf.errors import PeersError
from klopf.peers import KINDS, Classes, Numbers, Text, task_from_json, task_to_json
from klopf.peers.tasks.text import likeness

TASKS = {
    "classes": Classes(("a", "b", "c"), ("x", "y", "z")),
    "numbers": Numbers(("a", "b", "c"), ("rent", "deposit"), ("EUR", "EUR")),
    "text": Text(("question",), ("answer",)),
}


@pytest.fixture(params=KINDS)
def task(request):
    return TASKS[request.param]


def perfect(task, targets):
    """Answers that are all right."""
    return np.eye(len(task.names), dtype=np.float32)[targets] if task.kind == "classes" else targets


def test_there_is_an_example_of_every_kind():
    assert set(TASKS) == set(KINDS)


def test_a_task_is_written_down_and_read_again(task):
    assert task_from_json(json.loads(json.dumps(task_to_json(task)))) == task
    with pytest.raises(PeersError, match="no task with kind"):
        task_from_json({"kind": "dance"})


def test_what_is_said_travels_as_it_is(task):
    inputs, targets = samples(task, 30, 0)
    answers = perfect(task, targets)
    np.testing.assert_array_equal(task.unpack_inputs(task.pack_inputs(inputs)), inputs)
    np.testing.assert_array_equal(task.unpack_answers(task.pack_answers(answers), 30), answers)
    for tensors in ({}, {"inputs": np.zeros((3, 2), np.int64)}, {"text": np.zeros(3, np.uint8)}):
        with pytest.raises(PeersError) as refused:
            task.unpack_inputs(tensors)
        with pytest.raises(PeersError):
            task.unpack_answers(tensors, 3)
        assert "\n" not in str(refused.value)
    with pytest.raises(PeersError, match="one to each"):
        task.unpack_answers(task.pack_answers(answers), 31)


def test_the_score_of_perfection_is_1_and_that_of_knowing_nothing_is_less(task):
    _, targets = samples(task, 300, 0)
    assert task.score(task.decide(perfect(task, targets)), targets) == 1.0
    nothing = task.know_nothing(targets, len(targets))
    task.check_answers(nothing, len(targets))
    assert 0.0 <= task.score(task.decide(nothing), targets) + 1e-6 < 0.7


def spoken(task, targets, wrong, seed):
    """Answers of which the fraction ``wrong`` is wrong."""
    rng = np.random.default_rng(seed)
    order, miss = rng.permutation(len(targets)), rng.random(len(targets)) < wrong
    right, other = perfect(task, targets), perfect(task, targets)[order]
    return np.where(miss.reshape(-1, *[1] * (right.ndim - 1)), other, right)


def test_a_listener_listens_to_those_who_know_and_knows_more_than_each(task):
    _, targets = samples(task, 400, 1)
    answers = {k: spoken(task, targets, wrong, k) for k, wrong in {1: 0.2, 2: 0.2, 3: 0.2, 4: 1.0, 5: 1.0}.items()}
    listener = task.listener()
    first = listener.learn({k: a[:5] for k, a in answers.items()}, targets[:5])
    last = listener.learn({k: a[5:200] for k, a in answers.items()}, targets[5:200])
    assert last < first
    combined = task.decide(listener.combine({k: a[200:] for k, a in answers.items()}))
    alone = [task.score(task.decide(a[200:]), targets[200:]) for a in answers.values()]
    assert task.score(combined, targets[200:]) > max(alone)
    shares = listener.shares(list(answers))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert max(shares[4], shares[5]) < 0.25 * min(shares[k] for k in (1, 2, 3))


def test_a_saved_listener_goes_on_to_the_bit_and_combining_changes_nothing(task):
    _, targets = samples(task, 60, 2)
    answers = {k: spoken(task, targets, 0.3, k) for k in (1, 2, 3)}
    listener = task.listener()
    listener.learn(answers, targets)
    before = json.dumps(listener.to_json())
    back = task.read_listener(json.loads(before))
    np.testing.assert_array_equal(back.combine(answers), listener.combine(answers))
    assert json.dumps(listener.to_json()) == json.dumps(back.to_json()) == before
    assert back.learn(answers, targets) == listener.learn(answers, targets)
    assert back.to_json() == listener.to_json()


def test_a_newcomer_is_unheard_at_first_and_then_heard_more_and_more(task):
    _, targets = samples(task, 900, 3)
    answers = {k: spoken(task, targets, 0.2, k) for k in (1, 2, 3)}
    listener = task.listener()
    listener.learn({k: answers[k][:100] for k in (1, 2)}, targets[:100])
    assert listener.heard(3) == 0.0
    grown = []
    for start in range(100, 900, 200):
        listener.learn({k: a[start : start + 200] for k, a in answers.items()}, targets[start : start + 200])
        grown.append(listener.shares([1, 2, 3])[3])
    assert grown[0] < grown[-1] and grown[-1] > 0.15


def test_nobody_is_heard_for_being_loud():
    """One who errs as much as the mean moves nothing, though it shouts; one who says the mean is not paid for it."""
    task = TASKS["numbers"]
    _, targets = samples(task, 300, 4)
    listener = task.listener()
    listener.learn({1: spoken(task, targets, 0.3, 1), 2: -50 * targets, 3: task.know_nothing(targets, 300)}, targets)
    shares = listener.shares([1, 2, 3])
    assert shares[1] > 0.95 and shares[2] == 0.0


def test_units_cancel_out():
    task, seen = TASKS["numbers"], []
    _, targets = samples(task, 200, 5)
    for unit in (1.0, 1024.0):
        listener = task.listener()
        scaled = (targets * unit).astype(np.float32)
        listener.learn(
            {k: (spoken(task, targets, w, k) * unit).astype(np.float32) for k, w in ((1, 0.1), (2, 0.5))}, scaled
        )
        seen.append(listener.shares([1, 2])[1])
    assert seen[0] == pytest.approx(seen[1])


def test_likeness_is_symmetric_and_grows_with_what_is_common():
    assert likeness("the red rose", "a red rose") == likeness("a red rose", "the red rose")
    said = [likeness(text, "a red rose") for text in ("xyz", "a blue sky", "the red rose", "a red rose!", "a red rose")]
    assert said == sorted(said) and said[0] == 0.0 and said[-1] == 1.0


def test_of_texts_those_are_heard_who_are_good_at_what_is_asked():
    """Of three specialists each is right about one kind of question; the best knows half, the majority nothing."""
    task, rng = TASKS["text"], np.random.default_rng(0)
    kinds = rng.choice(3, 300, p=[0.5, 0.25, 0.25])
    asked = np.array([f"{('capital of', 'opposite of', 'twice')[kind]} {rng.integers(10**6)}?" for kind in kinds])
    right = np.array([f"{n:x}" for n in rng.integers(10**8, 10**9, 300)])
    wrong = np.array([[f"{n:o}" for n in rng.integers(10**8, 10**9, 300)] for _ in range(3)])
    answers = {k: np.where(kinds == k, right, wrong[k]) for k in range(3)}
    listener = task.listener()
    early = {k: a[:60] for k, a in answers.items()}
    listener.study(early, right[:60], [1], asked[:60])
    later = {k: a[60:] for k, a in answers.items()}
    alone = [task.score(a, right[60:]) for a in later.values()]
    vote = task.score(task.blend(later, dict.fromkeys(later, 1.0)), right[60:])
    said = listener.combine(later, asked[60:])
    assert task.score(said, right[60:]) > 0.95 > 0.7 > max(*alone, vote)
    back = task.read_listener(json.loads(json.dumps(listener.to_json())))
    np.testing.assert_array_equal(back.combine(later, asked[60:]), said)
    assert min(listener.shares([0, 1, 2]).values()) > 0.15


def test_who_does_not_know_is_not_chosen():
    task = TASKS["text"]
    right = np.array([f"{n:x}" for n in np.random.default_rng(0).integers(10**8, 10**9, 80)])
    none = np.array(["", "I don't know."] * 40)
    knows = {1: np.where(np.arange(80) < 40, right, none), 2: none, 3: np.where(np.arange(80) < 40, none, right)}
    assert task.score(task.blend(knows, dict.fromkeys(knows, 1.0)), right) == 1.0
    assert set(task.blend({1: none, 2: none}, {1: 0.5, 2: 0.5})) <= {"", "I don't know."}
    listener = task.listener()
    listener.study(knows, right, [1], None)
    assert task.score(listener.combine(knows), right) == 1.0
    assert listener.shares([1, 2, 3])[2] < 0.05
    before, heard = listener._mean([listener.known(1)])[0], listener.heard(1)
    listener.learn({1: none[:40], 2: right[:40]}, right[:40])
    assert listener._mean([listener.known(1)])[0] == pytest.approx(before, abs=0.1)  # as good as before
    assert listener.heard(1) < 0.9 * heard


def test_a_listener_saved_before_words_counted_goes_on():
    task = TASKS["text"]
    listener = task.listener()
    listener.learn({1: np.array(["a", "b"])}, np.array(["a", "b"]))
    saved = listener.to_json()
    saved["ears"]["1"]["weight"] = saved["ears"]["1"]["weight"][:1]
    old = task.read_listener(saved)
    assert old.combine({1: np.array(["c"])}, np.array(["what?"])) == ["c"]


def test_texts_of_any_script_travel_and_too_long_ones_are_refused():
    task = TASKS["text"]
    texts = np.array(["", "gränzenlos", "道可道，非常道", "🌹 and 🌹"])
    np.testing.assert_array_equal(task.unpack_inputs(task.pack_inputs(texts)), texts)
    with pytest.raises(PeersError, match="1000 characters"):
        task.check_answers(np.array(["x" * 1001]), 1)
    broken = dict(task.pack_inputs(texts))
    for name, value in (
        ("ends", broken["ends"][::-1].copy()),
        ("text", broken["text"][:-1]),
        ("text", broken["text"] | 128),
    ):
        with pytest.raises(PeersError):
            task.unpack_inputs(broken | {name: value})


def test_classes_refuse_what_are_no_probabilities():
    task = TASKS["classes"]
    good = np.full((2, 3), 1 / 3, np.float32)
    task.check_answers(good, 2)
    for bad in (good * 2, -good, good.astype(np.float64), good[:, :2], good * np.nan):
        with pytest.raises(PeersError):
            task.check_answers(bad, 2)
    for bad in (np.array([0.0, 1.0]), np.array([0, 3]), np.array([0])):
        with pytest.raises(PeersError):
            task.check_targets(bad, 2)
