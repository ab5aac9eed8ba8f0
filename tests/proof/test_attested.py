"""Whose record a committed input is: signed by who has seen both, and by nobody else."""

import dataclasses

import numpy as np
import pytest

from klopf.errors import NotProven, ProofError
from klopf.ledger import keys
from klopf.proof import attested, model

SEED = bytes(range(32))
RECORD = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
BANK = keys.Key(bytes(31) + b"\1")
X = np.linspace(-1, 1, 4)


@pytest.fixture(scope="module")
def committed():
    rng = np.random.default_rng(0)
    return model.Committed.of(model.Layers.of([rng.normal(size=(2, 4))], [np.zeros(2)], "relu"))


@pytest.fixture(scope="module")
def said(committed):
    root = model.Hidden(committed.card, X, SEED).root
    return attested.attest(BANK, committed.card, RECORD, 3, X, SEED, root)


def test_an_answer_is_that_of_an_attested_record(committed, said):
    hidden = model.Hidden(committed.card, X, SEED)
    answer = committed.prove_hidden(hidden)
    again = attested.Attested.parse(said.to_json().encode())
    model.verify(committed.card, answer, attested.check(again, BANK.address, RECORD))
    other = model.Hidden(committed.card, X + 0.1, SEED)  # her record, made a little better
    with pytest.raises(NotProven):
        model.verify(committed.card, committed.prove_hidden(other), attested.check(again, BANK.address, RECORD))


def test_nothing_else_is_signed(committed):
    root = model.Hidden(committed.card, X, SEED).root
    for numbers, seed in ((X + 0.1, SEED), (X, bytes(32))):
        with pytest.raises(ProofError, match="nothing is signed"):
            attested.attest(BANK, committed.card, RECORD, 3, numbers, seed, root)


def test_what_another_signed_or_was_altered_is_refused(said):
    stranger = keys.Key(bytes(31) + b"\2")
    with pytest.raises(NotProven, match="not signed by"):
        attested.check(said, stranger.address)
    forged = dataclasses.replace(said, signature=stranger.sign(said.digest))
    for wrong in (forged, *(dataclasses.replace(said, **one) for one in (
        {"record": "bafkreiaaaa"}, {"row": 4}, {"root": bytes(32)}, {"by": stranger.address}, {"signature": b""},
        {"signature": bytes(65)}))):  # fmt: skip
        with pytest.raises(NotProven):
            attested.check(wrong, BANK.address)
    with pytest.raises(NotProven, match="not of"):
        attested.check(said, BANK.address, "bafkreiother")


def test_who_signed_what_is_not_so_is_caught(committed, said):
    assert not attested.caught(said, committed.card, X, SEED)
    root = model.Hidden(committed.card, X + 0.5, SEED).root
    draft = dataclasses.replace(said, root=root)
    lie = dataclasses.replace(draft, signature=BANK.sign(draft.digest))
    assert attested.check(lie, BANK.address, RECORD) == root  # whoever believes the bank believes this ...
    assert attested.caught(lie, committed.card, X, SEED)  # ... until the record and the seed are seen


@pytest.mark.parametrize(
    "wrong", [b"", b"{}", b"[]", b"\xff", b'{"kind": "klopf attested input 1"}', b'{"kind": 1, "record": 2}']
)
def test_bytes_that_say_nothing_are_refused_in_a_line(said, wrong):
    with pytest.raises(NotProven) as raised:
        attested.Attested.parse(wrong)
    assert "\n" not in str(raised.value)
    with pytest.raises(NotProven):
        attested.Attested.parse(said.to_json().replace('"row": 3', '"row": "3"').encode())
