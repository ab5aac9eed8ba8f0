"""Rewards from the two reserves: by shares and time, by what was burnt; never beyond what the rate has grown."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ledger_helpers import KLP

from klopf import ledger
from klopf.console.cli.access import apply_changes
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger, PoolWeights
from klopf.ledger._parameters import by_name
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance.liquidity import DAY, WEEK, vested
from tests.ledger.finance.town import Town

RATE = 1000 * KLP
"""In a day, of either reserve."""


class Mint(Town):
    """A pool of gold and iron and one of gold and KLP, whose shares three people have; both reserves' rates are set."""

    def __init__(self) -> None:
        super().__init__()
        book = self.owner.exchange
        self.pools = [book.open(self.gold.address, other) for other in (self.iron.address, self.owner.token.address)]
        for one in self.people:
            for pool in self.pools:
                one.exchange.add(pool, (1000 * KLP, 1000 * KLP))
        for which in Reserve:
            self.owner.reserves.set_rate(which, RATE)

    def shares(self, who: Ledger, pool: int = 1) -> int:
        return who.exchange.shares(pool, who.me.address)

    @property
    def week(self) -> int:
        return self.owner.clock.now().time // WEEK

    @property
    def day(self) -> int:
        return self.owner.clock.now().time // DAY

    def earned(self, who: Ledger) -> int:
        book = self.owner.liquidity
        return sum(book.earned(who.me.address, week) for week in book.weeks(who.me.address))

    def agrees(self) -> None:
        assert [str(line) for line in ledger.verify(self.owner, [])] == []


@pytest.fixture
def town() -> Mint:
    return Mint()


def test_shares_earn_by_how_many_how_long_and_their_pools_weight(town: Mint) -> None:
    a, b, c = town.people
    owner = town.owner.liquidity
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        a.liquidity.set_weight(1, 1)
    owner.set_weight(1, 3)
    owner.set_weight(2, 1)
    town.wait(DAY)  # what grows while nobody is here is nobody's
    a.liquidity.stake(1, 10**18)
    begun = town.owner.clock.now().time
    town.wait(DAY)  # a alone
    b.liquidity.stake(1, 3 * 10**18)
    town.wait(2 * DAY)  # a quarter, and three quarters
    c.liquidity.stake(2, 5)  # however few: a quarter of all is its pool's
    town.wait(4 * DAY)
    for one, pool in ((a, 1), (b, 1), (c, 2)):
        one.liquidity.count(pool)
    days = Fraction(town.owner.clock.now().time - begun, DAY)
    assert days == 7
    for one, part in ((a, 1 + Fraction(2, 4) + 4 * Fraction(3, 16)), (b, Fraction(6, 4) + 4 * Fraction(9, 16)), (c, 1)):
        assert 0 <= RATE * part - town.earned(one) < 10**9
    town.agrees()


def test_weights_are_terms_that_the_dao_can_propose(town: Mint) -> None:
    book = town.owner.liquidity
    book.set_weight(1, 3)
    assert by_name(book.owners_terms()) == {"pool_1": 3}
    wanted = apply_changes(["Liquidity.pool_1=4", "pool_2=5"], {"Liquidity": book.owners_terms()})["Liquidity"]
    calls = book.calls_for(wanted)
    assert [book.terms_after(call) for call in calls] == [PoolWeights({1: 4}), PoolWeights({1: 3, 2: 5})]
    for call in calls:
        town.owner.send(book.address, call)
    assert book.owners_terms() == wanted and book.calls_for(wanted) == []
    assert book.terms_after(b"0000") is None
    with pytest.raises(LedgerError, match=r"from 0 to 65535, not 65536 \(pool 9\)"):
        apply_changes(["pool_9=65536"], {"Liquidity": wanted})
    town.agrees()


def test_a_moment_earns_nothing_and_everybody_gets_their_shares_back(town: Mint) -> None:
    a, b, _ = town.people
    town.owner.liquidity.set_weight(1, 1)
    mine, rich = town.shares(a), town.shares(b)
    a.liquidity.stake(1, mine)
    town.wait(DAY)
    b.liquidity.stake(1, rich)  # comes for the moment in which it is shared out
    b.liquidity.unstake(1, rich)
    assert town.earned(b) == 0 and town.shares(b) == rich
    with pytest.raises(Reverted, match="0x11"):
        b.liquidity.unstake(1, 1)
    a.liquidity.unstake(1, mine)
    assert town.shares(a) == mine and RATE - town.earned(a) < 10**9
    town.agrees()


