"""What a neuron signs for auditors: the same again, with one model an epoch, whatever dies in between."""

from types import SimpleNamespace

import numpy as np
import pytest

from klopf import ledger, wire
from klopf.ledger._receipts import Domain
from klopf.ledger.evidence import Said, contrary
from klopf.peers import Conduct, pairs_of, values_of
from klopf.peers._statements import Statements

MODEL = b"\7" * 32
DOMAIN = Domain(1337, "0x" + "11" * 20, "Klopf Challenges")
KEY = ledger.keys.new()
QUESTIONS = np.arange(8, dtype=np.float32).reshape(4, 2)


def neuron(folder, *, pack=True):
    addresses = {"Challenges": DOMAIN.contract} if pack else {}
    book = SimpleNamespace(
        deployment=SimpleNamespace(addresses=addresses), client=lambda kind: SimpleNamespace(domain=DOMAIN),
    )  # fmt: skip
    others = {8: SimpleNamespace(role=ledger.Role.AUDITOR), 9: SimpleNamespace(role=ledger.Role.NEURON)}
    conduct = Conduct.__new__(Conduct)
    who = SimpleNamespace(
        folder=folder, book=book, id=3, key=KEY, others=others, conduct=conduct
    )  # fmt: skip
    return Statements(who)


def answers(shift=0.0):
    return np.full((4, 2), 0.5, np.float32) + np.float32(shift)


def test_answers_are_signed_bound_to_network_epoch_neuron_auditor_model_and_pairs(tmp_path):
    said, payload = neuron(tmp_path).sign(5, 8, MODEL, QUESTIONS, answers())
    what = Said(5, 3, 8, MODEL, pairs_of(QUESTIONS, said))
    signature = bytes.fromhex(payload["signature"])
    assert bytes.fromhex(payload["model"]) == MODEL
    assert ledger.keys.recover(what.digest(DOMAIN), signature) == KEY.address
    for other in (
        Said(6, 3, 8, MODEL, what.pairs), Said(5, 4, 8, MODEL, what.pairs), Said(5, 3, 7, MODEL, what.pairs),
        Said(5, 3, 8, bytes(32), what.pairs), Said(5, 3, 8, MODEL, what.pairs[:-1]),
    ):  # fmt: skip
        assert ledger.keys.recover(other.digest(DOMAIN), signature) != KEY.address
    assert ledger.keys.recover(what.digest(Domain(1, DOMAIN.contract, DOMAIN.name)), signature) != KEY.address


@pytest.mark.parametrize("killed", [False, True])
def test_a_question_is_answered_as_it_was_answered_before_whatever_the_model_says_now(tmp_path, killed):
    one = neuron(tmp_path)
    first, _ = one.sign(5, 8, MODEL, QUESTIONS, answers())
    if killed:
        with open(tmp_path / "statements.jsonl", "a") as file:
            file.write('{"epoch": 5, "model": "07')  # a line that was cut off
        one = neuron(tmp_path)
        one.sign(5, 8, MODEL, QUESTIONS + 100, answers(0.1))
        one = neuron(tmp_path)
        assert (one.sign(5, 8, MODEL, QUESTIONS + 100, answers())[0] == answers(0.1)).all()
    order = [2, 0, 3, 1]
    again, _ = one.sign(5, 8, MODEL, QUESTIONS[order], answers(0.3))
    assert (again == first[order]).all()
    later, _ = one.sign(6, 8, MODEL, QUESTIONS, answers(0.3))
    assert (later == answers(np.float32(0.3))).all(), "another epoch"


@pytest.mark.parametrize("killed", [False, True])
def test_no_second_model_signs_in_an_epoch(tmp_path, killed):
    one = neuron(tmp_path)
    one.sign(5, 8, MODEL, QUESTIONS, answers())
    one = neuron(tmp_path) if killed else one
    with pytest.raises(wire.Decline, match="another model"):
        one.sign(5, 8, bytes(32), QUESTIONS + 100, answers())
    one.sign(6, 8, bytes(32), QUESTIONS, answers())


def test_only_what_auditors_are_answered_is_signed(tmp_path):
    one = neuron(tmp_path)
    assert one.asked_by(SimpleNamespace(id=8))
    assert not one.asked_by(SimpleNamespace(id=9)) and not one.asked_by(SimpleNamespace(id=77))
    assert not neuron(tmp_path, pack=False).asked_by(SimpleNamespace(id=8))


def test_what_was_said_is_kept_two_epochs_and_no_longer(tmp_path):
    one = neuron(tmp_path)
    for epoch in range(1, 20):
        one.keep_since(epoch - 1)
        one.sign(epoch, 8, MODEL, QUESTIONS, answers())
    assert len((tmp_path / "statements.jsonl").read_text().splitlines()) == 2
    assert set(neuron(tmp_path)._answers) == {18, 19}


def test_texts_are_repeated_too_and_never_contrary(tmp_path):
    one, questions = neuron(tmp_path), np.array(["how?", "why?"])
    first, _ = one.sign(5, 8, MODEL, questions, np.array(["a long answer", "so"]))
    again, _ = one.sign(5, 8, MODEL, questions, np.array(["no", "no"]))
    assert list(again) == list(first) == ["a long answer", "so"]
    assert values_of(first[0]) is None


def test_float_noise_is_no_contradiction_whatever_the_size_of_numbers():
    r = np.random.default_rng(0)
    for _ in range(500):
        size = 10.0 ** r.uniform(-8, 30)
        x = (size * r.normal(size=5)).astype(np.float32)
        noisy = (x * (1 + r.uniform(-1e-4, 1e-4, 5))).astype(np.float32)
        assert not contrary(values_of(x), values_of(noisy))
    assert contrary(values_of(np.float32([0.9, 0.1])), values_of(np.float32([0.1, 0.9])))
