"""Auditors are paid for what stood, and only for that: who copies, says nothing or lies is paid nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pytest
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Answered, AuditShare, AuditTerms, Ledger, Parameters, Result, Transcript, _verify
from klopf.ledger._deployment import USUAL, deploy_over
from klopf.ledger._parameters import task_name
from klopf.ledger.audit.audits import rows_of
from klopf.ledger.evidence import AuditPay, Challenges, Opening, Place, Said, drawn_question
from tests.ledger.forged import Forged, hidden
from tests.ledger.memory import MemoryRpc

SALT, MODEL = bytes(32), b"\7" * 32
WINDOW = 600
POOL = 500 * KLP  # a twentieth of the 10,000 that an epoch has
RULES = replace(TINY, audit_seats=3, audit_quorum=2, thaw_seconds=4000)


@dataclass
class Audited:
    """Neurons whose three auditors reveal 30 questions each."""

    net: Net
    neurons: list[int]
    auditors: list[int]
    listeners: list[int]
    results: dict[int, list[Result]] = field(default_factory=dict)
    openings: dict[tuple[int, int], list[Opening]] = field(default_factory=dict)

    def book(self, id: int) -> Ledger:
        return self.net.clients[id]

    def audit(self, auditor: int, neuron: int, right: int = 24, signer: int | None = None, questions: int = 30) -> None:
        asked = sorted((_digest(i, auditor, "question"), _digest(i, auditor, "answer")) for i in range(questions))
        said = Said(self.net.admin.clock.now().epoch, neuron, auditor, MODEL, tuple(asked))
        signature = self.book(signer or neuron).me.sign(said.digest(self.net.admin.client(Challenges).domain))
        made = Transcript([Answered(*p, 1, 10_000 if i < right else 0, said.root) for i, p in enumerate(asked)])
        self.results.setdefault(auditor, []).append(Result(neuron, {"accuracy": made.counts}))
        self.openings[auditor, neuron] = [
            Opening(one, tuple(made.proof(i)), MODEL, said.proof(i), signature) for i, one in enumerate(made.answered)
        ]

    def forge(self, auditor: int, neuron: int, questions: int, shown: int | None = None) -> None:
        """Only so many questions are asked, and fill 30 places by turns; ``shown`` is made to look sorted."""
        asked = sorted((_digest(i, auditor, "question"), _digest(i, auditor, "answer")) for i in range(questions))
        said = Said(self.net.admin.clock.now().epoch, neuron, auditor, MODEL, tuple(asked))
        signature = self.book(neuron).me.sign(said.digest(self.net.admin.client(Challenges).domain))
        each = [Answered(*asked[i % questions], 1, 10_000 if i < 24 else 0, said.root) for i in range(30)]
        made = Forged(each, None if shown is None else hidden(shown))
        self.results.setdefault(auditor, []).append(Result(neuron, {"accuracy": made.counts}))
        self.openings[auditor, neuron] = [
            Opening(one, tuple(made.proof(i)), MODEL, said.proof(i % questions), signature)
            for i, one in enumerate(made.answered)
        ]

    def can_show(self, auditor: int, neuron: int) -> list[int]:
        """The places whose questions would be taken."""
        taken, (result,) = [], [r for r in self.results[auditor] if r.neuron == neuron]
        ((_, (count,)),) = rows_of([result])
        for place, opening in enumerate(self.openings[auditor, neuron]):
            with suppress(Reverted):
                row = Place(1, auditor, neuron, "accuracy", place).as_tuple()
                self.net.admin.client(Challenges)._read("requireShown", row, count, opening.as_tuple())
                taken.append(place)
        return taken

    def hear(self) -> list[ledger.SignedReceipt]:
        """Two more neurons hear one another, while the epoch listens."""
        a, b = self.listeners
        return [*self.net.post(a, {b: 60_000}), *self.net.post(b, {a: 60_000})]

    def claim(self, both: list[ledger.SignedReceipt]) -> None:
        for signed in both:
            self.book(signed.receipt.speaker).settlement.claim(signed.receipt.speaker, [signed])

    def epoch(self, settle: bool = True, heard: bool = True) -> None:
        """Two more neurons hear one another, so that the epoch has something to pay; or nobody is heard."""
        number = self.net.admin.clock.now().epoch
        both = self.hear() if heard else []
        for id, found in self.results.items():
            self.book(id).audits.commit(id, found, SALT)
        self.net.advance()
        self.claim(both)
        for id, found in self.results.items():
            self.book(id).audits.reveal(id, found, SALT)
        self.net.advance()
        if settle:
            self.net.admin.settle(number)

    def over(self) -> None:
        self.net.pass_time(2 * WINDOW + 1)

    def revealed(self, auditor: int, epoch: int = 1) -> ledger.events.audits.Revealed:
        (found,) = [e for e in self.net.admin.audits.reveals(0, 4000) if (e.epoch, e.auditor) == (epoch, auditor)]
        return found

    def lot(self, auditor: int) -> tuple[Place, Opening]:
        place = self.net.admin.client(AuditPay).lot(1, auditor, self.results[auditor])
        assert place is not None
        return place, self.openings[auditor, place.neuron][place.place]

    def collect(self, auditor: int, opening: Opening | None = None, key: int | None = None) -> int:
        """What the auditor's owner gets."""
        before = self.balance(auditor)
        told = opening or self.lot(auditor)[1]
        by = self.book(auditor).me.address
        self.book(key or auditor).client(AuditPay).collect(self.revealed(auditor), by, told)
        return self.balance(auditor) - before

    def balance(self, id: int) -> int:
        return self.net.admin.token.balance(self.book(id).me.address)

    def verified(self) -> None:
        assert [str(d) for d in ledger.verify(self.net.admin, self.net.receipts)] == []


