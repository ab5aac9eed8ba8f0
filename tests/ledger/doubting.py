"""The moves of auditors who doubt each other and are paid, and of neurons that contradict themselves, among the others
of ``moves.py``."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_helpers import KLP, Net

from klopf.errors import Reverted
from klopf.ledger import Answered, AuditShare, AuditTerms, Phase, Result, Transcript
from klopf.ledger.audit.audits import rows_of
from klopf.ledger.evidence import AuditPay, Challenges, Opening, Place, Said, Statement, answer_hash
from klopf.ledger.evidence.challenges import State
from tests.ledger.forged import Forged

NEURONS, AUDITORS = (1, 2, 3), (4, 5, 6)
ASKED, MODEL, SALT = 20, b"\7" * 32, bytes(32)
WINDOW, DEPOSIT = 120, KLP  # more than a phase lasts, less than a quarter of the thaw
TERMS = AuditTerms(challenge_seconds=WINDOW, deposit=DEPOSIT)
SHARES, DEPOSITS = (0, 200, 500, 2000), (KLP, KLP // 3, 5 * KLP)
TASKS = ("accuracy", "accuracy", "zeal")
BACK = st.integers(1, 3)


def _hash(*what: object) -> bytes:
    return sha256(repr(what).encode()).digest()


def _counted(terms: dict[int, int], epoch: int) -> int:
    """What counts in an epoch, of what was said to count from one on."""
    return terms[max(since for since in terms if since <= epoch)]


class Doubting(RuleBasedStateMachine):
    """Audits with transcripts, doubts and pay, of whatever network a subclass plays."""

    net: Net
    audited: dict[tuple[int, int], tuple[list[Result], dict[int, list[Opening]]]]
    """By epoch and auditor, what it committed to and can show."""
    doubts: list[Place]
    shown: dict[tuple[int, int, int, bytes], Place]
    """By epoch, auditor, neuron and question, where it was."""
    upheld: set[tuple[int, int]]
    """Epochs and auditors of which a question was not shown."""
    contradicted: set[tuple[int, int]]
    audit_pay: dict[int, int]
    """By epoch, what its auditors were paid."""
    shares: dict[int, int]
    """The share that audits have, in 1/10,000, by the first epoch in which it counts; and so the deposits of doubts."""
    deposits: dict[int, int]

    def now(self) -> Any:
        raise NotImplementedError

    def posts(self) -> None:
        """Neurons listen to one another."""
        raise NotImplementedError

    def claims(self) -> None:
        """And claim that they were: what an epoch has for them its audits have a share of."""
        raise NotImplementedError

    def time(self) -> int:
        return int(self.now().time)

    def challenges(self, id: int) -> Challenges:
        return self.net.clients[id].client(Challenges)

    def balance(self, id: int) -> int:
        return self.net.admin.token.balance(self.net.clients[id].me.address)

    @rule(bps=st.sampled_from((*SHARES, 2001)), by=st.sampled_from((0, 0, 1)))
    def change_share(self, bps: int, by: int) -> None:
        """The owner of the rules says what audits are worth from the next epoch on, and nobody else."""
        book = self.net.clients[by] if by else self.net.admin
        try:
            book.client(AuditPay).propose(AuditShare(bps))
        except Reverted:
            assert by or bps == 2001
        else:
            assert not by and bps in SHARES
            self.shares[self.now().epoch + 1] = bps

    @rule(deposit=st.sampled_from(DEPOSITS), by=st.sampled_from((0, 0, 1)))
    def change_deposit(self, deposit: int, by: int) -> None:
        """So with what a doubt costs; what was deposited before is given back as it was."""
        book = self.net.clients[by] if by else self.net.admin
        try:
            book.audit_terms.propose(replace(TERMS, deposit=deposit))
        except Reverted:
            assert by
        else:
            assert not by
            self.deposits[self.now().epoch + 1] = deposit

    @rule(id=st.sampled_from(AUDITORS), lie=st.booleans(), repeat=st.booleans(), task=st.sampled_from(TASKS))
    def commit(self, id: int, lie: bool, repeat: bool = False, task: str = "accuracy") -> None:
        """Whoever repeats puts one question into all places; a task of one's own has nobody who agrees."""
        epoch, made = self.now().epoch, {}
        results = []
        for n in self.net.admin.audits.assignments(epoch, id, NEURONS):
            asked = sorted((_hash(epoch, id, n, i), _hash(i)) for i in range(ASKED))
            said = Said(epoch, n, id, MODEL, tuple(asked))
            signature = self.net.clients[n].me.sign(said.digest(self.challenges(n).domain))
            right = ASKED if lie and n == 1 else ASKED // 2
            put = asked[:1] * ASKED if repeat else asked
            each = [Answered(*p, 1, 10_000 * (i < right), said.root) for i, p in enumerate(put)]
            tree = Forged(each) if repeat else Transcript(each)
            results.append(Result(n, {task: tree.counts}))
            made[n] = [
                Opening(one, tuple(tree.proof(i)), MODEL, said.proof(0 if repeat else i), signature)
                for i, one in enumerate(tree.answered)
            ]
        with suppress(Reverted):
            self.net.clients[id].audits.commit(id, results, SALT)
            self.audited[epoch, id] = results, made

    @rule(id=st.sampled_from(AUDITORS))
    def reveal(self, id: int) -> None:
        with suppress(Reverted):
            results, _ = self.audited.get((self.now().epoch, id), ([], {}))
            self.net.clients[id].audits.reveal(id, results, SALT)

    @rule(id=st.sampled_from(AUDITORS), by=st.sampled_from((1, 2, *AUDITORS)), back=BACK, number=st.integers(0, 59))
    def doubt(self, id: int, by: int, back: int, number: int) -> None:
        epoch = self.now().epoch - back
        results, _ = self.audited.get((epoch, id), ([], {}))
        if not results:
            return
        result = results[number % len(results)]
        (task,) = result.counts
        place = Place(epoch, id, result.neuron, task, number % ASKED)
        told: Any = SimpleNamespace(results=results, salt=SALT)
        before = self.balance(by)
        with suppress(Reverted):
            self.challenges(by).doubt(place, told, self.net.clients[id].me.address)
            self.doubts.append(place)
            assert self.balance(by) == before - _counted(self.deposits, epoch)

    @rule(which=st.integers(0, 30), show=st.booleans(), wait=st.sampled_from((0, WINDOW)))
    def end_doubt(self, which: int, show: bool, wait: int) -> None:
        """Shown, the deposit is the auditor's; not shown, it comes back with half of what the auditor loses. Once."""
        if not self.doubts:
            return
        place = self.doubts[which % len(self.doubts)]
        kept, stake = self.challenges(1).get(place), self.net.admin.stake
        deposit = _counted(self.deposits, place.epoch)
        owner, slashed = self.balance(place.auditor), stake.account(place.auditor).slashed
        by = self.net.admin.token.balance(kept.by)
        self.net.pass_time(wait)
        opening = self.audited[place.epoch, place.auditor][1][place.neuron][place.place]
        must = show and kept.state is State.OPEN and self._can_be_shown(place, opening)
        with nullcontext() if must else suppress(Reverted):
            if show:
                self.challenges(1).show(place, opening)
                shown = (place.epoch, place.auditor, place.neuron, opening.answered.question)
                assert self.shown.setdefault(shown, place) == place
                assert kept.by == self.net.clients[place.auditor].me.address or (
                    self.balance(place.auditor) == owner + deposit
                )
            else:
                self.challenges(1).uphold(place)
                self.upheld.add((place.epoch, place.auditor))
                taken = stake.account(place.auditor).slashed - slashed
                assert self.net.admin.token.balance(kept.by) == by + deposit + taken // 2
            assert kept.state is State.OPEN

    def _can_be_shown(self, place: Place, opening: Opening) -> bool:
        (result,) = [r for r in self.audited[place.epoch, place.auditor][0] if r.neuron == place.neuron]
        ((_, (count,)),) = rows_of([result])
        with suppress(Reverted):
            self.challenges(1)._read("requireShown", place.as_tuple(), count, opening.as_tuple())
            return True
        return False

    @rule(id=st.sampled_from(AUDITORS), back=BACK, wait=st.sampled_from((0, WINDOW, 2 * WINDOW)))
    def collect_pay(self, id: int, back: int, wait: int) -> None:
        """Only what stood is paid, once, and no more than the share of its epoch."""
        epoch = self.now().epoch - back
        results, made = self.audited.get((epoch, id), ([], {}))
        if not results:
            return
        self.net.pass_time(wait)
        told: Any = SimpleNamespace(epoch=epoch, auditor=id, results=results, salt=SALT)
        book, before = self.net.clients[id], self.net.admin.token.emitted()
        pay, audits = book.client(AuditPay), self.net.admin.audits
        was = pay.paid(epoch, id)
        with suppress(Reverted):
            place = pay.lot(epoch, id, results)
            assert place is not None
            pay.collect(told, book.me.address, made[place.neuron][place.place])
            amount = self.net.admin.token.emitted() - before
            self.audit_pay[epoch] = self.audit_pay.get(epoch, 0) + amount
            open_ = {p for p in self.doubts if self.challenges(1).get(p).state is State.OPEN}
            agreed = [r for r in results if "accuracy" in r.counts and audits.agreed(epoch, r.neuron, id)]
            questions = sum(min(c.asked for c in r.counts.values()) for r in agreed)
            assert not was and 0 < amount <= pay.price(epoch) * questions
            assert (epoch, id) not in self.upheld | {(p.epoch, p.auditor) for p in open_}
            assert self.time() >= audits.revealed_at(epoch, id) + 2 * WINDOW
            assert not audits._read("slashed", epoch, id)
            assert not any(audits.marked(epoch, r.neuron, id) for r in results)

    @rule(
        show=st.booleans(),
        ask=st.booleans(),
        repeat=st.booleans(),
        task=st.sampled_from(TASKS),
        deposit=st.sampled_from((0, 0, *DEPOSITS)),
    )
    def audit_on(self, show: bool, ask: bool, repeat: bool, task: str, deposit: int) -> None:
        """An epoch is audited, questions doubted, and all is paid that can be: so that deep states are reached. Where
        ``deposit`` is one, that is what doubts cost by the time that these are ended."""
        for _ in range(1 if self.now().phase is Phase.LISTEN else 2):
            self._turn()
        if self.now().phase is Phase.CLAIM:
            self._turn()
        for id in AUDITORS:
            cheats = id == AUDITORS[0]
            self.commit(id, False, repeat and cheats, task if cheats else "accuracy")
        self._heard_and_revealed()
        if ask:
            doubted = len(self.doubts)
            for number in (3, 3 + 4 * len(NEURONS)):  # of the same neuron
                self.doubt(AUDITORS[0], AUDITORS[1], 1, number)
            if deposit:
                self.change_deposit(deposit, 0)
                self._turn()
                self._turn()
            self.collect_pay(AUDITORS[0], 1 + bool(deposit), 2 * WINDOW)
            for which in range(doubted, len(self.doubts)):
                self.end_doubt(which, show, WINDOW)
        for again in (2 * WINDOW, 0):
            for id in AUDITORS:
                self.collect_pay(id, 1 + (ask and bool(deposit)), again)

    @rule(back=BACK, wait=st.sampled_from((0, WINDOW)))
    def punish(self, back: int, wait: int) -> None:
        """Who is marked pays when it is due, and nobody for what a neuron said that contradicted itself."""
        epoch, audits = self.now().epoch - back, self.net.admin.audits
        self.net.pass_time(wait)
        time = self.time()
        ripe = {n for n in NEURONS if time >= audits.punishable_from(max(1, epoch), n)} if epoch > 0 else set()
        guilty = {id for id in AUDITORS for n in ripe if audits.marked(epoch, n, id)}
        was = {id: bool(audits._read("slashed", max(0, epoch), id)) for id in AUDITORS}
        misled = {n for e, n in self.contradicted if e == epoch}
        with suppress(Reverted):
            audits.punish(max(0, epoch), NEURONS)
            for id in AUDITORS:
                slashed = bool(audits._read("slashed", max(0, epoch), id))
                assert slashed == (was[id] or id in guilty)
        assert not any(audits.marked(epoch, n, id) for n in misled for id in AUDITORS)

    @rule(shown=st.booleans(), late=st.booleans())
    def mislead(self, shown: bool, late: bool) -> None:
        """A neuron has an auditor find something else than the others, which may be shown in time; concluded when
        nobody can doubt any more, or at once."""
        for _ in range(1 if self.now().phase is Phase.LISTEN else 2):
            self._turn()
        if self.now().phase is Phase.CLAIM:
            self._turn()
        for id in AUDITORS:
            self.commit(id, id == AUDITORS[0])
        self._heard_and_revealed(2 * WINDOW if late else 0)
        if shown:
            self.contradict(1, AUDITORS[1], 2, False)
        for wait in (0, WINDOW):
            self.collect_pay(AUDITORS[0], 1, 0)
            self.punish(1, wait)
        self.collect_pay(AUDITORS[0], 1, 2 * WINDOW)

    @rule(show=st.booleans(), deposit=st.sampled_from(DEPOSITS))
    def doubt_on(self, show: bool, deposit: int) -> None:
        """Two questions of an honest auditor are doubted, and ended when a doubt costs something else."""
        self.audit_on(show, True, False, "accuracy", deposit)

    def _heard_and_revealed(self, wait: int = 0) -> None:
        """From the commitments to the next epoch, after ``wait`` seconds of which the last is settled."""
        self.posts()
        self._turn()
        self.claims()
        for id in AUDITORS:
            self.reveal(id)
        self._turn()
        self.net.pass_time(wait)
        self.net.admin.settle(self.now().epoch - 1)

    def _turn(self) -> None:
        self.net.pass_time(101)
        self.net.admin.clock.advance()

    @rule(
        neuron=st.sampled_from(NEURONS), auditor=st.sampled_from(AUDITORS), back=st.integers(0, 2), again=st.booleans()
    )
    def contradict(self, neuron: int, auditor: int, back: int, again: bool) -> None:
        """A quarter of what it costs is the auditor's, the rest is burnt; once an epoch."""
        epoch, token, stake = self.now().epoch - back + 1, self.net.admin.token, self.net.admin.stake
        for turn in range(1 + again):
            pair = []
            for values in ((1_000_000, 0), (0, 1_000_000 + turn)):
                said = Said(epoch, neuron, auditor, MODEL, ((_hash("asked", turn), answer_hash(values)),))
                key = self.net.clients[neuron].me
                pair.append(Statement(said, key.sign(said.digest(self.challenges(1).domain)), 0, values))
            before, burnt, owner = stake.account(neuron).slashed, token.burnt(), self.balance(auditor)
            with suppress(Reverted):
                self.challenges(auditor).contradict(*pair)
                taken = stake.account(neuron).slashed - before
                assert (epoch, neuron) not in self.contradicted
                self.contradicted.add((epoch, neuron))
                assert token.burnt() == burnt + taken - taken // 4 and self.balance(auditor) == owner + taken // 4

    @invariant()
    def deposits_are_backed(self) -> None:
        challenges = self.challenges(1)
        open_ = [p for p in self.doubts if self.challenges(1).get(p).state is State.OPEN]
        owed = sum(_counted(self.deposits, p.epoch) for p in open_)
        assert self.net.admin.token.balance(challenges.address) == owed

    @invariant()
    def audits_are_paid_no_more_than_their_share(self) -> None:
        for epoch, amount in self.audit_pay.items():
            assert amount <= self.net.admin.settlement.epoch(epoch).pool * _counted(self.shares, epoch) // 10_000

    def end_doubts(self) -> None:
        """Whatever is open is ended."""
        self.net.pass_time(WINDOW)
        for place in self.doubts:
            if self.challenges(1).get(place).state is State.OPEN:
                self.challenges(1).uphold(place)
                self.upheld.add((place.epoch, place.auditor))