def test_what_is_earned_vests_over_ninety_days_and_comes_from_the_reserve(town: Mint) -> None:
    a = town.people[0]
    town.owner.liquidity.set_weight(1, 1)
    a.liquidity.stake(1, KLP)
    town.wait(WEEK)
    a.liquidity.count(1)
    week, had, minted = town.week, a.token.balance(a.me.address), town.owner.token.minted_from(Reserve.LIQUIDITY)
    with pytest.raises(Reverted, match="Nothing"):
        a.liquidity.claim(week)  # the week is not over
    earned = a.liquidity.earned(a.me.address, week)
    town.wait((week + 1) * WEEK - town.owner.clock.now().time + 45 * DAY)
    a.liquidity.claim(week)
    assert a.token.balance(a.me.address) - had == earned // 2
    town.wait(60 * DAY)
    a.liquidity.claim(week)
    assert a.token.balance(a.me.address) - had == earned
    assert town.owner.token.minted_from(Reserve.LIQUIDITY) - minted == earned
    with pytest.raises(Reverted, match="Nothing"):
        a.liquidity.claim(week)
    town.agrees()


@pytest.mark.parametrize("rate", [RATE, 200_000_000 * KLP // 365])
def test_a_trade_with_oneself_earns_less_than_it_burns(town: Mint, rate: int) -> None:
    """At any rate, alone or beside others, at once or after ninety days: half of it at most."""
    washer, friend, honest = town.people
    town.owner.reserves.set_rate(Reserve.CIRCULATION, rate)
    town.wait(10 * DAY)
    had = [one.token.balance(one.me.address) for one in (washer, friend)]
    for amount in (50_000 * KLP, 700_000 * KLP + 1):
        washer.circulation.pay(friend.me.address, amount)
        friend.token.transfer(washer.me.address, amount * 99 // 100)
    honest.circulation.pay(town.owner.me.address, 100 * KLP)
    day = town.day
    with pytest.raises(Reverted, match="NotNow"):
        washer.circulation.close(day)
    town.wait(DAY)
    washer.circulation.close(day)
    burnt, reward, _ = washer.circulation.day(day)
    assert burnt == 7501 * KLP + 1 and reward == min(burnt // 2, 10 * rate + rate * (town.day - day) + 10**30)
    town.wait(91 * DAY)
    washer.circulation.claim(day)
    honest.circulation.claim(day)
    with pytest.raises(Reverted, match="Nothing"):
        washer.circulation.claim(day)
    now = [one.token.balance(one.me.address) for one in (washer, friend)]
    assert 3749 * KLP < sum(had) - sum(now) <= 3751 * KLP  # it burnt 7,500 and had half of that back
    town.agrees()


def test_what_is_not_as_it_was_said_is_named(town: Mint) -> None:
    """Somebody else's name in what a stake says; two claims of one size in a transaction are as they should be."""
    a, b, _ = town.people
    for _ in range(2):
        a.circulation.pay(b.me.address, 100 * KLP)
        town.wait(DAY)
    days = a.circulation.days(a.me.address)
    for day in days:
        a.circulation.close(day)
    town.wait(91 * DAY)
    first, second = (a.circulation.claim(day) for day in days)
    town.rpc.join(first.hash, second.hash)
    staked = a.liquidity.stake(1, KLP)
    town.agrees()
    log = [log for log in town.rpc._logs if log["transactionHash"] == staked.hash and len(log["topics"]) == 3][1]
    assert log["topics"][2][-40:] == a.me.address[2:].lower()
    log["topics"][2] = log["topics"][2][:-40] + b.me.address[2:].lower()
    assert f"the contract's shares of {a.me.address} in pool 1" in str(ledger.verify(town.owner, [])[0])


def test_a_day_has_no_more_than_what_has_grown(town: Mint) -> None:
    a, b, _ = town.people
    a.circulation.pay(b.me.address, 10**6 * KLP)  # burns 10,000
    day = town.day
    with pytest.raises(Reverted, match="TooSmall"):
        a.circulation.pay(b.me.address, 1)
    town.wait(DAY)
    grown = town.owner.reserves.available(Reserve.CIRCULATION)
    b.circulation.close(day)
    assert a.circulation.day(day)[1] == grown <= 2 * RATE
    with pytest.raises(Reverted, match="NotNow"):
        b.circulation.close(day)
    with pytest.raises(Reverted, match="Nothing"):
        b.circulation.claim(day)
    town.wait(30 * DAY)
    a.circulation.claim(day)
    due = vested(grown, (day + 1) * DAY, town.owner.clock.now().time)
    assert a.circulation.paid(day, a.me.address) == due < grown // 2
    town.agrees()
