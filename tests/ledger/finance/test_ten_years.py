"""Ten years of interest and of people who come and go: contract and model, to the unit; and what a year costs."""

from __future__ import annotations

import random
from fractions import Fraction
from math import exp

import pytest
from ledger_helpers import KLP

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger.finance._lending import ONE, YEAR
from tests.ledger.finance.test_loans import Bank

MONTH = YEAR // 12


def test_ten_years_to_the_unit() -> None:
    bank, rng = Bank(), random.Random(20)
    t = bank.terms
    lender, borrower, _, other = bank.people
    model = lender.loans.market(t)
    borrower.loans.lock(t, 10**6 * KLP)
    held = int(bank.iron.read("balanceOf", bank.owner.loans.address))
    for _ in range(120):
        bank.wait(MONTH)
        what = rng.randrange(4)
        model.accrue(bank.rpc.time)
        mine = borrower.loans.position(t, borrower.me.address).debt_shares
        theirs = other.loans.position(t, other.me.address).supply_shares
        if what == 0:
            amount = rng.randrange(1, 2000 * KLP)
            other.loans.supply(t, amount)
            model.supply(amount)
            held += amount
        elif what == 1 and theirs and model.assets_of(theirs // 2) <= model.supplied - model.lent:
            other.loans.withdraw(t, theirs // 2)
            held -= model.withdraw(theirs // 2)
        elif what == 2 and mine:
            borrower.loans.repay(t, mine // 3)
            held += model.repay(mine // 3)
        else:
            amount = (model.supplied - model.lent) * rng.randrange(1, 9) // 10
            borrower.loans.borrow(t, amount)
            model.borrow(amount)
            held -= amount
        found = lender.loans.market(t)
        assert (found.supplied, found.supply_shares) == (model.supplied, model.supply_shares)
        assert (found.lent, found.debt_shares) == (model.lent, model.debt_shares)
        assert int(bank.iron.read("balanceOf", bank.owner.loans.address)) == held
        assert held == model.supplied - model.lent + model.spare
    assert model.supplied > 12_000 * KLP
    assert [str(line) for line in ledger.verify(bank.owner, [])] == []


@pytest.mark.parametrize("steps", [1, 12, 365])
def test_interest_is_e_to_the_rate_however_often_it_is_counted(steps: int) -> None:
    """Four fifths are lent at 5 %, so a year costs e^0.05 - 1; and supply and debt grow by the same."""
    bank = Bank()
    t, borrower = bank.terms, bank.borrower
    borrower.loans.lock(t, 10**6 * KLP)
    borrower.loans.borrow(t, 8000 * KLP)
    for _ in range(steps):
        bank.wait(YEAR // steps)
        bank.owner.loans._write("accrue", t.as_tuple())
    market = bank.owner.loans.market(t)
    grown = Fraction(market.lent, 8000 * KLP) - 1
    # what is lent grows faster than what is supplied, so the rate itself rises a little
    assert exp(0.05) - 1 - 3e-6 <= grown <= exp(0.052)
    assert market.supplied - 10_000 * KLP == market.lent - 8000 * KLP


def test_use_costs_what_the_terms_say() -> None:
    bank = Bank()
    t, borrower = bank.terms, bank.borrower
    borrower.loans.lock(t, 10**6 * KLP)
    for lent, cost in ((4000, "0.025"), (8000, "0.05"), (9000, "0.525"), (10_000, "1")):
        now = bank.owner.loans.market(t).lent
        borrower.loans.borrow(t, lent * KLP - now)
        assert Fraction(bank.owner.loans.market(t).yearly, ONE) == pytest.approx(Fraction(cost), abs=1e-6)
    with pytest.raises(Reverted, match="NotFree"):
        borrower.loans.borrow(t, KLP)
