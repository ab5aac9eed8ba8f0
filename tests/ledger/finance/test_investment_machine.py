"""Whatever founders, investors, verifiers and workers do in whatever order: the money that was brought reaches nobody
but those who brought it and the workers of jobs, every token is somewhere, shares sum, and all gets out to the unit.
Each check is shown to catch a planted bug.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_helpers import KLP

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger
from klopf.ledger.finance.models import SHARES
from tests.ledger.finance.company import DAY, GOAL, Company
from tests.ledger.test_invariants import planted, play

WHO = st.integers(0, 2)
LOT = st.integers(0, 4)
REFUSED = {
    "NotNow", "NotYours", "WrongLot", "NotReleased", "Already", "JobsOpen", "TermOutOfRange", "WrongTimes",
    "WrongState", "NothingDue", "OverPrice", "NotAllowed", "WrongReport", "Nothing", "NoModel", "NoVenture", "TooFew",
    "NotAudited", "ERC6909InsufficientBalance",
}  # fmt: skip


class Investing(RuleBasedStateMachine):
    """One venture, three who bring, two workers, and a neuron that has passed its audit."""

    company: Company
    neuron: int
    logs: ClassVar[list[dict[str, Any]]]

    def __init__(self) -> None:
        super().__init__()
        self.company.rpc.back()
        self.company.rpc._logs.extend(self.logs)
        self.book, self.jobs = self.company.owner.ventures, self.company.owner.jobs
        self.opened = self.company.now

    def person(self, who: int) -> Ledger:
        return self.company.people[who]

    @property
    def lots(self) -> list[Any]:
        return self.book.lots(1)

    @rule(who=WHO, part=st.integers(1, 5))
    def fund(self, who: int, part: int) -> None:
        left = GOAL + 7 - self.book.venture(1).raised
        self._try(lambda: self.person(who).ventures.fund(1, left if part == 1 else left // part))

    @rule(part=st.integers(1, 5))
    def spend(self, part: int) -> None:
        """Up to all that is free, and some more."""
        price = self.book.venture(1).free * part // 4
        self._try(lambda: self.company.spend(1, max(1, price)))

    @rule(first=st.integers(0, 10), second=st.integers(0, 10))
    def report(self, first: int, second: int) -> None:
        """On the last job that is open."""
        if job := self._last():
            price, amounts = self.jobs.left(job), {}
            for worker, part in zip(self.company.workers, (first, second), strict=True):
                amounts[worker.me.address] = price * part // 20
            self._try(lambda: self.company.verifier.jobs.report(job, amounts))

    @rule(who=WHO)
    def dispute(self, who: int) -> None:
        if job := self._last():
            self._try(lambda: self.person(who).jobs.dispute(job))

    @rule()
    def collect(self) -> None:
        if job := self._last():
            self._try(lambda: self.person(0).ventures.collect(job))

    @rule(pay=st.booleans())
    def end(self, pay: bool) -> None:
        """Workers are paid, or what nobody is due goes back, by somebody outside."""
        if job := self._last():
            workers = [one.me.address for one in self.company.workers]
            self._try(lambda: self.jobs.pay_all(job, workers) if pay else self.jobs.give_back(job))

    @rule(lot=LOT)
    def agree(self, lot: int) -> None:
        if lot < len(self.lots):
            self._try(lambda: self._owner(lot).ventures.agree(1, lot))

    @rule(lot=LOT)
    def take_back(self, lot: int) -> None:
        self._try(lambda: self.company.founder.ventures.take_back(1, lot))

    @rule(days=st.sampled_from([1, 4, 8, 70]))
    def wait(self, days: int) -> None:
        self.company.wait(days * DAY)

    @rule(most=st.integers(1, 5))
    def mint(self, most: int) -> None:
        models, lots = self.company.founder.models, range(min(most, len(self.lots)))
        owner = self.company.net.clients[self.neuron].models
        deed = models.deed(1, self.neuron, KLP)
        signed = {lot: self._owner(lot).models.sign(deed) for lot in lots}
        self._try(lambda: owner.mint(deed, models.sign(deed), signed))

    @rule(amount=st.one_of(st.integers(1, 9), st.integers(1, 10 * KLP)))
    def earn(self, amount: int) -> None:
        self._try(lambda: self.company.founder.models.earn(1, amount))

    @rule(who=WHO)
    def license(self, who: int) -> None:
        if self.company.owner.models.count():
            self._try(lambda: self.person(who).models.license(1))

    @rule(who=WHO)
    def claim(self, who: int) -> None:
        self._try(lambda: self.person(who).models.claim(1))

    @rule(who=WHO, part=st.integers(1, 4))
    def give(self, who: int, part: int) -> None:
        one, other = self.person(who), self.person((who + 1) % 3)
        mine = one.models.shares(1, one.me.address)
        self._try(lambda: one.models.transfer(1, other.me.address, mine // part))

    # several moves at once, each the shortest way to what must not be

    @rule()
    def fill(self) -> None:
        for who, part in ((0, 3), (1, 2), (2, 1)):
            self.fund(who, part)

    @rule()
    def work(self) -> None:
        """Two jobs, from the first to the last move; what one returns is spent again."""
        self.fill()
        for part, first, second in ((3, 4, 5), (4, 0, 1)):
            self.spend(part)
            self.report(first, second)
            self.wait(4)
            self.end(True)
            self.collect()
        self.spend(5)
        self.spend(4)

    @rule()
    def release(self) -> None:
        self.fill()
        for lot in (0, 0, 1, 2, 2):
            self.agree(lot)

    @rule()
    def begin(self) -> None:
        """A model whose shares move between revenue and claims."""
        self.fill()
        self.mint(5)
        self.mint(5)
        for who in (0, 1, 2):
            self.earn(7)
            self.license(who)
            self.give(who, 2)
            self.claim(who)
            self.claim(who)

    @rule()
    def leave(self) -> None:
        """With a job that is still open."""
        self.fill()
        self.spend(2)
        self.wait(70)
        self.take_back(1)
        self.spend(1)
        self.collect()
        for lot in (0, 0, 1, 2):
            self.take_back(lot)

    @rule()
    def give_up(self) -> None:
        """Of what was not filled in time everybody has its own back, once."""
        self.fund(0, 2)
        self.take_back(0)
        self.wait(8)
        for lot in (0, 0):
            self.take_back(lot)

    def _last(self) -> int:
        """The last job that is not collected; 0 for none."""
        return next((job for job in range(20, 0, -1) if self.book.is_open(job)), 0)

    def _owner(self, lot: int) -> Ledger:
        owner = self.lots[lot].owner
        return next(one for one in self.company.people if one.me.address == owner)

    def _try(self, move: Callable[[], Any]) -> bool:
        done = True
        try:
            move()
        except Reverted as error:
            assert error.name in REFUSED, error
            done = False
        self.check()
        return done

    def check(self) -> None:
        venture, lots, token = self.book.venture(1), self.lots, self.company.owner.token
        assert venture.raised == sum(lot.amount for lot in lots) <= venture.terms.goal
        assert venture.spent - venture.returned <= venture.released <= venture.raised, "spent beyond what is released"
        assert venture.free >= 0 and venture.open_jobs == len(self._open())
        if venture.milestone > 1:
            assert 3 * int(self.book._read("agreedTo", 1, 1)) >= 2 * venture.terms.goal, "released by too few"
        if not any(lot.taken for lot in lots):
            returned = sum(self._returned(job) for job in self._open())
            assert token.balance(self.book.address) == venture.left + returned, "money is nowhere, or nobody's"
        models = self.company.owner.models
        people = [self.company.founder, *self.company.people]
        if models.count():
            assert sum(models.shares(1, one.me.address) for one in people) == SHARES
            due = sum(models.claimable(1, one.me.address) for one in people)
            assert 0 <= token.balance(models.address) - due < len(people), "revenue is not its shares'"

    def _open(self) -> list[int]:
        return [job for job in range(1, 21) if self.book.is_open(job)]

    def _returned(self, job: int) -> int:
        """By somebody's call, and not collected."""
        state = self.jobs._read("jobs", job)
        price, left, due, split = int(state[2]), int(state[3]), int(state[9]), bool(state[13])
        told = int(self.jobs._read("drafts", job, int(state[12]))[0])
        return price - told if int(state[7]) == 4 and left == due and not split else 0

    def teardown(self) -> None:
        """All jobs end, all leave: what was brought is what workers have, what was burnt, and what went back."""
        company = self.company
        company.wait(100 * DAY)
        for job in self._open():
            self.book.collect(job)
            company.owner.jobs.pay_all(job, [one.me.address for one in company.workers])
        for number, lot in enumerate(self.lots):
            if not lot.taken:
                self.book.take_back(1, number)
        assert company.owner.token.balance(self.book.address) == 0, "something stays"
        for one in [company.founder, *company.people]:
            if company.owner.models.count() and company.owner.models.claimable(1, one.me.address):
                one.models.claim(1)
        assert company.owner.token.balance(company.founder.me.address) <= company.PURSE + 40 * KLP
        assert [str(line) for line in ledger.verify(company.owner, company.net.receipts)] == []


