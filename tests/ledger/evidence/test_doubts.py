"""Auditors doubt each other on a real EVM: openings are on disk, whoever is killed goes on, a liar pays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import chain, ledger
from klopf.audit._doubts import Doubts
from klopf.audit._evidence import Evidence, opening
from klopf.audit._transcript import transcript
from klopf.ledger._deployment import USUAL
from klopf.ledger.evidence import AuditPay, Challenges, Place, Said
from klopf.peers import pairs_of

ASKED, SALT, MODEL = 30, bytes(32), b"\7" * 32
QUESTIONS = np.arange(2 * ASKED, dtype=np.float32).reshape(ASKED, 2)
TARGETS = np.arange(ASKED) % 2
ANSWERS = np.tile(np.array([0.3, 0.7], np.float32), (ASKED, 1))


class World:
    """One neuron, two auditors: the second one says that it counted three more than it did."""

    def __init__(self, folder: Path) -> None:
        path = str(folder / "chain.db")
        chain.create(path, chain_id=1337, dev=True).close()
        rules = replace(TINY, audit_seats=2, audit_quorum=2, thaw_seconds=4000)
        terms = ledger.AuditTerms(challenge_seconds=600)
        made = ledger.deploy(path, secret(0), rules, audit=terms, packs=(*USUAL, "evidence"))
        self.net = Net(ledger.connect(path, secret(0), made), lambda seconds: None)
        self.net.pass_time = lambda seconds: self.net.admin.rpc.request("evm_increaseTime", hex(seconds))
        self.neuron = self.net.join(Role.NEURON)
        self.auditors = [self.net.join(Role.AUDITOR) for _ in range(2)]
        self.heard = [self.net.join(Role.NEURON, stake=5_000 * KLP) for _ in range(2)]
        self.net.admin.clock.start()
        self.folders = [folder / str(k) for k in self.auditors]
        self.said: list[str] = []
        self.doubts: dict[int, Doubts] = {}

    def sign(self, auditor: int, answers=ANSWERS, model=MODEL, questions=QUESTIONS, epoch=1) -> dict[str, str]:
        what = Said(epoch, self.neuron, auditor, model, pairs_of(questions, answers))
        key, book = self.net.clients[self.neuron].me, self.net.admin
        return {"model": model.hex(), "signature": key.sign(what.digest(book.client(Challenges).domain)).hex()}

    def evidence(self, auditor: int, models=None) -> Evidence:
        others = {self.neuron: SimpleNamespace(key=self.net.clients[self.neuron].me.address)}
        who = SimpleNamespace(book=self.net.clients[auditor], id=auditor, others=others)
        return Evidence(who, 1, {self.neuron: MODEL} if models is None else models)

    def audit(self) -> None:
        for number, (auditor, folder) in enumerate(zip(self.auditors, self.folders, strict=True)):
            folder.mkdir()
            kept = self.evidence(auditor)
            assert kept.heard(self.neuron, QUESTIONS, ANSWERS, self.sign(auditor))
            each = [10_000 if target == 1 else 0 for target in TARGETS]
            made = transcript(QUESTIONS, ANSWERS, TARGETS, each, kept.roots(self.neuron, QUESTIONS, ANSWERS))
            kept.count(self.neuron, "accuracy", made)
            kept.save(folder)
            c, more = made.counts, 30_000 * number
            counts = ledger.Counts(c.asked, c.sum + more, c.squares + more * 10_000, c.root)
            self.found = [ledger.Result(self.neuron, {"accuracy": counts})]
            self.net.clients[auditor].audits.commit(auditor, self.found, SALT)
            self.doubts[auditor] = self.begin(auditor)
            setattr(self, f"found{number}", self.found)
        a, b = self.heard  # so that the epoch has something to pay
        both = [*self.net.post(a, {b: 60_000}), *self.net.post(b, {a: 60_000})]
        self.net.advance()
        for signed in both:
            self.net.clients[signed.receipt.speaker].settlement.claim(signed.receipt.speaker, [signed])
        for number, auditor in enumerate(self.auditors):
            self.net.clients[auditor].audits.reveal(auditor, getattr(self, f"found{number}"), SALT)

    def begin(self, auditor: int) -> Doubts:
        folder = self.folders[self.auditors.index(auditor)]
        return Doubts(self.net.clients[auditor], auditor, folder, self.said.append)

    def slashed(self, id: int) -> int:
        return self.net.admin.stake.account(id).slashed // KLP


@pytest.mark.parametrize("killed", [False, True])
def test_the_liar_cannot_show_and_pays_whoever_doubted_and_the_honest_one_shows(tmp_path, killed):
    w = World(tmp_path)
    honest, liar = w.auditors
    w.audit()
    assert w.doubts[honest].look() is not None
    assert not w.said, "nothing is doubted while others may still reveal"
    w.net.advance()
    w.net.admin.settle(1)
    before = w.net.admin.token.balance(w.net.clients[honest].me.address)
    for _ in range(3):
        for auditor in (liar, honest):
            if killed:
                w.doubts[auditor] = w.begin(auditor)
            w.doubts[auditor].look()
    assert sum("doubts question" in line for line in w.said) == 2, "one each, whatever dies"
    assert sum("showed question" in line and "refused" not in line for line in w.said) == 1
    assert any("cannot show question" in line for line in w.said)
    assert opening(w.folders[0], Place(1, honest, w.neuron, "accuracy", ASKED - 1)) is not None
    w.net.pass_time(601)
    w.net.admin.fund(w.net.clients[honest].me.address, tokens=1)  # a block at that time
    if killed:
        w.doubts[honest] = w.begin(honest)
    w.doubts[honest].look()
    assert (w.slashed(honest), w.slashed(liar)) == (0, 40)
    deposit = 10 * KLP
    after = w.net.admin.token.balance(w.net.clients[honest].me.address)
    assert after - before == 20 * KLP + deposit + 1, "half of what was taken, and the liar's own lost deposit"
    w.net.pass_time(601)
    w.net.admin.fund(w.net.clients[honest].me.address, tokens=1)
    if killed:
        w.doubts[honest] = w.begin(honest)
    assert w.doubts[honest].look() is None and w.doubts[liar].look() is None
    paid = [a for a in w.auditors if w.net.admin.client(AuditPay).paid(1, a)]
    assert paid == [honest], "what stood is paid, and nothing else"
    assert w.net.admin.token.balance(w.net.clients[honest].me.address) == after + 1 + 500 * KLP // (2 * ASKED) * ASKED
    assert not list(w.folders[0].glob("openings/*.json")), "nothing is kept that nobody may doubt"
    assert [str(d) for d in ledger.verify(w.net.admin, w.net.receipts)] == []


def test_what_is_not_signed_with_the_committed_model_is_no_answer(tmp_path):
    w = World(tmp_path)
    auditor = w.auditors[0]
    good = w.sign(auditor)
    for wrong in (
        None, {}, {"model": MODEL.hex()}, good | {"signature": "00"}, good | {"model": bytes(32).hex()},
        w.sign(w.auditors[1]), w.sign(auditor, epoch=2), w.sign(auditor, answers=ANSWERS[:, ::-1]),
    ):  # fmt: skip
        assert not w.evidence(auditor).heard(w.neuron, QUESTIONS, ANSWERS, wrong)
    assert w.evidence(auditor).heard(w.neuron, QUESTIONS, ANSWERS, good)
    assert not w.evidence(auditor, {}).heard(w.neuron, QUESTIONS, ANSWERS, good), "it could name another to another"
    assert not w.evidence(auditor, {w.neuron: bytes(32)}).heard(w.neuron, QUESTIONS, ANSWERS, good)
    kept = w.evidence(auditor)
    assert kept.heard(w.neuron, QUESTIONS, ANSWERS, good)
    assert not kept.heard(w.neuron, QUESTIONS, ANSWERS, w.sign(auditor, model=bytes(32))), "a second model"


def test_contrary_answers_are_found_and_float_noise_is_not(tmp_path):
    w = World(tmp_path)
    auditor = w.auditors[0]
    kept = w.evidence(auditor)
    assert kept.heard(w.neuron, QUESTIONS, ANSWERS, w.sign(auditor))
    noisy = (ANSWERS * np.float32(1.001)).astype(np.float32)
    assert kept.heard(w.neuron, QUESTIONS[5:9], noisy[5:9], w.sign(auditor, noisy[5:9], MODEL, QUESTIONS[5:9]))
    assert not kept.contradictions
    other = ANSWERS[:3, ::-1].copy()
    assert kept.heard(w.neuron, QUESTIONS[:3], other, w.sign(auditor, other, MODEL, QUESTIONS[:3]))
    then, now = kept.contradictions[w.neuron]
    w.net.clients[auditor].client(Challenges).contradict(then, now)
    assert w.slashed(w.neuron) == 40
