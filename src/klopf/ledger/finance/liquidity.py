"""Rewards for liquidity, from their reserve alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import PoolWeights, Terms
from klopf.ledger._replay import Replay
from klopf.ledger.core.reserves import ReservesReplay
from klopf.ledger.core.token import Reserve
from klopf.ledger.finance.exchange import Exchange, ExchangeReplay

__all__ = [
    "DAY", "WEEK", "Grown", "Liquidity", "LiquidityEarned", "LiquidityPaid", "LiquidityReplay", "Staked", "Unstaked",
    "WeightSet", "vested",
]  # fmt: skip

DAY, WEEK = 24 * 3600, 7 * 24 * 3600
_VEST, _SCALE, _MOST_POOLS = 90 * DAY, 10**27, 16


def vested(amount: int, since: int, now: int) -> int:
    """What of ``amount`` is payable at ``now``: nothing at ``since``, all of it ninety days later.

    >>> vested(100, 0, 45 * DAY)
    50
    """
    return amount * min(max(0, now - since), _VEST) // _VEST


@dataclass(frozen=True)
class WeightSet(Event):
    pool: int
    weight: int


@dataclass(frozen=True)
class Grown(Event):
    amount: int
    shared: bool


@dataclass(frozen=True)
class Staked(Event):
    pool: int
    owner: str
    shares: int


@dataclass(frozen=True)
class Unstaked(Event):
    pool: int
    owner: str
    shares: int


@dataclass(frozen=True)
class LiquidityEarned(Event):
    pool: int
    owner: str
    week: int
    amount: int


@dataclass(frozen=True)
class LiquidityPaid(Event):
    owner: str
    week: int
    amount: int


@dataclass
class _Pool:
    """``each`` is what one of its shares ever earned, ``counted`` what of that each owner has been credited with."""

    weight: int = 0
    seen: int = 0
    each: int = 0
    shares: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    counted: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def staked(self) -> int:
        return sum(self.shares.values())


class LiquidityReplay(Replay):
    """What each share earned; by what the reserve's replay says that it may mint."""

    def begin(self) -> None:
        self.reserves = self.of(ReservesReplay)
        self.exchange = self.of(ExchangeReplay)
        self.pools: defaultdict[int, _Pool] = defaultdict(_Pool)
        self.earned: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.paid: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.unpaid = self.skipped = self.index = 0

    def on_Grown(self, e: Grown) -> None:
        fresh = self.reserves.taps[Reserve.LIQUIDITY].available(self.time_of(e.block)) - self.unpaid - self.skipped
        weights = sum(pool.weight for pool in self.pools.values() if pool.staked)
        self.differ(self.where(e), (fresh, weights > 0), (e.amount, e.shared))
        if weights:
            self.index += fresh * _SCALE // weights
            self.unpaid += fresh
        else:
            self.skipped += fresh

    def _now(self, e: Event, number: int) -> _Pool:
        """The pool, after all that grew has been said."""
        left = self.reserves.taps[Reserve.LIQUIDITY].available(self.time_of(e.block)) - self.unpaid - self.skipped
        self.differ(f"growth before {self.where(e)}", 0, left)
        pool = self.pools[number]
        if staked := pool.staked:
            pool.each += (self.index - pool.seen) * pool.weight // staked
        pool.seen = self.index
        return pool

    def on_WeightSet(self, e: WeightSet) -> None:
        self._now(e, e.pool).weight = e.weight
        self.differ(f"pools after {self.where(e)} few enough", True, len(self.pools) <= _MOST_POOLS)

    def on_LiquidityEarned(self, e: LiquidityEarned) -> None:
        """Comes before shares move."""
        pool = self._now(e, e.pool)
        amount = pool.shares[e.owner] * (pool.each - pool.counted[e.owner]) // _SCALE
        pool.counted[e.owner] = pool.each
        self.differ(self.where(e), (self.time_of(e.block) // WEEK, amount), (e.week, e.amount))
        self.earned[e.owner, e.week] += e.amount

    def on_Staked(self, e: Staked) -> None:
        self._move(e, e.shares)

    def on_Unstaked(self, e: Unstaked) -> None:
        self._move(e, -e.shares)

    def _move(self, e: Staked | Unstaked, shares: int) -> None:
        pool = self.pools[e.pool]
        self.differ(f"what {e.owner} earned before {self.where(e)}", pool.each, pool.counted[e.owner])
        pool.shares[e.owner] += shares
        self.differ(f"shares of {e.owner} after {self.where(e)} at least 0", True, pool.shares[e.owner] >= 0)

    def on_LiquidityPaid(self, e: LiquidityPaid) -> None:
        key = (e.owner, e.week)
        due = vested(self.earned[key], (e.week + 1) * WEEK, self.time_of(e.block)) - self.paid[key]
        self.differ(f"amount of {self.where(e)}", due, e.amount)
        self.paid[key] += e.amount
        self.unpaid -= e.amount
        self.expect("Reserves.Minted", Reserve.LIQUIDITY, e.owner, e.amount)

    def compare(self) -> None:
        client = self.client(Liquidity)
        kept = (client.unpaid(), client.skipped())
        self.differ("the contract's rewards that are not paid, and nobody's", (self.unpaid, self.skipped), kept)
        for number, pool in self.pools.items():
            mine = (pool.weight, pool.seen, pool.each, pool.staked)
            self.differ(f"the contract's pool {number}", mine, client.pool(number))
            self.differ(f"shares of pool {number} left here", True,
                        self.exchange.shares[number, self.address] >= pool.staked)  # fmt: skip
            for owner, shares in pool.shares.items():
                self.differ(f"the contract's shares of {owner} in pool {number}", shares, client.staked(number, owner))
        for (owner, week), amount in self.earned.items():
            self.differ(f"paid to {owner} of week {week}", self.paid[owner, week], client.paid(owner, week))
            self.differ(f"the contract's rewards of {owner} in week {week}", amount, client.earned(owner, week))


class Liquidity(Contract):
    """Rewards for shares of pools that are left here."""

    name = "Liquidity"
    events = (WeightSet, Grown, Staked, Unstaked, LiquidityEarned, LiquidityPaid)
    replay = LiquidityReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.addresses["Exchange"]

    def owners_terms(self) -> PoolWeights:
        """The weights of all pools that ever had one."""
        return PoolWeights({pool: self.pool(pool)[0] for pool in self.pools()})

    def calls_for(self, terms: Terms) -> list[bytes]:
        """A call for each weight that changes."""
        function, now = self._functions["setWeight"], dict(self.owners_terms().as_tuple())
        return [function.call_data((pool, then)) for pool, then in terms.as_tuple() if now.get(pool) != then]

    def terms_after(self, call: bytes) -> Terms | None:
        function = self._functions["setWeight"]
        if call[:4] != function.selector:
            return None
        return PoolWeights(dict([*self.owners_terms().as_tuple(), function.arguments(call)]))

    def set_weight(self, pool: int, weight: int) -> Sent:
        """Say how a pool weighs beside the others; the owner of the rules only."""
        return self._write("setWeight", pool, weight)

    def stake(self, pool: int, shares: int) -> Sent:
        """Leave shares of a pool here. Approves by itself, no more than these."""
        self._ledger.client(Exchange).ensure_allowance(self.address, pool, shares)
        return self._write("stake", pool, shares)

    def unstake(self, pool: int, shares: int) -> Sent:
        """Take shares back."""
        return self._write("unstake", pool, shares)

    def count(self, pool: int) -> Sent:
        """Count what one's shares have earned until now."""
        return self._write("count", pool)

    def claim(self, week: int) -> Sent:
        """Have what has vested of what one earned in a week, since 1970."""
        return self._write("claim", week)

    def pools(self) -> list[int]:
        """Those that ever had a weight."""
        return [int(pool) for pool in self._read("pools")]

    def pool(self, number: int) -> tuple[int, int, int, int]:
        """Its weight, what it has counted, what a share ever earned (27 decimals), and the shares here."""
        weight, index, each, staked = self._read("poolOf", number)
        return int(weight), int(index), int(each), int(staked)

    def staked(self, pool: int, owner: str) -> int:
        """Somebody's shares here."""
        return int(self._read("stakeOf", pool, owner)[0])

    def earned(self, owner: str, week: int) -> int:
        """What somebody earned in a week, so far as it was counted."""
        return int(self._read("earnedIn", owner, week))

    def paid(self, owner: str, week: int) -> int:
        """What of that was paid."""
        return int(self._read("paidOf", owner, week))

    def unpaid(self) -> int:
        """What was shared out and not minted yet."""
        return int(self._read("unpaid"))

    def skipped(self) -> int:
        """What grew while nobody had shares here."""
        return int(self._read("skipped"))

    def weeks(self, owner: str) -> list[int]:
        """Those in which somebody earned."""
        first, last = self._ledger.deployment.block, self._ledger.rpc.height()
        return sorted({e.week for e in self._said((LiquidityEarned,), first, last) if e.owner == owner})