WAYS = ("work", "release", "begin", "leave", "give_up")
"""The moves that are several at once."""


def run(sequences: int, hunting: bool = False) -> None:
    company = Company()
    Investing.neuron = company.audited()
    company.founder.ventures.open(company.terms(GOAL + 7), (600 * KLP, 400 * KLP + 7))
    company.rpc.keep()
    Investing.company, Investing.logs = company, list(company.rpc._logs)
    for way in WAYS:  # each alone, from the beginning
        one = Investing()
        getattr(one, way)()
        one.teardown()
    if sequences:
        play(sequences, 12, hunting, Investing)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_investments_add_up() -> None:
    run(3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_investments_add_up_in_500_sequences() -> None:
    run(500)


BUGS = {
    "spent beyond what is released": (
        "Ventures",
        "if (price > freeOf(id)) revert NotReleased(price, freeOf(id));",
        "if (price > v.raised) revert NotReleased(price, freeOf(id));",
    ),
    "what is spent is not counted": ("Ventures", "v.spent += price;", ""),
    "what a job keeps is returned, too": (
        "Ventures",
        "j.split ? 0 : j.price - jobs.drafts(job, j.round).sum;",
        "j.split ? 0 : j.price;",
    ),
    "collected again and again": ("Ventures", "ventureOfJob[job] = 0;\n        v.openJobs -= 1;", ""),
    "taken back while a job is open": ("Ventures", "if (v.openJobs != 0) revert JobsOpen(v.openJobs);", ""),
    "taken back again and again": ("Ventures", "l.taken = true;", ""),
    "each part rounded down": (
        "Ventures",
        "Math.mulDiv(left, uint256(l.start) + l.amount, all) - Math.mulDiv(left, l.start, all);",
        "Math.mulDiv(left, l.amount, all);",
    ),
    "a lot agrees again and again": ("Ventures", "_agreed[id][milestone][lot] = true;", ""),
    "released by a half": ("Ventures", "if (sum * 3 >= uint256(v.terms.goal) * 2)", "if (sum * 2 >= v.terms.goal)"),
    "a share sold with what it earned": (
        "Models",
        "if (from != address(0)) _accrue(from, id);\n        _accrue(to, id);",
        "",
    ),
    "revenue claimed again and again": ("Models", "_accounts[id][msg.sender].due -= amount * SHARES;", ""),
    "parts of a unit that are lost": (
        "Models",
        "_accounts[id][msg.sender].due -= amount * SHARES;",
        "_accounts[id][msg.sender].due = 0;",
    ),
    "a model minted by too few": ("Models", "if (sum * 3 < goal * 2) revert TooFew(sum, goal);", ""),
    "a licence that brings nothing": ("Models", "        earn(id, price);", ""),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caught = pytest.raises((AssertionError, LedgerError))
    with planted(*BUGS[bug], contracts, tmp_path, monkeypatch), caught:
        run(20, hunting=True)
