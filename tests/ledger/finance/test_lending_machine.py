"""Whatever people do with loans in whatever order: nothing is lent that is not there, nobody makes debt that is not
covered, who is solvent can leave, and every token is somewhere. Each check is shown to catch a planted bug.
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
from klopf.errors import Reverted
from klopf.ledger import Ledger
from klopf.ledger.finance._lending import ONE, PRICE
from tests.ledger.finance.test_loans import Bank
from tests.ledger.finance.town import RICH
from tests.ledger.test_invariants import planted, play

WHO = st.integers(0, 2)
AMOUNTS = st.one_of(st.integers(1, 5000), st.integers(1, 3000 * KLP))
REFUSED = {"Nothing", "NotFree", "TooMuchDebt", "NotDue", "TooLittle", "Panic"}


class Lending(RuleBasedStateMachine):
    """Three people and one market, beside a pool whose price a fourth one moves."""

    bank: Bank
    logs: ClassVar[list[dict[str, Any]]]
    """Of all that was before."""

    def __init__(self) -> None:
        super().__init__()
        self.bank.rpc.back()
        self.bank.rpc._logs.extend(self.logs)
        self.t = self.bank.terms

    def person(self, who: int) -> Ledger:
        return self.bank.people[who]

    @rule(who=WHO, amount=AMOUNTS)
    def supply(self, who: int, amount: int) -> None:
        self._try(lambda: self.person(who).loans.supply(self.t, amount))

    @rule(who=WHO, part=st.integers(1, 4))
    def withdraw(self, who: int, part: int) -> None:
        one = self.person(who)
        shares = one.loans.position(self.t, one.me.address).supply_shares
        self._try(lambda: one.loans.withdraw(self.t, shares // part))

    @rule(who=WHO, amount=AMOUNTS)
    def lock(self, who: int, amount: int) -> None:
        self._try(lambda: self.person(who).loans.lock(self.t, amount))

    @rule(who=WHO, part=st.integers(1, 4))
    def free(self, who: int, part: int) -> None:
        one = self.person(who)
        locked = one.loans.position(self.t, one.me.address).collateral
        if self._try(lambda: one.loans.free(self.t, locked // part)):
            self.healthy(one)

    @rule(who=WHO, part=st.integers(1, 6))
    def borrow(self, who: int, part: int) -> None:
        """Up to all that may be, and some more."""
        one = self.person(who)
        if self._try(lambda: one.loans.borrow(self.t, one.loans.risk(self.t, one.me.address).may_borrow * part // 5)):
            self.healthy(one)

    @rule(who=WHO, part=st.integers(1, 4))
    def repay(self, who: int, part: int) -> None:
        one = self.person(who)
        owed = one.loans.position(self.t, one.me.address).debt_shares
        self._try(lambda: one.loans.repay(self.t, owed // part))

    @rule(who=WHO)
    def call(self, who: int) -> None:
        self._try(lambda: self.person(who).loans.call_margin(self.t, self.person((who + 1) % 3).me.address))

    @rule(who=WHO)
    def clear(self, who: int) -> None:
        self._try(lambda: self.person(who).loans.clear_call(self.t, self.person(who).me.address))

    @rule(who=WHO, part=st.integers(1, 4))
    def liquidate(self, who: int, part: int) -> None:
        one, other = self.person(who), self.person((who + 1) % 3)
        was = one.loans.risk(self.t, other.me.address)
        shares = one.loans.position(self.t, other.me.address).debt_shares // part
        if self._try(lambda: one.loans.liquidate(self.t, other.me.address, shares)):
            assert was.due, "collateral was sold that was not due"

    @rule(seconds=st.sampled_from([60, 3600, 86_400, 100 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.bank.wait(seconds)
        self._try(lambda: self.person(0).loans._write("accrue", self.t.as_tuple()))

    @rule(iron=st.sampled_from([1, 2, 3, 4, 6]))
    def price(self, iron: int) -> None:
        self.bank.price(iron)
        self.check()

    # several moves at once, each the shortest way to what a market must not allow

    @rule(who=WHO)
    def borrow_and_free(self, who: int) -> None:
        """Borrow too much, then all that may be, and take all collateral out."""
        self.lock(who, 100 * KLP)
        self.borrow(who, 6)
        self.borrow(who, 5)
        self.free(who, 1)

    @rule(who=WHO)
    def borrow_all(self, who: int) -> None:
        """Against more than enough, one more than there is."""
        one = self.person(who)
        self.lock(who, 10_000 * KLP)
        market = one.loans.market(self.t)
        market.accrue(max(one.clock.now().time, market.time))
        with pytest.raises(Reverted, match="NotFree"):
            one.loans.borrow(self.t, market.supplied - market.lent + 1)

    @rule(who=WHO)
    def owe_for_long(self, who: int) -> None:
        """A hundred days of interest, a part that is paid back, and a lender who takes out what is there."""
        self.borrow(who, 4)
        self.wait(100 * 86_400)
        self.repay(who, 2)
        self.withdraw((who + 1) % 3, 2)

    @rule(who=WHO)
    def sell_too_early(self, who: int) -> None:
        """While the debt is good, and within the notice."""
        self.borrow((who + 1) % 3, 4)
        self.liquidate(who, 4)
        self.price(3)  # from 4: above the limit, below what is sold at once
        self.call(who)
        self.liquidate(who, 1)

    @rule(who=WHO)
    def fall(self, who: int) -> None:
        """The collateral is worth less than the debt: it is sold for half of that, and nothing stands for the rest."""
        self.borrow((who + 1) % 3, 5)
        self.price(1)
        self.liquidate(who, 2)

    def _try(self, move: Callable[[], Any]) -> bool:
        done = True
        try:
            move()
        except Reverted as error:
            assert error.name in REFUSED, error
            done = False
        self.check()
        return done

    def healthy(self, one: Ledger) -> None:
        """After who borrowed or took collateral out: by what the bounds are, and the contract's own figures."""
        market, position = one.loans.market(self.t), one.loans.position(self.t, one.me.address)
        low = one.exchange.bounds(self.t.collateral, self.t.loan).low
        worth = position.collateral * low // PRICE
        assert not position.debt_shares or market.debt_of(position.debt_shares) * ONE <= worth * self.t.limit

    def check(self) -> None:
        loans = self.bank.owner.loans
        market = loans.market(self.t)
        positions = [loans.position(self.t, one.me.address) for one in self.bank.people]
        assert market.supplied >= market.lent, "more is lent than there is"
        assert market.supply_shares == sum(p.supply_shares for p in positions)
        assert market.debt_shares == sum(p.debt_shares for p in positions)
        assert self._held("iron") >= market.supplied - market.lent, "tokens are missing"
        assert self._held("iron") <= market.supplied - market.lent + 1000, "tokens are nobody's"
        assert self._held("gold") == sum(p.collateral for p in positions)
        assert not any(p.debt_shares and not p.collateral for p in positions), "nothing stands for a debt"

    def _held(self, what: str) -> int:
        return int(getattr(self.bank, what).read("balanceOf", self.bank.owner.loans.address))

    def teardown(self) -> None:
        """Everybody pays, and leaves with all that is theirs."""
        for one in self.bank.people:
            if one.loans.position(self.t, one.me.address).debt_shares:
                one.loans.repay(self.t)
            if locked := one.loans.position(self.t, one.me.address).collateral:
                one.loans.free(self.t, locked)
        for one in self.bank.people:
            shares = one.loans.position(self.t, one.me.address).supply_shares
            if one.loans.market(self.t).assets_of(shares):
                one.loans.withdraw(self.t, shares)
        self.check()
        everywhere = [*(one.me.address for one in self.bank.people), *(self.bank.owner.deployment.addresses.values())]
        for odd in (self.bank.gold, self.bank.iron):
            assert sum(odd.read("balanceOf", place) for place in everywhere) == 4 * RICH
        assert [str(line) for line in ledger.verify(self.bank.owner, [])] == []


