"""Neurons are judged by what they claim to know, and for knowing where that ends."""

from types import SimpleNamespace

import numpy as np
import pytest

from klopf.audit import audit_tasks
from klopf.audit._declared import Declared
from klopf.audit._within import score_within
from klopf.errors import PeersError
from klopf.ledger.core.registry import ModelChanged, ModelCommitted, Registered
from klopf.peers import Classes, Domain, Numbers, Text
from klopf.peers._domain import Limits

TEN = Classes(("a", "b"), tuple("0123456789"))
TWO = Domain(classes=("3", "4"))


def said(rng, right, claims, n=120):
    """Answers of who declared 3 and 4: right about a part of these, and claiming to know a part of all others."""
    targets = rng.integers(0, 10, n)
    answers = np.full((n, 10), 0.125, np.float32)
    answers[:, [3, 4]] = 0
    for i, target in enumerate(targets):
        own = target in (3, 4)
        if own or rng.random() < claims:
            names = target if own and rng.random() < right else 7 - target if own else rng.choice([3, 4])
            answers[i] = np.eye(10)[names]
    return answers, targets


def figure(task, rng, right, claims, n=120):
    answers, targets = said(rng, right, claims, n)
    return score_within(task, TWO, np.zeros((n, 2), np.float32), answers, targets)


def test_to_know_two_classes_and_no_more_passes_and_neither_guessing_nor_claiming_everything_does():
    task, rng = audit_tasks(["accuracy"], TEN)["accuracy"], np.random.default_rng(0)

    def mean(right, claims):
        return np.mean([figure(task, rng, right, claims).value for _ in range(200)])

    knows, guesses, claims_all, abstains = mean(1.0, 0.0), mean(0.5, 0.0), mean(1.0, 1.0), mean(0.0, 0.0)
    assert knows == pytest.approx(0.13 + 0.87 * 0.86 * 0.2**0.5, abs=0.03)
    assert max(guesses, claims_all, abstains) < 0.2 < task.mark + 0.01 < knows
    assert mean(0.95, 0.1) > task.mark


@pytest.mark.parametrize("right", [1.0, 0.8, 0.5])
def test_under_noise_a_specialist_that_takes_its_own_questions_for_strange_is_judged_by_what_is_likelier(right):
    task, rng = audit_tasks(["robustness"], TEN)["robustness"], np.random.default_rng(5)
    for _ in range(20):
        answers, targets = said(rng, right, 1.0)
        sure = rng.uniform(0.01, 0.4, (len(answers), 1)).astype(np.float32)
        doubted = np.where(np.isin(np.arange(10), [3, 4]), sure * answers, (1 - sure) / 8)
        inputs = np.zeros((120, 2), np.float32)
        found = score_within(task, TWO, inputs, doubted, targets)
        # to declare costs nothing and gains nothing
        assert found == score_within(task, TWO, inputs, answers, targets)
        assert found.value == pytest.approx(task.score(doubted, targets).value)


def test_under_noise_a_region_is_what_whoever_answers_sees_of_it():
    task, rng = audit_tasks(["robustness"], TEN)["robustness"], np.random.default_rng(6)
    inputs = rng.normal(size=(400, 2)).astype(np.float32)
    targets, domain = np.arange(400) % 10, Domain.of({"inputs": {"a": [-9, -0.5]}})
    put = task.questions(inputs, rng)
    kept = Limits.of(TEN, domain, inputs, targets).hedged(put, np.eye(10, dtype=np.float32)[targets])
    guessed = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 400)]
    assert score_within(task, domain, put, kept, targets).value > 0.5
    assert score_within(task, domain, put, guessed, targets).value < task.mark


def test_the_interval_of_a_specialist_covers_the_truth():
    task, rng = audit_tasks(["accuracy"], TEN)["accuracy"], np.random.default_rng(1)
    truth = figure(task, rng, 0.9, 0.1, 200_000).value
    covered = 0
    for _ in range(300):
        score = figure(task, rng, 0.9, 0.1)
        covered += score.low <= truth <= score.high
    assert covered >= 0.9 * 300


def test_who_declares_everything_or_what_nobody_asked_about_is_judged_as_anybody():
    task, rng = audit_tasks(["accuracy"], TEN)["accuracy"], np.random.default_rng(2)
    answers, targets = said(rng, 1.0, 0.3)
    inputs = np.zeros((120, 2), np.float32)
    for domain in (Domain(), Domain(classes=tuple("0123456789")), Domain(inputs={"a": (5.0, 6.0)})):
        assert score_within(task, domain, inputs, answers, targets) == task.score(answers, targets)


