"""Any single question of an audit can be asked for: who cannot show it is slashed, and pays whoever asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

import pytest
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import chain, ledger
from klopf.errors import Reverted
from klopf.ledger import Answered, AuditTerms, Counts, Ledger, Result, Transcript
from klopf.ledger._deployment import USUAL
from klopf.ledger.evidence import Challenges, Opening, Place, Said
from klopf.ledger.evidence.challenges import State

SALT = bytes(32)
MODEL = b"\7" * 32
ASKED = 30
DEPOSIT = 10 * KLP


@dataclass
class Case:
    """A neuron whose one auditor revealed 30 questions in the first epoch, 24 of them right."""

    net: Net
    neuron: int
    auditor: int
    doubter: int
    made: Transcript
    openings: list[Opening]

    def place(self, number: int = 0, **other: object) -> Place:
        return replace(Place(1, self.auditor, self.neuron, "accuracy", number), **other)

    def at(self, id: int) -> Challenges:
        client: Ledger = self.net.clients[id]
        return client.client(Challenges)

    def revealed(self) -> ledger.events.audits.Revealed:
        (found,) = [e for e in ledger.history(self.net.admin) if e.kind == "Audits.Revealed"]
        assert isinstance(found, ledger.events.audits.Revealed)
        return found

    def doubt(self, place: Place) -> None:
        self.at(self.doubter).doubt(place, self.revealed(), self.net.clients[self.auditor].me.address)

    def balance(self, id: int) -> int:
        return self.net.admin.token.balance(self.net.clients[id].me.address)

    def slashed(self) -> int:
        return self.net.admin.stake.account(self.auditor).slashed // KLP


def digest(n: int, what: str) -> bytes:
    return sha256(f"{what} {n}".encode()).digest()


def case(tmp_path, claimed: Counts | None = None, signer: int | None = None) -> Case:
    """What the neuron signed, and a transcript of it; ``claimed`` instead of what the transcript adds up to."""
    path = str(tmp_path / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    rules = replace(TINY, audit_seats=1, audit_quorum=1, thaw_seconds=4000)
    made = ledger.deploy(path, secret(0), rules, audit=AuditTerms(challenge_seconds=600), packs=(*USUAL, "evidence"))
    net = Net(ledger.connect(path, secret(0), made), lambda seconds: None)
    net.pass_time = lambda seconds: net.admin.rpc.request("evm_increaseTime", hex(seconds))
    neuron, auditor = net.join(Role.NEURON), net.join(Role.AUDITOR)
    doubter = net.join(Role.REQUESTER)
    net.admin.clock.start()
    asked = sorted((digest(i, "question"), digest(i, "answer")) for i in range(ASKED))
    said = Said(1, neuron, auditor, MODEL, tuple(asked))
    signature = net.clients[signer or neuron].me.sign(said.digest(net.admin.client(Challenges).domain))
    scores = [10_000 if i % 5 else 0 for i in range(ASKED)]
    transcript = Transcript([Answered(*pair, 1, score, said.root) for pair, score in zip(asked, scores, strict=True)])
    openings = [
        Opening(one, tuple(transcript.proof(i)), MODEL, said.proof(i), signature)
        for i, one in enumerate(transcript.answered)
    ]
    found = [Result(neuron, {"accuracy": claimed or transcript.counts})]
    net.clients[auditor].audits.commit(auditor, found, SALT)
    net.advance()
    net.clients[auditor].audits.reveal(auditor, found, SALT)
    net.advance()
    net.admin.settle(1)
    return Case(net, neuron, auditor, doubter, transcript, openings)


def verified(c: Case) -> None:
    assert [str(d) for d in ledger.verify(c.net.admin, c.net.receipts)] == []


@pytest.mark.parametrize("number", [0, 13, 28, 29])
def test_a_question_that_is_shown_costs_whoever_doubted_it(tmp_path, number) -> None:
    c = case(tmp_path)
    before = c.balance(c.doubter), c.balance(c.auditor)
    c.doubt(c.place(number))
    assert c.balance(c.doubter) == before[0] - DEPOSIT
    with pytest.raises(Reverted, match="AlreadyDoubted"):
        c.doubt(c.place(number))
    with pytest.raises(Reverted, match="NotDue"):
        c.at(c.doubter).uphold(c.place(number))
    c.at(c.doubter).show(c.place(number), c.openings[number])  # anybody who has it
    assert c.balance(c.auditor) == before[1] + DEPOSIT
    assert c.at(c.doubter).get(c.place(number)).state is State.SHOWN
    c.net.pass_time(601)
    with pytest.raises(Reverted, match="NotOpen"):
        c.at(c.doubter).uphold(c.place(number))
    assert c.slashed() == 0
    verified(c)


def test_a_question_that_is_not_shown_costs_the_auditor_and_pays_whoever_doubted(tmp_path) -> None:
    c = case(tmp_path)
    before, treasury = c.balance(c.doubter), c.net.admin.token.balance(c.net.admin.deployment.treasury)
    c.doubt(c.place(7))
    c.net.clients[c.auditor].stake.unstake(c.auditor, 100 * KLP)  # leaving does not help
    c.net.pass_time(601)
    c.at(c.neuron).uphold(c.place(7))
    assert c.slashed() == 40  # twice what being far from the others costs
    assert c.balance(c.doubter) == before + 20 * KLP
    assert c.net.admin.token.balance(c.net.admin.deployment.treasury) == treasury + 20 * KLP
    with pytest.raises(Reverted, match="NotOpen"):
        c.at(c.auditor).show(c.place(7), c.openings[7])
    verified(c)


def test_counts_that_the_transcript_does_not_add_up_to_cannot_be_shown(tmp_path) -> None:
    """One question more right than there was: no question of it leads to what was claimed."""
    (tmp_path / "a").mkdir()
    honest = case(tmp_path / "a").made.counts
    lie = Counts(honest.asked, honest.sum + 10_000, honest.squares + 10_000**2, honest.root)
    (tmp_path / "b").mkdir()
    c = case(tmp_path / "b", claimed=lie)
    for number in range(0, ASKED, 9):
        c.doubt(c.place(number))
        with pytest.raises(Reverted, match="NotInTranscript"):
            c.at(c.auditor).show(c.place(number), c.openings[number])
    c.net.pass_time(601)
    c.at(c.doubter).uphold(c.place(0))
    assert c.slashed() == 40


def test_an_answer_that_the_neuron_did_not_sign_cannot_be_shown(tmp_path) -> None:
    c = case(tmp_path, signer=2)  # the auditor's own signature
    c.doubt(c.place(3))
    with pytest.raises(Reverted, match="NotSigned"):
        c.at(c.auditor).show(c.place(3), c.openings[3])


def test_another_question_an_altered_one_or_another_answer_is_not_what_was_doubted(tmp_path) -> None:
    c = case(tmp_path)
    c.doubt(c.place(4))
    one = c.openings[4]
    for wrong in (
        c.openings[5],
        replace(one, answered=replace(one.answered, score=0)),
        replace(one, answered=replace(one.answered, score=160_001)),
        replace(one, answered=replace(one.answered, right=2)),
        replace(one, beside=one.beside[:-1]),
        replace(one, beside=(replace(one.beside[0], sum=1, squares=1), *one.beside[1:])),
    ):
        with pytest.raises(Reverted, match="NotInTranscript"):
            c.at(c.auditor).show(c.place(4), wrong)
    with pytest.raises(Reverted, match="NotSigned"):
        c.at(c.auditor).show(c.place(4), replace(one, proof=one.proof[:-1]))
    c.at(c.auditor).show(c.place(4), one)


def test_what_was_not_revealed_or_too_long_ago_cannot_be_doubted(tmp_path) -> None:
    c = case(tmp_path)
    for wrong, why in (
        (c.place(ASKED), "NoSuchQuestion"),
        (c.place(0, task="charm"), "NoSuchQuestion"),
        (c.place(0, neuron=9), "NoSuchQuestion"),
        (c.place(0, epoch=2), "TooLate"),
        (c.place(0, auditor=c.neuron), "TooLate"),
    ):
        with pytest.raises(Reverted, match=why):
            c.doubt(wrong)
    other = replace(c.revealed(), salt=b"\1" * 32)
    with pytest.raises(Reverted, match="WrongResults"):
        c.at(c.doubter).doubt(c.place(), other, c.net.clients[c.auditor].me.address)
    c.net.pass_time(601)
    c.net.admin.fund(c.net.clients[c.doubter].me.address, tokens=1)  # a block at that time
    with pytest.raises(Reverted, match="TooLate"):
        c.doubt(c.place())