WAYS = ("borrow_and_free", "borrow_all", "owe_for_long", "sell_too_early", "fall")
"""The moves that are several at once."""


def test_the_shortest_ways_lead_nowhere() -> None:
    """What a planted bug is caught by does not fail without one."""
    run(0, hunting=True)


def run(sequences: int, hunting: bool = False) -> None:
    bank = Bank()
    for one in bank.people[:3]:
        one.loans.supply(bank.terms, 1000 * KLP)
        one.loans.lock(bank.terms, 500 * KLP)
    bank.rpc.keep()
    Lending.bank, Lending.logs = bank, list(bank.rpc._logs)
    if hunting:
        for way in WAYS:  # each alone, from the beginning
            one = Lending()
            getattr(one, way)(0)
            one.teardown()
    if sequences:
        play(sequences, 12, hunting, Lending)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_loans_add_up() -> None:
    run(6)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_loans_add_up_in_500_sequences() -> None:
    run(500)


BUGS = {
    "shares rounded up": (
        "shares = Math.mulDiv(assets, m.supplyShares + SHARES, m.supplied + ASSETS); // rounds down",
        "shares = Math.mulDiv(assets, m.supplyShares + SHARES, m.supplied + ASSETS, Math.Rounding.Ceil);",
    ),
    "debt rounded down": (
        "return Math.mulDiv(shares, m.lent + ASSETS, m.debtShares + SHARES, Math.Rounding.Ceil);",
        "return Math.mulDiv(shares, m.lent + ASSETS, m.debtShares + SHARES);",
    ),
    "lent beyond what is there": (
        "if (assets > m.supplied - m.lent) revert NotFree(assets, m.supplied - m.lent);\n        shares",
        "shares",
    ),
    "debt without collateral": (
        "p.debtShares += uint128(shares);\n        // CHECK\n        _requireHealthy(t, m, p);",
        "p.debtShares += uint128(shares);",
    ),
    "collateral freed under debt": (
        "p.collateral -= amount.toUint128();\n        // CHECK\n        _requireHealthy(t, m, p);",
        "p.collateral -= amount.toUint128();",
    ),
    "interest that nobody earns": (
        "(m.supplied + interest).toUint128());\n        emit Accrued",
        "m.supplied);\n        emit Accrued",
    ),
    "interest by the time twice": (
        "Interest.onDown(m.lent, rate, passed)",
        "Interest.onDown(m.lent, rate, 2 * passed)",
    ),
    "sold before it is due": (
        "if (!_due(t, p, _debtUp(m, p.debtShares), worth)) revert NotDue(owner);",
        "",
    ),
    "sold before the notice": (
        "return since >= t.notice && since",
        "return since",
    ),
    "what is lost is kept in the books": (
        "m.supplied -= uint128(lost);",
        "",
    ),
    "collateral that is seized and stays": (
        "p.collateral -= uint128(seized);",
        "",
    ),
    "tokens that are not taken": (
        "emit Repaid(id, msg.sender, owner, assets, shares);\n        _receive(t.loan, assets);",
        "emit Repaid(id, msg.sender, owner, assets, shares);",
    ),
    "shares that stay": (
        "_positions[id][msg.sender].supplyShares -= shares.toUint128();",
        "",
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with planted("Loans", *BUGS[bug], contracts, tmp_path, monkeypatch), pytest.raises((AssertionError, Reverted)):
        run(20, hunting=True)
