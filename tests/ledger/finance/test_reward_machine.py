"""Whatever people do for rewards in whatever order: no more is minted than has grown, nobody earns by a moment or by
paying itself, shares come back, and all that is promised can be paid. Each check is shown to catch a planted bug.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_helpers import KLP

from klopf.errors import LedgerError, Reverted
from klopf.ledger import Ledger
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance.liquidity import DAY, WEEK
from tests.ledger.finance.test_rewards import RATE, Mint
from tests.ledger.test_invariants import planted, play

WHO, POOL = st.integers(0, 2), st.integers(1, 2)
REFUSED = {"Nothing", "NotNow", "TooSmall", "Panic"}


class Earning(RuleBasedStateMachine):
    """Three people, two pools that earn, and both reserves."""

    town: Mint
    logs: ClassVar[list[dict[str, Any]]]

    def __init__(self) -> None:
        super().__init__()
        self.town.rpc.back()
        self.town.rpc._logs.extend(self.logs)
        self.begun, self.owner = self.town.owner.clock.now().time, self.town.owner
        self.had = [self.town.shares(one, pool) for one in self.town.people for pool in (1, 2)]
        self.burnt = [0, 0, 0]
        self.most = RATE

    def person(self, who: int) -> Ledger:
        return self.town.people[who]

    @rule(who=WHO, pool=POOL, part=st.integers(1, 4))
    def stake(self, who: int, pool: int, part: int) -> None:
        one = self.person(who)
        self._try(lambda: one.liquidity.stake(pool, self.town.shares(one, pool) // part))

    @rule(who=WHO, pool=POOL, part=st.integers(1, 4))
    def unstake(self, who: int, pool: int, part: int) -> None:
        one = self.person(who)
        mine = one.liquidity.staked(pool, one.me.address)
        self._try(lambda: one.liquidity.unstake(pool, mine // part))

    @rule(who=WHO, pool=POOL)
    def count(self, who: int, pool: int) -> None:
        self._try(lambda: self.person(who).liquidity.count(pool))

    @rule(who=WHO)
    def claim(self, who: int) -> None:
        one = self.person(who)
        for week in one.liquidity.weeks(one.me.address):
            self._try(lambda week=week: one.liquidity.claim(week))  # type: ignore[misc]
        for day in one.circulation.days(one.me.address):
            self._try(lambda day=day: one.circulation.close(day))  # type: ignore[misc]
            self._try(lambda day=day: one.circulation.claim(day))  # type: ignore[misc]

    @rule(pool=POOL, weight=st.integers(0, 3))
    def weigh(self, pool: int, weight: int) -> None:
        self._try(lambda: self.owner.liquidity.set_weight(pool, weight))

    @rule(times=st.sampled_from([0, 1, 10]))
    def rate(self, times: int) -> None:
        self.most = max(self.most, RATE * times)
        for which in Reserve:
            self.owner.reserves.set_rate(which, RATE * times)

    @rule(who=WHO, amount=st.one_of(st.integers(1, 10**17), st.integers(1, 10**6 * KLP)))
    def pay(self, who: int, amount: int) -> None:
        """Itself."""
        one = self.person(who)
        if self._try(lambda: one.circulation.pay(one.me.address, amount)):
            self.burnt[who] += -(-amount // 100)

    @rule(seconds=st.sampled_from([1, 3600, DAY, WEEK, 40 * DAY]))
    def wait(self, seconds: int) -> None:
        self.town.wait(seconds)

    # several moves at once, each the shortest way to what must not be

    @rule()
    def come_for_a_moment(self) -> None:
        self.weigh(1, 2)
        self.stake(0, 1, 2)
        self.wait(DAY)
        self.stake(1, 1, 1)
        had = self.town.earned(self.person(1))
        self.unstake(1, 1, 1)
        self.unstake(1, 1, 1)
        assert self.town.earned(self.person(1)) == had, "a moment earned"

    @rule()
    def share(self) -> None:
        """Two pools, weights that change, and everybody has what vested, twice."""
        self.weigh(1, 1)
        self.weigh(2, 3)
        for who, pool in ((0, 1), (1, 2), (2, 2)):
            self.stake(who, pool, 2)
            self.wait(DAY)
        self.weigh(1, 2)
        self.wait(WEEK)
        self.unstake(1, 2, 1)
        self.unstake(2, 2, 1)
        self.wait(DAY)
        for who, pool in ((0, 1), (1, 2), (2, 2)):
            self.count(who, pool)
            self.count(who, pool)
        self.wait(40 * DAY)
        for who in (0, 0, 1, 2):
            self.claim(who)

    @rule()
    def wash(self) -> None:
        self.wait(40 * DAY)
        for amount in (1000, 7 * 10**5, 5):
            self.pay(0, amount * KLP)
            self.pay(1, amount * KLP + 1)
        self.claim(0)
        self.wait(DAY)
        self.claim(0)
        self.wait(40 * DAY)
        for who in (0, 0, 1):
            self.claim(who)

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
        owner, people = self.owner, self.town.people
        grown = self.most * (owner.clock.now().time - self.begun) // DAY + RATE // 100
        for which, book in ((Reserve.LIQUIDITY, owner.liquidity), (Reserve.CIRCULATION, owner.circulation)):
            assert book.unpaid() <= owner.reserves.available(which), "promised beyond what has grown"
            assert owner.token.minted_from(which) + book.unpaid() <= grown, "more than the rate"
        for pool in (1, 2):
            held = owner.exchange.shares(pool, owner.liquidity.address)
            staked = sum(owner.liquidity.staked(pool, one.me.address) for one in people)
            assert held == staked == owner.liquidity.pool(pool)[3], "shares are nowhere"
        assert owner.token.balance(owner.circulation.address) == 0
        for one, burnt in zip(people, self.burnt, strict=True):
            had = sum(owner.circulation.paid(day, one.me.address) for day in owner.circulation.days(one.me.address))
            assert 2 * had <= burnt, "who pays itself earns"

    def teardown(self) -> None:
        """All take their shares back, and what they earned, a hundred days later."""
        for who, one in enumerate(self.town.people):
            for pool in (1, 2):
                if one.liquidity.staked(pool, one.me.address):
                    self.unstake(who, pool, 1)
        assert [self.town.shares(one, pool) for one in self.town.people for pool in (1, 2)] == self.had
        self.wait(40 * DAY)
        self.wait(60 * DAY)
        for who in range(3):
            self.claim(who)
        assert self.owner.liquidity.unpaid() < 10**9 and self.owner.circulation.unpaid() < 100, "promised, and not paid"
        self.town.agrees()


WAYS = ("come_for_a_moment", "share", "wash")
"""The moves that are several at once."""


def run(sequences: int, hunting: bool = False) -> None:
    town = Mint()
    town.rpc.keep()
    Earning.town, Earning.logs = town, list(town.rpc._logs)
    for way in WAYS:  # each alone, from the beginning
        one = Earning()
        getattr(one, way)()
        one.teardown()
    if sequences:
        play(sequences, 12, hunting, Earning)  # type: ignore[arg-type]


@pytest.mark.timeout(300)
def test_rewards_add_up() -> None:
    run(3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_rewards_add_up_in_500_sequences() -> None:
    run(500)


BUGS = {
    "earned again and again": ("Liquidity", "s.seen = p.perShare;", ""),
    "earned from the beginning": ("Liquidity", "Stake storage s = _earn(pool, p);\n        // APPLY\n        if",
                                  "Stake storage s = _stakes[pool][msg.sender];\n        // APPLY\n        if"),
    "paid again and again": ("Liquidity", "paidOf[msg.sender][week] += amount;", ""),
    "shared out and forgotten": ("Liquidity", "unpaid += fresh;", ""),
    "what nobody had a right to": ("Liquidity", "skipped += fresh;", ""),
    "a weight that leaves with nobody": ("Liquidity", "if (p.staked == 0) _weights -= p.weight;", ""),
    "a weight that reaches back": (
        "Liquidity",
        "Pool storage p = _accrue(pool);\n        // APPLY\n        if (!known)",
        "Pool storage p = _pools[pool];\n        // APPLY\n        if (!known)",
    ),
    "vested at once": (
        "Liquidity",
        "Vesting.vestedDown(earnedIn[msg.sender][week], (week + 1) * 1 weeks)",
        "earnedIn[msg.sender][week]",
    ),
    "as much as is burnt": ("Circulation", "d.burnt / 2", "d.burnt * 2"),
    "a day closed again and again": ("Circulation", "if (d.closed || ", "if ("),
    "a day's reward paid again and again": ("Circulation", "paidOf[day][msg.sender] += amount;", ""),
    "all of a day's reward to each": ("Circulation", "* burntOf[day][msg.sender]) / d.burnt", "* 1)"),
    "closed before it is over": ("Circulation", " || block.timestamp / 1 days <= day", ""),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caught = pytest.raises((AssertionError, LedgerError))
    with planted(*BUGS[bug], contracts, tmp_path, monkeypatch), caught:
        run(20, hunting=True)