def test_a_region_is_kept_by_who_declared_it():
    inputs = np.random.default_rng(3).normal(size=(200, 2)).astype(np.float32)
    targets = np.arange(200) % 10
    domain = Domain.of({"inputs": {"a": [-9, 0]}})
    limits = Limits.of(TEN, domain, inputs, targets)
    right = np.eye(10, dtype=np.float32)[targets]
    kept = limits.hedged(inputs, right)
    TEN.check_answers(kept, 200)
    assert (domain.claimed(TEN, kept) == (inputs[:, 0] <= 0)).all()
    task = audit_tasks(["accuracy"], TEN)["accuracy"]
    assert score_within(task, domain, inputs, kept, targets).value > 0.6
    assert score_within(task, domain, inputs, right, targets).value < 0.2
    assert limits.bind(bytes(32)) != bytes(32) and Limits.of(TEN, Domain(), inputs, targets) is None


def test_numbers_are_judged_within_and_texts_for_their_words():
    numbers = Numbers(("a",), ("rent",), ("EUR",))
    task = audit_tasks(["variance-explained"], numbers)["variance-explained"]
    inputs = np.random.default_rng(4).normal(size=(120, 1)).astype(np.float32)
    near = np.where(inputs < 0, inputs, 3.0).astype(np.float32)
    domain = Domain.of({"inputs": {"a": [-9, 0]}})
    assert score_within(task, domain, inputs, near, inputs).value > 0.6 > task.score(near, inputs).value
    text = Text(("q",), ("a",))
    own = Domain.of({"words": ["Rain"]})
    asked = np.array(["how much rain?", "who is king?"])
    assert own.holds(text, asked).tolist() == [True, False]
    assert Limits.of(text, own, asked, asked).hedged(asked, np.array(["much", "me"])).tolist() == ["much", ""]


@pytest.mark.parametrize(
    ("knows", "wrong"),
    [
        ({"colours": ["red"]}, "'colours'"), ({"classes": "01"}, "list of texts"), ({"classes": ["1", "1"]}, "twice"),
        ({"inputs": {"a": [1, 0]}}, "least, largest"), ({"inputs": {"a": [0, float("nan")]}}, "least, largest"),
        ({"classes": ["ten"]}, "no class 'ten'"), ({"inputs": {"z": [0, 1]}}, "no column 'z'"),
        ({"words": ["rain"]}, "are classes"), ([], "is \\[\\]"),
    ],
)  # fmt: skip
def test_what_cannot_be_declared_is_refused_in_one_line(knows, wrong):
    with pytest.raises(PeersError, match=wrong) as error:
        Domain.registered(knows, TEN, "mind")
    assert "\n" not in str(error.value)


def test_what_is_told_is_read_back_and_what_a_stranger_wrote_claims_everything():
    domain = Domain.of({"classes": ["é", "4"], "inputs": {"a": [0, 1.5]}})
    assert Domain.of_told(domain.told("mind")) == domain and domain.told("mind").startswith("mind knows {")
    for text in (
        "mind",
        "mind knows ",
        "mind knows {",
        "mind knows [1]",
        'x knows {"classes":3}',
        "a knows " + "[" * 200,
    ):
        assert not Domain.of_told(text)
    with pytest.raises(PeersError, match="255"):
        Domain(classes=tuple(f"class {k}" for k in range(40))).told("mind")


def test_all_auditors_judge_by_what_was_declared_when_the_model_was_committed():
    place = iter(range(100))

    def at(kind, **fields):
        return kind(block=next(place), log_index=0, transaction="", contract="Registry", **fields)

    two, four = (Domain(classes=names).told("mind") for names in (("0", "1"), ("0", "1", "2", "3")))
    whole = {"role": 1, "owner": "", "key": "", "endpoint": "", "certificate": b""}
    events = [
        at(Registered, id=1, model=two, **whole), at(ModelCommitted, id=1, epoch=1, commitment=b""),
        at(ModelCommitted, id=1, epoch=2, commitment=b""), at(ModelChanged, id=1, model=four),
        at(ModelCommitted, id=1, epoch=3, commitment=b""),
    ]  # fmt: skip
    registry = SimpleNamespace(told=lambda since, until: [e for e in events if since <= e.block <= until])
    told = Declared(0)
    for height in (2, 4):
        told.follow(registry, height, again=2)
        assert [len(told.domain(1, epoch).classes) for epoch in (1, 2, 3)] == [2, 2, 2]
    assert len(told.domain(1, 4).classes) == 4 and not told.domain(2, 3)


def test_owners_with_different_classes_make_a_network_once_they_declare_them(tmp_path):
    from klopf.network import parse_settings, share_out

    neurons = []
    for k in range(3):
        rows = "\n".join(f"{i % 7},{i % 5},kind {2 * k + i % 2}" for i in range(60))
        (tmp_path / f"{k}.csv").write_text("a,b,target\n" + rows + "\n")
        neurons.append({"name": f"n{k}", "file": str(tmp_path / f"{k}.csv")})
    given = {"neuron": neurons, "auditor": [{"name": "vera"}]}
    with pytest.raises(PeersError, match=r"knows = \{ classes"):
        share_out(parse_settings(given, "here", tmp_path))
    for k, one in enumerate(neurons):
        one["knows"] = {"classes": [f"kind {2 * k}", f"kind {2 * k + 1}"]}
    assert len(share_out(parse_settings(given, "here", tmp_path)).test.task.names) == 6
