"""The moves of a network's members in any order, and what must hold after each: see ``test_invariants.py``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from ledger_helpers import KLP, TINY, Net, secret

from klopf.errors import Reverted
from klopf.ledger import Economy, Phase, Receipt, ReceiptTree, SignedReceipt
from tests.ledger.cycles import DAY, RESERVE, USUAL
from tests.ledger.doubting import DEPOSIT, Doubting
from tests.ledger.market.test_economy import Model
from tests.ledger.paying import Paying

GENESIS = 600_000_000 * KLP
RULES = replace(TINY, dispute_seconds=150)
NEURONS, AUDITORS, REQUESTER = (1, 2, 3), (4, 5, 6), 7
EVERYBODY = (*NEURONS, *AUDITORS, REQUESTER)
AMOUNTS = st.integers(1, 120 * KLP)
FORMER = RESERVE - 12_000_000 * KLP  # emitted on the chain that the network moved from
DEVICE, LEADER, RECEIVER = secret(300), 1, 2
LOW = replace(USUAL, thresholds=tuple(range(8)), milestone=8, per_core=10**14, bonus_from=0, bonus_until=1)
MOST = replace(USUAL, rewards=(10**25,) * 8)
TERMS = (LOW, replace(LOW, halving_cycles=365), replace(LOW, halving_cycles=730), MOST, USUAL)
BAD = (replace(USUAL, halving_cycles=364), replace(USUAL, rewards=(10**25 + 1,) * 8), replace(USUAL, milestone=1))

MOVES = ("dispute", "object", "pay 1", "pay 4", "pay all", "give back")


class Market(Paying, Doubting):
    """The moves over ``net``, which ``restart`` brings back to its beginning; :func:`in_memory` sets both."""

    net: Net
    restart: Callable[[], None]

    @initialize()
    def begin(self) -> None:
        Market.restart()
        self.model, self.next_terms = Model(), None  # emission by its documentation, and terms that were proposed
        self.model.open(1, 0)
        self.serials: dict[int, int] = {}  # of the device's reports in each cycle
        self.closed: set[int] = set()  # cycles whose effort was paid
        self.open_cycle(1, 0)  # a real chain's time goes on when its state is brought back
        self.columns: dict[int, list[SignedReceipt]] = {}
        self.posted: set[tuple[int, int]] = set()
        self.audited, self.doubts, self.shown, self.upheld, self.contradicted = {}, [], {}, set(), set()
        self.audit_pay, self.shares, self.deposits = {}, {0: 500}, {0: DEPOSIT}
        self.emitted = 0
        self.jobs: list[int] = []
        self.payers: dict[int, int] = {}
        self.signed: list[SignedReceipt] = []
        self.disputed: list[Receipt] = []
        self.promised: dict[tuple[int, int], int] = {}  # the highest voucher, by requester and neuron

    def now(self):  # type: ignore[no-untyped-def]
        return self.net.admin.clock.now()

    @rule(id=st.sampled_from(EVERYBODY), amount=AMOUNTS)
    def stake(self, id: int, amount: int) -> None:
        with suppress(Reverted):
            self.net.clients[id].stake.stake(id, amount)

    @rule(id=st.sampled_from(EVERYBODY), amount=AMOUNTS)
    def unstake(self, id: int, amount: int) -> None:
        with suppress(Reverted):
            self.net.clients[id].stake.unstake(id, amount)

    @rule(id=st.sampled_from(EVERYBODY))
    def withdraw(self, id: int) -> None:
        account = self.net.admin.stake.account(id)
        due = account.thawing > 0 and self.now().time >= account.ready_at
        try:
            self.net.clients[id].stake.withdraw(id)
        except Reverted:
            assert not due

    @rule(
        id=st.sampled_from((*NEURONS, REQUESTER)),
        weights=st.lists(st.integers(0, 40_000), min_size=3, max_size=3),
        honest=st.sampled_from((True, True, True, False)),
    )
    def post(self, id: int, weights: list[int], honest: bool = True) -> None:
        epoch = self.now().epoch
        made = [
            Receipt(epoch, id, s, 1, w, sha256(b"%d %d" % (id, s)).digest())
            for s, w in zip(NEURONS, weights, strict=True)
            if s != id
        ]
        tree = ReceiptTree(made if honest else made[1:])
        with suppress(Reverted):
            self.net.clients[id].settlement.post(id, tree.root, bytes(32))
            for r in made:
                posted = r in tree.receipts
                signed = self.net.sign(r, tree.proof(r) if posted else ())
                self.signed.append(signed)
                if posted:
                    self.columns.setdefault(r.speaker, []).append(signed)

    @rule(id=st.sampled_from(NEURONS), leave_out=st.booleans())
    def claim(self, id: int, leave_out: bool) -> None:
        column = [s for s in self.columns.get(id, []) if s.receipt.epoch == self.now().epoch]
        with suppress(Reverted):
            self.net.clients[id].settlement.claim(id, column[1:] if leave_out else column)

    def posts(self) -> None:
        for id in NEURONS:
            self.post(id, [20_000] * 3)

    def claims(self) -> None:
        for id in NEURONS:
            self.claim(id, False)

    @rule(wait=st.sampled_from((0, 101, 500)))
    def advance(self, wait: int) -> None:
        if wait:
            self.net.pass_time(wait)
        self.net.admin.clock.advance()

    @rule(weights=st.lists(st.integers(0, 22_000), min_size=3, max_size=3))
    def play_on(self, weights: list[int]) -> None:
        """From LISTEN to the next LISTEN as honest members would, so that deep states are reached."""
        self.advance(101)
        if self.now().phase is Phase.CLAIM:
            self.advance(101)
        for id in (*NEURONS, REQUESTER):
            self.post(id, weights)
        for id in AUDITORS:
            self.commit(id, id == 4)
        self.advance(101)
        for id in NEURONS:
            self.claim(id, False)
        for id in AUDITORS:
            self.reveal(id)
        self.advance(101)

    @rule(which=st.integers(0, 30), count=st.integers(1, 4))
    def dispute(self, which: int, count: int) -> None:
        last = [s for s in self.signed if s.receipt.epoch == self.now().epoch - 1]
        for signed in last[which % max(1, len(last)) :][:count]:
            with suppress(Reverted):
                self.net.clients[signed.receipt.speaker].disputes.open(signed)
                self.disputed.append(signed.receipt)

    @rule(which=st.integers(0, 30), answer=st.booleans(), wait=st.sampled_from((0, 150)))
    def end_dispute(self, which: int, answer: bool, wait: int) -> None:
        if self.disputed:
            r = self.disputed[which % len(self.disputed)]
            proof = next(s.proof for s in self.signed if s.receipt == r)
            self.net.pass_time(wait)
            with suppress(Reverted):
                if answer:
                    self.net.admin.disputes.answer(r.epoch, r.listener, r.speaker, proof)
                else:
                    self.net.admin.disputes.uphold(r.epoch, r.listener, r.speaker)

    @rule(back=st.integers(1, 3), ids=st.lists(st.sampled_from(EVERYBODY), max_size=7))
    def collect(self, back: int, ids: list[int]) -> None:
        with suppress(Reverted):
            self.net.admin.settlement.collect(max(0, self.now().epoch - back), ids)

    @rule(cheat=st.sampled_from((*NEURONS, REQUESTER)), wait=st.sampled_from((0, 150)))
    def quarrel(self, cheat: int, wait: int) -> None:
        """An epoch in which one listener cheats, one speaker does not claim, and all that is unpaid is disputed."""
        self.advance(101)
        if self.now().phase is Phase.CLAIM:
            self.advance(101)
        for id in (*NEURONS, REQUESTER):
            self.post(id, [20_000] * 3, id != cheat)
        self.advance(101)
        for id in NEURONS[1:]:
            self.claim(id, False)
        self.advance(101)
        self.dispute(0, 12)
        self.net.pass_time(wait)
        self.collect(1, list(EVERYBODY))

    @rule(back=st.integers(1, 3))
    def conclude(self, back: int) -> None:
        with suppress(Reverted):
            self.net.admin.audits.conclude(max(0, self.now().epoch - back), NEURONS)

    @rule(payer=st.sampled_from(EVERYBODY), price=AMOUNTS)
    def open_job(self, payer: int, price: int) -> None:
        l = self.net.clients[payer]
        with pytest.raises(Reverted, match="WrongVerifier"):
            l.jobs.open(l.me.address, price, self.now().time + 100, 3600, bytes(32))
        verifier = self.net.clients[self.verifier_of(payer)].me.address
        self.jobs.append(l.jobs.open(verifier, price, self.now().time + 100, 3600, bytes(32)))
        self.payers[self.jobs[-1]] = payer

    def verifier_of(self, payer: int) -> int:
        return payer % len(EVERYBODY) + 1

    @rule(which=st.integers(0, 5), amounts=st.lists(AMOUNTS, min_size=2, max_size=2), by=st.sampled_from((0, 0, 1)))
    def report_job(self, which: int, amounts: list[int], by: int) -> None:
        if self.jobs:
            id = self.jobs[which % len(self.jobs)]
            split = {self.net.clients[w].me.address: a for w, a in zip((1, 4), amounts, strict=True)}
            with suppress(Reverted):
                by_whom = self.net.admin if by else self.net.clients[self.verifier_of(self.payers[id])]
                by_whom.jobs._write("report", id, list(split), list(split.values()))

    @rule(which=st.integers(0, 5), move=st.sampled_from(MOVES))
    def move_job(self, which: int, move: str) -> None:
        if self.jobs:
            id = self.jobs[which % len(self.jobs)]
            with suppress(Reverted):
                if move == "dispute":
                    self.net.clients[3].jobs.dispute(id)
                elif move == "object":
                    self.net.clients[4].jobs.dispute(id)
                elif move == "give back":
                    self.net.admin.jobs.give_back(id)
                elif move == "pay all":
                    self.net.admin.jobs.pay_all(id, [self.net.clients[w].me.address for w in (1, 4, 1)])
                else:
                    self.net.admin.jobs.pay(id, self.net.clients[int(move[4:])].me.address)

    @rule(which=st.integers(0, 5), worker=st.sampled_from((1, 4)), amount=AMOUNTS, by=st.sampled_from((0, 0, 1)))
    def draft_job(self, which: int, worker: int, amount: int, by: int = 0) -> None:
        """A page of a report that goes on; the last page counts with all of them."""
        if self.jobs:
            id = self.jobs[which % len(self.jobs)]
            with suppress(Reverted):
                by_whom = self.net.admin if by else self.net.clients[self.verifier_of(self.payers[id])]
                by_whom.jobs._write("draft", id, [self.net.clients[worker].me.address], [amount])

    @rule(price=AMOUNTS, share=st.integers(1, 100), pages=st.integers(0, 2))
    def finish_a_job(self, price: int, share: int, pages: int) -> None:
        """From the lock to the last payment, so that deep states are reached."""
        self.open_job(7, price)
        for _ in range(pages):
            self.draft_job(len(self.jobs) - 1, 4, max(1, price // 8))
        self.report_job(len(self.jobs) - 1, [price * share // 200, price * share // 200], 0)
        self.net.pass_time(3600)
        for move in ("pay 1", "give back", "pay all", "pay 1"):
            self.move_job(len(self.jobs) - 1, move)

    @rule(price=AMOUNTS, share=st.integers(1, 100), decided=st.sampled_from((0, 1)))
    def quarrel_about_a_job(self, price: int, share: int, decided: int) -> None:
        """A report is disputed, and decided or left to its time."""
        self.open_job(7, price)
        last = len(self.jobs) - 1
        self.report_job(last, [price * share // 200] * 2, 0)
        self.move_job(last, "dispute")
        if decided:
            self.report_job(last, [price * share // 300] * 2, 1)
        else:
            self.open_cycle(self.net.admin.emission.cycle(), 14)
        for move in ("give back", "pay 1", "pay 4"):
            self.move_job(last, move)

    @rule(
        price=AMOUNTS,
        noted=st.tuples(*[st.integers(1, 50)] * 2),
        objects=st.booleans(),
        then=st.sampled_from("rdtt"),
    )
    def leave_a_job(self, price: int, noted: tuple[int, int], objects: bool, then: str) -> None:
        """Nobody reports in time; who objects is answered by a late report, a decision, or nobody for 14 days."""
        self.open_job(7, price)
        last = len(self.jobs) - 1
        for worker, share in zip((1, 4), noted, strict=True):
            self.draft_job(last, worker, max(1, price * share // 100))
        self.net.pass_time(101)
        if objects:
            self.move_job(last, "object")
        if objects and then != "t":
            self.report_job(last, [price // 7, price // 9], int(then == "d"))
        self.open_cycle(self.net.admin.emission.cycle(), 14 if objects else 1)
        for move in ("pay 4", "give back", "pay 1", "pay 4"):
            self.move_job(last, move)

    @invariant()
    def jobs_are_backed(self) -> None:
        jobs = self.net.admin.jobs
        held = self.net.admin.token.balance(jobs.address)
        assert held == jobs.held() == sum(jobs.left(id) for id in self.jobs)
        workers = [self.net.clients[w].me.address for w in (1, 4)]
        for id in self.jobs:
            assert jobs.left(id) >= sum(jobs.due(id, worker) for worker in workers)

    @rule(id=st.sampled_from(NEURONS), incumbent=st.sampled_from((0, 1, 2)))
    def knock(self, id: int, incumbent: int) -> None:
        with suppress(Reverted):
            self.net.clients[id].registry.knock(id, incumbent)

    @rule(terms=st.sampled_from((*TERMS, *TERMS, *BAD)), by=st.sampled_from((0, 0, 0, 1)))
    def change_terms(self, terms: Economy, by: int) -> None:
        """The owner of the rules changes the economy, and nobody else; nothing out of range."""
        try:
            (self.net.clients[by] if by else self.net.admin).economy.propose(terms)
        except Reverted:
            assert by or terms in BAD
        else:
            assert not by and terms not in BAD
            self.next_terms = terms

    @rule(verified=st.integers(0, 10**15), days=st.sampled_from((0, 1, 1, 1, 2, 400)), pay=st.booleans())
    def work(self, verified: int, days: int, pay: bool) -> None:
        """A device works, and days pass: the next cycle opens by the terms of its time, to the unit."""
        admin, cycle = self.net.admin, self.net.admin.emission.cycle()
        receipt = (cycle, self.serials.get(cycle, 0) + 1, 1, RECEIVER, verified, 3600, 600)
        digest = admin.effort.digest(receipt)
        with suppress(Reverted):  # the receiver may have too little at stake
            admin.effort.report(receipt, DEVICE.sign(digest), self.net.clients[RECEIVER].me.sign(digest))
            self.serials[cycle] = receipt[1]
        self.open_cycle(cycle, days)
        if days and pay:
            self.pay_effort()

    def open_cycle(self, cycle: int, days: int) -> None:
        emission, effort = self.net.admin.emission, self.net.admin.effort.total(cycle)
        self.model.paid = emission.promised()
        self.net.pass_time(days * DAY)
        emission.roll()
        opened = emission.cycle()
        assert opened >= cycle + days
        if opened > cycle:
            due = self.model.open(opened, effort if opened == cycle + 1 else 0, self.next_terms)
            self.next_terms = None
            assert emission.reward(opened) == due <= RESERVE - self.model.paid

    def pay_effort(self) -> None:
        """Every cycle that is over and was not paid yet. After the milestone, work without bytes is no effort."""
        effort, now = self.net.admin.effort, self.net.admin.emission.cycle()
        for cycle in sorted(c for c in self.serials if c < now and c not in self.closed):
            effort.pay_node(cycle, 1)
            if effort.total(cycle):
                effort.pay_device(cycle, 1, 1, self.net.clients[LEADER].me.address)
            self.closed.add(cycle)

    @rule(cycles=st.integers(2, 4))
    def spend_the_reserve(self, cycles: int) -> None:
        """The most there may be, for some cycles that are paid late and all at once; and listening goes on."""
        self.change_terms(MOST, 0)
        for _ in range(cycles):
            self.work(10**12, 1, False)
        self.pay_effort()
        self.play_on([20_000] * 3)

    @rule(first=st.sampled_from(TERMS[:3]), then=st.sampled_from(TERMS))
    def begin_the_halving(self, first: Economy, then: Economy) -> None:
        """The milestone is reached, and other terms follow: a new period begins the halving again."""
        for terms in (first, then):
            self.change_terms(terms, 0)
            self.work(10**12, 1, True)
            self.work(10**12, 1, True)

    @invariant()
    def no_terms_within_a_cycle(self) -> None:
        assert self.net.admin.economy.current() == self.model.terms
        assert self.net.admin.emission.halving() == (self.model.begun or (0, 0, 0))

    @invariant()
    def supply_is_genesis_and_emission(self) -> None:
        token = self.net.admin.token
        emitted = token.emitted()
        assert token.supply() == GENESIS + emitted - token.burnt()
        assert emitted <= self.net.admin.emission.promised() <= RESERVE
        effort = sum(int(self.net.admin.effort._read("poolOf", cycle)) for cycle in self.closed)
        assert effort <= token.burnt() * 9 // 10  # nobody gains by working for itself
        assert emitted - FORMER <= self.now().epoch * TINY.emission + effort + sum(self.audit_pay.values())
        assert emitted >= self.emitted
        self.emitted = emitted

    @invariant()
    def nothing_disputed_is_collected(self) -> None:
        for epoch in range(1, self.now().epoch + 1):
            for id in (*NEURONS, REQUESTER):
                column = self.net.admin.settlement.column(epoch, id)
                open_ = [r for r in self.disputed if (r.epoch, r.listener) == (epoch, id) and self.is_open(r)]
                assert self.net.admin.settlement.contested(epoch, id) == len(open_)
                assert not (open_ and column.collected)

    def is_open(self, r: Receipt) -> bool:
        found = self.net.admin.disputes.get(r.epoch, r.listener, r.speaker)
        return found is not None and found.open

    @invariant()
    def every_token_is_somewhere(self) -> None:
        token, addresses = self.net.admin.token, self.net.admin.deployment.addresses
        holders = {c.me.address for c in self.net.clients.values()}
        holders |= {self.net.admin.me.address, *(addresses[n] for n in ("Stake", "Vouchers", "Jobs", "Challenges"))}
        assert sum(token.balance(h) for h in holders) == token.supply()

    @invariant()
    def stake_is_backed_and_conserved(self) -> None:
        stake, accounts = self.net.admin.stake, [self.net.admin.stake.account(i) for i in EVERYBODY]
        held = self.net.admin.token.balance(stake.address)
        assert held == stake._read("totalStaked") + stake._read("totalThawing")
        assert held == sum(a.staked + a.thawing for a in accounts)
        assert stake._read("totalSlashed") == sum(a.slashed for a in accounts)

    @invariant()
    def nobody_is_paid_more_than_their_share(self) -> None:
        settlement = self.net.admin.settlement
        for epoch in range(1, self.now().epoch + 1):
            totals = settlement.epoch(epoch)
            columns = [settlement.column(epoch, id) for id in NEURONS]
            assert totals.rank == sum(c.rank for c in columns)
            assert totals.pool <= TINY.emission
            if all(c.collected for c in columns) and totals.rank:
                assert sum(totals.pool * c.rank // totals.rank for c in columns) <= totals.pool

    def teardown(self) -> None:
        """Everybody gets out: what is due is always paid, to the unit, and nothing is left behind but roundings."""
        if not hasattr(self, "columns"):
            return
        admin, last = self.net.admin, self.now().epoch
        for _ in range(2 if self.now().phase is Phase.LISTEN else 1):
            self.net.pass_time(101)
            assert admin.clock.advance()
        self.net.pass_time(RULES.dispute_seconds)
        for r in filter(self.is_open, self.disputed):
            admin.disputes.uphold(r.epoch, r.listener, r.speaker)
        self.end_doubts()
        for epoch in range(1, last + 1):
            admin.settle(epoch, EVERYBODY)
            for id in EVERYBODY:
                assert admin.settlement.column(epoch, id).collected
        for id in EVERYBODY:
            client = self.net.clients[id]
            if staked := admin.stake.account(id).staked:
                client.stake.unstake(id, staked)
        self.thaw_all()
        self.net.pass_time(500)  # to the second
        for id in EVERYBODY:
            if admin.stake.account(id).thawing:
                self.net.clients[id].stake.withdraw(id)
        self.withdraw_all()
        self.net.pass_time(91 * 24 * 3600)
        for id in self.jobs:
            for move in ("pay 1", "pay 4", "give back"):
                self.move_job(self.jobs.index(id), move)
        for name in ("Stake", "Vouchers", "Jobs", "Challenges"):
            assert admin.token.balance(admin.deployment.addresses[name]) == 0
        self.supply_is_genesis_and_emission()
        self.every_token_is_somewhere()