def _digest(*what: object) -> bytes:
    return sha256(repr(what).encode()).digest()


def network(neurons: int = 2, rules: Parameters = RULES) -> Audited:
    rpc, admin = MemoryRpc(), secret(0)
    made = deploy_over(rpc, admin, rules, audit=AuditTerms(challenge_seconds=WINDOW), packs=(*USUAL, "evidence"))
    net = Net(Ledger(rpc, made, admin), lambda s: rpc.request("evm_increaseTime", s) and None)
    speaking = [net.join(Role.NEURON) for _ in range(neurons)]
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    listeners = [net.join(Role.NEURON, stake=5_000 * KLP) for _ in range(2)]
    net.admin.clock.start()
    return Audited(net, speaking, auditors, listeners)


def honest(**settings: object) -> Audited:
    """Every auditor has audited every neuron in the first epoch, which was settled."""
    a = network(**settings)  # type: ignore[arg-type]
    for auditor in a.auditors:
        for neuron in a.neurons:
            a.audit(auditor, neuron)
    a.epoch()
    return a


def test_honest_auditors_share_what_an_epoch_has_for_them() -> None:
    a = honest()
    with pytest.raises(Reverted, match="NotStood"):
        a.collect(a.auditors[0])
    assert not a.net.admin.client(Challenges).stood(1, a.auditors[0])
    a.over()
    assert a.net.admin.client(Challenges).stood(1, a.auditors[0])
    assert [a.collect(id, key=a.neurons[0]) for id in a.auditors] == [POOL // 180 * 60] * 3  # whoever brings it
    with pytest.raises(Reverted, match="AlreadyPaid"):
        a.collect(a.auditors[0])
    assert a.net.admin.emission.promised() == 10_000 * KLP + POOL // 180 * 180


def test_the_lot_is_the_same_by_both_implementations_and_may_be_any_question() -> None:
    a = honest()
    seed, pay = a.net.admin.clock.seed(2), a.net.admin.client(AuditPay)
    for id in a.auditors:
        epoch, auditor, neuron, task, place = pay._read("lot", 1, id, rows_of(a.results[id]))
        assert Place(epoch, auditor, neuron, task_name(task), place) == a.lot(id)[0]
    drawn = {drawn_question(bytes([n]) * 32, 1, 4, a.results[a.auditors[0]]) for n in range(200)}
    assert {(p.neuron, p.place) for p in drawn if p} <= {(n, i) for n in a.neurons for i in range(30)}
    assert len(drawn) > 40 and drawn_question(seed, 1, 4, []) is None


def test_whoever_says_nothing_is_paid_nothing() -> None:
    a = network()
    silent, absent, working = a.auditors
    for neuron in a.neurons:
        a.audit(working, neuron)
    a.results[silent] = []
    a.book(absent).audits.commit(absent, [], b"\1" * 32)
    a.epoch()
    a.over()
    some = a.openings[working, a.neurons[0]][0]
    with pytest.raises(Reverted, match="NothingCounted"):
        a.collect(silent, some)
    hidden = replace(a.revealed(silent), auditor=absent, salt=b"\1" * 32)
    with pytest.raises(Reverted, match="NotStood"):
        a.book(absent).client(AuditPay).collect(hidden, a.book(absent).me.address, some)
    with pytest.raises(Reverted, match="WrongResults"):  # nobody of that id
        a.book(absent).client(AuditPay).collect(replace(hidden, auditor=99), a.book(absent).me.address, some)
    with pytest.raises(Reverted, match="NothingCounted"):  # one alone agrees with nobody
        a.collect(working)


def test_whoever_copies_what_others_found_has_no_signature_to_show() -> None:
    a = network()
    first, second, copier = a.auditors
    for neuron in a.neurons:
        a.audit(first, neuron)
        a.audit(second, neuron)
        a.audit(copier, neuron, signer=copier)  # the same figures; the neuron was never asked
    a.epoch()
    a.over()
    for opening, why in (
        (a.lot(copier)[1], "NotSigned"),
        (a.openings[first, a.lot(copier)[0].neuron][a.lot(copier)[0].place], "NotInTranscript"),
    ):
        with pytest.raises(Reverted, match=why):
            a.collect(copier, opening)
    assert a.collect(first) == POOL // 180 * 60


@pytest.mark.parametrize("shown", [None, 0, 12, 29])
@pytest.mark.parametrize("questions", [1, 2])
def test_one_question_in_many_places_is_one_question(questions: int, shown: int | None) -> None:
    """However its tree is made, no more places can be shown than questions were asked: so it is paid that seldom."""
    a = network()
    cheat, *others = a.auditors
    for neuron in a.neurons:
        a.forge(cheat, neuron, questions, shown)
        for auditor in others:
            a.audit(auditor, neuron)
    a.epoch()
    a.over()
    for neuron in a.neurons:
        assert len(a.can_show(cheat, neuron)) <= questions
        assert shown is None or shown in a.can_show(cheat, neuron)
        assert a.can_show(others[0], neuron) == list(range(30))
    place, _ = a.lot(cheat)
    if place.place not in a.can_show(cheat, place.neuron):
        with pytest.raises(Reverted, match="NotInTranscript"):
            a.collect(cheat)
    assert [a.collect(id) for id in others] == [POOL // 180 * 60] * 2


def test_what_stands_beside_a_path_is_not_taken_where_its_end_is_before_its_beginning() -> None:
    a = network(neurons=1)
    cheat, neuron = a.auditors[0], a.neurons[0]
    a.forge(cheat, neuron, 1)
    honest, backwards = a.openings[cheat, neuron], (b"\xff" * 32, bytes(32))
    one = honest[0].answered
    twice = Forged(
        [one, one], lambda level, at, node: replace(node, first=backwards[0], last=backwards[1]) if at else node
    )
    a.results[cheat] = [Result(neuron, {"accuracy": twice.counts})]
    a.openings[cheat, neuron] = [replace(o, beside=tuple(twice.proof(i))) for i, o in enumerate(honest[:2])]
    assert a.can_show(cheat, neuron) == []


def test_a_task_that_nobody_else_has_brings_nothing() -> None:
    """A name of one's own has no median to be far from; what others have too counts as ever, whatever stands beside."""
    a = network()
    cheat, *others = a.auditors
    for neuron in a.neurons:
        for auditor in a.auditors:
            a.audit(auditor, neuron)
    a.results[cheat] = [Result(r.neuron, {"zeal": r.counts["accuracy"]}) for r in a.results[cheat]]
    a.results[others[0]] = [Result(r.neuron, {**r.counts, "zest": r.counts["accuracy"]}) for r in a.results[others[0]]]
    a.epoch()
    a.over()
    neuron = a.neurons[0]
    assert [a.net.admin.audits.agreed(1, neuron, id) for id in (cheat, *others, 99)] == [False, True, True, False]
    with pytest.raises(Reverted, match="NothingCounted"):
        a.collect(cheat)
    assert [a.collect(id) for id in others] == [POOL // 180 * 60] * 2


def test_whoever_lies_is_slashed_and_not_paid() -> None:
    a = network()
    for auditor, right in zip(a.auditors, (24, 24, 3), strict=True):
        for neuron in a.neurons:
            a.audit(auditor, neuron, right)
    a.epoch(settle=False)
    a.over()
    with pytest.raises(Reverted, match="NotConcluded"):  # before anybody could see that it lied
        a.collect(a.auditors[2])
    a.net.admin.settle(1)
    with pytest.raises(Reverted, match="NotStood"):
        a.collect(a.auditors[2])
    assert a.collect(a.auditors[0]) == POOL // 180 * 60


def test_where_nobody_agrees_nobody_is_paid() -> None:
    a = network(rules=replace(RULES, floor_bps=0))
    for auditor, right in zip(a.auditors, (2, 15, 28), strict=True):
        for neuron in a.neurons:
            a.audit(auditor, neuron, right)
    a.epoch()
    a.over()
    for auditor in a.auditors:
        with pytest.raises(Reverted, match=r"NothingCounted|NotStood"):
            a.collect(auditor)


@pytest.mark.parametrize("shown", [True, False])
def test_what_is_doubted_must_be_shown_first(shown: bool) -> None:
    a = honest()
    auditor, neuron = a.auditors[0], a.neurons[1]
    place = Place(1, auditor, neuron, "accuracy", 7)
    doubter = a.book(a.auditors[1])
    doubter.client(Challenges).doubt(place, a.revealed(auditor), a.book(auditor).me.address)
    a.over()
    with pytest.raises(Reverted, match="NotStood"):
        a.collect(auditor)
    if shown:
        a.book(auditor).client(Challenges).show(place, a.openings[auditor, neuron][7])
        assert a.collect(auditor) == POOL // 180 * 60
    else:
        doubter.client(Challenges).uphold(place)
        with pytest.raises(Reverted, match="NotStood"):
            a.collect(auditor)
    assert a.collect(a.auditors[1]) == POOL // 180 * 60


def test_another_question_or_other_results_do_not_do() -> None:
    a = honest()
    a.over()
    auditor = a.auditors[0]
    place, right = a.lot(auditor)
    for other in range(30):
        if other != place.place:
            with pytest.raises(Reverted, match="NotInTranscript"):
                a.collect(auditor, a.openings[auditor, place.neuron][other])
    told, pay = a.revealed(auditor), a.book(auditor).client(AuditPay)
    for wrong in (replace(told, salt=b"\1" * 32), replace(told, results=told.results[:1])):
        with pytest.raises(Reverted, match="WrongResults"):
            pay.collect(wrong, a.book(auditor).me.address, right)
    with pytest.raises(Reverted, match="WrongResults"):
        pay.collect(told, a.book(a.auditors[1]).me.address, right)


def test_who_asks_less_is_paid_less_and_no_more_than_six_times_the_fewest_is_paid() -> None:
    """20 questions are the fewest that count: 100 are paid as 100, and 200 as 120."""
    a = network(neurons=1)
    for auditor, questions in zip(a.auditors, (20, 100, 200), strict=True):
        a.audit(auditor, a.neurons[0], right=questions * 4 // 5, questions=questions)
    a.epoch()
    a.over()
    assert [a.collect(id) for id in a.auditors] == [POOL // 240 * n for n in (20, 100, 120)]
    a.verified()


def test_neurons_that_nobody_has_to_listen_to_bring_nothing() -> None:
    """A shell without stake that is one's own costs nothing, so what is found of it is worth nothing."""
    a = network(neurons=1)
    shell = a.net.join(Role.NEURON, stake=0)
    for auditor in a.auditors:
        for neuron in (a.neurons[0], shell):
            a.audit(auditor, neuron)
    a.epoch()
    a.over()
    assert sum(a.collect(id) for id in a.auditors) == POOL // 90 * 90


def test_the_owner_of_the_rules_sets_the_share_for_epochs_to_come() -> None:
    a = honest()
    pay = a.net.admin.client(AuditPay)
    assert pay.current() == AuditShare(500)
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        a.book(a.auditors[0]).client(AuditPay).propose(AuditShare(1))
    with pytest.raises(Reverted, match="ShareTooHigh"):
        pay.propose(AuditShare(2001))
    for share in (AuditShare(2000), AuditShare(0)):
        pay.propose(share)
    assert pay.current() == AuditShare(500) and pay.terms_after(pay.calls_for(AuditShare(7))[0]) == AuditShare(7)
    a.results.clear()
    for auditor in a.auditors:
        for neuron in a.neurons:
            a.audit(auditor, neuron)
    a.epoch()  # the second: still by what counted when it began
    assert pay.current() == AuditShare(0)
    a.over()
    assert pay.price(1) == pay.price(2) == POOL // 180


def test_nothing_is_paid_beyond_the_markets_part() -> None:
    a = honest(rules=replace(RULES, market_bps=1000))  # of 100,000, as much as one epoch has
    a.over()
    with pytest.raises(Reverted, match="MarketSpent"):
        a.collect(a.auditors[0])
    assert a.net.admin.settlement.epoch(1).pool == 10_000 * KLP == a.net.admin.emission.promised()
    assert not a.net.admin.client(AuditPay).paid(1, a.auditors[0])


def test_an_epoch_that_has_nothing_to_pay_has_nothing_for_audits() -> None:
    """Else auditors had a twentieth of every epoch while neurons have of fifty in a day: with short ones, all of it."""
    a = network()
    for auditor in a.auditors:
        for neuron in a.neurons:
            a.audit(auditor, neuron)
    a.epoch(heard=False)
    a.over()
    assert a.net.admin.client(AuditPay).price(1) == 0
    with pytest.raises(Reverted, match="NothingCounted"):
        a.collect(a.auditors[0])


def test_verify_plays_it(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from klopf import chain

    path = str(tmp_path / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    made = ledger.deploy(path, secret(0), RULES, audit=AuditTerms(challenge_seconds=WINDOW), packs=(*USUAL, "evidence"))
    net = Net(ledger.connect(path, secret(0), made), lambda seconds: None)
    net.pass_time = lambda seconds: net.admin.rpc.request("evm_increaseTime", hex(seconds))
    listeners = [net.join(Role.NEURON, stake=5_000 * KLP) for _ in range(2)]
    a = Audited(net, [net.join(Role.NEURON)], [net.join(Role.AUDITOR) for _ in range(3)], listeners)
    net.admin.clock.start()
    for auditor in a.auditors:
        a.audit(auditor, a.neurons[0])
    a.epoch()
    a.over()
    for auditor in a.auditors:
        a.collect(auditor)
    net.admin.client(AuditPay).propose(AuditShare(300))
    a.verified()
    told = list(ledger.history(net.admin))
    net.admin.rpc.chain = None
    for place, event in enumerate(told):
        if event.contract != "AuditPay":
            continue
        lies = [told[:place] + told[place + 1 :]]
        for name in ("share_bps", "since", "epoch", "auditor", "counted", "amount"):
            if hasattr(event, name):
                lies.append([replace(e, **{name: getattr(e, name) ^ 1}) if e is event else e for e in told])
        for lie in lies:
            monkeypatch.setattr(_verify, "history", lambda _, lie=lie: iter(lie))
            assert ledger.verify(net.admin, net.receipts), event
