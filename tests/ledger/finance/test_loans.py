"""Loans: to the unit by the model; who may borrow, who is called and sold; and who bears what nobody pays."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isqrt

import pytest
from ledger_helpers import KLP

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Ledger
from klopf.ledger.finance import MarketTerms
from klopf.ledger.finance._lending import ONE, YEAR
from tests.ledger.finance.town import RICH, Town

DAY = 24 * 3600


class Bank(Town):
    """Iron is lent for gold: a pool of both, 4 iron for a gold, and a market to which the first brought 10,000 iron."""

    def __init__(self, supplied: int = 10_000 * KLP) -> None:
        super().__init__(4)
        self.id = self.pool((10**6 * KLP, 4 * 10**6 * KLP))
        self.ripen(self.id, 3)
        self.terms = MarketTerms(self.iron.address, self.gold.address, self.owner.exchange.address)
        self.owner.loans.open(self.terms)
        self.lender, self.borrower, self.watcher, self.other = self.people
        if supplied:
            self.lender.loans.supply(self.terms, supplied)

    def price(self, iron: int) -> None:
        """The pool's price becomes about so much iron for a gold, and stays until all averages have it."""
        x, y = self.owner.exchange.pool(self.id).reserves
        root = isqrt(x * y // iron)
        token, amount = (self.gold, root - x) if root > x else (self.iron, root * iron - y)
        if amount > 10**6:  # else it is there already
            self.other.exchange.swap(self.id, token.address, amount)
        self.ripen(self.id, 3)

    def iron_of(self, who: Ledger) -> int:
        return int(self.iron.read("balanceOf", who.me.address))


@pytest.fixture
def bank() -> Bank:
    return Bank()


def agrees(bank: Bank) -> None:
    assert [str(line) for line in ledger.verify(bank.owner, [])] == []


def test_dust_that_is_paid_share_by_share_ends_no_market(bank: Bank) -> None:
    """Each round a unit is borrowed and one of its million shares paid with it. Were all of the debt off by that, the
    shares that are left would double each time, and after a hundred rounds nobody could borrow any more."""
    t, b = bank.terms, bank.borrower
    b.loans.lock(t, KLP)
    for _ in range(12):
        b.loans.borrow(t, 1)
        b.loans.repay(t, 1)
    market = b.loans.market(t)
    assert (market.lent, market.debt_shares) == (12, 12 * (10**6 - 1))
    b.loans.repay(t)
    assert b.loans.market(t).lent == b.loans.market(t).debt_shares == 0
    agrees(bank)


def test_a_loan_from_beginning_to_end(bank: Bank) -> None:
    t, b = bank.terms, bank.borrower
    b.loans.lock(t, 1000 * KLP)  # worth 4,000, of which 2,800 may be lent
    assert b.loans.risk(t, b.me.address).may_borrow == pytest.approx(2800 * KLP, rel=1e-9)
    with pytest.raises(Reverted, match="TooMuchDebt"):
        b.loans.borrow(t, 2801 * KLP)
    b.loans.borrow(t, 2000 * KLP)
    assert bank.iron_of(b) == RICH + 2000 * KLP
    bank.wait(YEAR)
    with pytest.raises(Reverted, match="NotFree"):
        bank.lender.loans.withdraw(t, bank.lender.loans.position(t, bank.lender.me.address).supply_shares)
    owed = b.loans.risk(t, b.me.address).owed
    b.loans.repay(t)
    assert bank.iron_of(b) < RICH - 20 * KLP  # a fifth is lent: a year costs 1.25 %
    assert owed > 2025 * KLP
    b.loans.free(t, 1000 * KLP)
    lender = bank.lender
    lender.loans.withdraw(t, lender.loans.position(t, lender.me.address).supply_shares)
    assert bank.iron_of(lender) > RICH - 4 * 10**6 * KLP + 25 * KLP
    agrees(bank)


def test_a_margin_is_called_and_sold_after_the_notice(bank: Bank) -> None:
    t, b, w = bank.terms, bank.borrower, bank.watcher
    b.loans.lock(t, 1000 * KLP)
    b.loans.borrow(t, 2700 * KLP)
    with pytest.raises(Reverted, match="NotDue"):
        w.loans.call_margin(t, b.me.address)
    bank.price(3)  # 3,000, of which 2,100 are the limit; sold at 2,550 without notice: so at 3.3
    risk = b.loans.risk(t, b.me.address)
    assert risk.due and risk.sold_below > risk.bounds.high
    bank.price(4)
    assert not b.loans.risk(t, b.me.address).due
    b.loans.repay(t, b.loans.position(t, b.me.address).debt_shares * 2 // 10)
    bank.price(3)  # 2,160 and interest is above 2,100, and below 2,550
    with pytest.raises(Reverted, match="NotDue"):
        w.loans.liquidate(t, b.me.address, 10**6)
    w.loans.call_margin(t, b.me.address)
    with pytest.raises(Reverted, match="NotDue"):
        w.loans.call_margin(t, b.me.address)
    with pytest.raises(Reverted, match="NotDue"):
        w.loans.clear_call(t, b.me.address)
    bank.wait(t.notice - 60)
    with pytest.raises(Reverted, match="NotDue"):
        w.loans.liquidate(t, b.me.address, 10**6)
    bank.wait(60)
    had, shares = bank.gold.read("balanceOf", w.me.address), b.loans.position(t, b.me.address).debt_shares // 2
    w.loans.liquidate(t, b.me.address, shares)
    paid, got = RICH - bank.iron_of(w), bank.gold.read("balanceOf", w.me.address) - had
    assert Fraction(got * 3, paid) == pytest.approx(1.075, rel=2e-3)  # a quarter of what is beyond the limit
    bank.price(5)
    w.loans.clear_call(t, b.me.address)
    assert b.loans.position(t, b.me.address).called == 0
    agrees(bank)


def test_a_call_does_not_count_for_ever(bank: Bank) -> None:
    t, b, w = bank.terms, bank.borrower, bank.watcher
    b.loans.lock(t, 1000 * KLP)
    b.loans.borrow(t, 2200 * KLP)
    bank.price(3)
    w.loans.call_margin(t, b.me.address)
    bank.wait(2 * t.notice + 1)
    with pytest.raises(Reverted, match="NotDue"):
        w.loans.liquidate(t, b.me.address, 10**6)
    w.loans.call_margin(t, b.me.address)
    agrees(bank)


def test_what_nobody_pays_is_borne_at_once_by_those_who_supplied(bank: Bank) -> None:
    t, b, w = bank.terms, bank.borrower, bank.watcher
    b.loans.lock(t, 1000 * KLP)
    b.loans.borrow(t, 2700 * KLP)
    bank.price(1)
    position = b.loans.position(t, b.me.address)
    assert b.loans.risk(t, b.me.address).due
    shares = position.debt_shares * 36 // 100
    before = bank.lender.loans.market(t)
    w.loans.liquidate(t, b.me.address, shares)
    after = bank.lender.loans.market(t)
    assert b.loans.position(t, b.me.address) == replace(position, debt_shares=0, collateral=0)
    assert after.lent == after.debt_shares == 0 and before.supplied - after.supplied > 1700 * KLP
    lender = bank.lender
    lender.loans.withdraw(
        t, lender.loans.position(t, lender.me.address).supply_shares
    )  # it can leave with what is there
    agrees(bank)


def test_a_pushed_price_neither_lends_nor_sells(bank: Bank) -> None:
    t, b = bank.terms, bank.borrower
    b.loans.lock(t, 1000 * KLP)
    b.loans.borrow(t, 2790 * KLP)
    bank.other.exchange.swap(bank.id, bank.iron.address, 500 * 10**6 * KLP)
    with pytest.raises(Reverted, match="TooMuchDebt"):
        b.loans.borrow(t, 20 * KLP)
    bank.other.exchange.swap(bank.id, bank.gold.address, 990 * 10**6 * KLP)
    with pytest.raises(Reverted, match="NotDue"):
        bank.watcher.loans.call_margin(t, b.me.address)
    agrees(bank)


def test_the_first_share_cannot_be_made_dear() -> None:
    """Donated tokens are not counted; and what interest makes of one share is not enough to round others away."""
    bank = Bank(supplied=1)
    bank.iron.send("transfer", bank.owner.loans.address, RICH // 2, ledger=bank.lender)
    bank.other.loans.supply(bank.terms, KLP)
    shares = bank.other.loans.position(bank.terms, bank.other.me.address).supply_shares
    bank.other.loans.withdraw(bank.terms, shares)
    assert RICH - bank.iron_of(bank.other) <= 1
    agrees(bank)


@pytest.mark.parametrize(
    "change",
    [{"limit": 81 * 10**16}, {"limit": 0}, {"at_full": 1}, {"at_full": 5 * ONE}, {"notice": 60}, {"notice": 8 * DAY}],
)
def test_terms_have_ranges(bank: Bank, change: dict[str, int]) -> None:
    with pytest.raises(Reverted, match="TermOutOfRange"):
        bank.owner.loans.open(replace(bank.terms, **change))


def test_what_is_refused(bank: Bank) -> None:
    t, b = bank.terms, bank.borrower
    with pytest.raises(Reverted, match="NoMarket"):
        b.loans.open(t)
    with pytest.raises(Reverted, match="NoPool"):
        b.loans.open(replace(t, loan=b.token.address))
    other = replace(t, limit=6 * 10**17)
    for call in (lambda: b.loans.supply(other, 1), lambda: b.loans.lock(other, 1), lambda: b.loans.borrow(other, 1)):
        with pytest.raises(Reverted, match="NoMarket"):
            call()
    for call in (lambda: b.loans.supply(t, 0), lambda: b.loans.lock(t, 0), lambda: b.loans.borrow(t, 0),
                 lambda: b.loans.free(t, 0), lambda: b.loans.withdraw(t, 0)):  # fmt: skip
        with pytest.raises(Reverted, match="Nothing"):
            call()
    with pytest.raises(Reverted, match="NotFree"):
        b.loans.borrow(t, 10_001 * KLP)
    with pytest.raises(Reverted):
        b.loans.withdraw(t, 10**18)
    bank.iron.send("setFee", 1)
    with pytest.raises(Reverted, match="NotReceived"):
        b.loans.supply(t, KLP)
    agrees(bank)
