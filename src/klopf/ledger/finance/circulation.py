"""Rewards for circulation, from their reserve alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.reserves import ReservesReplay
from klopf.ledger.core.token import Reserve, Token
from klopf.ledger.finance.liquidity import DAY, vested

__all__ = ["Circulation", "CirculationPaid", "CirculationPayment", "CirculationReplay", "DayClosed"]

_BURN_BPS = 100


@dataclass(frozen=True)
class CirculationPayment(Event):
    by: str
    to: str
    amount: int
    burnt: int
    what: bytes


@dataclass(frozen=True)
class DayClosed(Event):
    day: int
    burnt: int
    reward: int


@dataclass(frozen=True)
class CirculationPaid(Event):
    owner: str
    day: int
    amount: int


@dataclass
class _Day:
    burnt: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    paid: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    reward: int | None = None

    def mine(self, owner: str) -> int:
        return (self.reward or 0) * self.burnt[owner] // sum(self.burnt.values())


class CirculationReplay(Replay):
    """What was burnt for whom, and what of each day's reward is whose."""

    holds_tokens = True

    def begin(self) -> None:
        self.reserves = self.of(ReservesReplay)
        self.days: defaultdict[int, _Day] = defaultdict(_Day)
        self.unpaid = 0

    def on_CirculationPayment(self, e: CirculationPayment) -> None:
        self.differ(f"burnt of {self.where(e)}", -(-e.amount * _BURN_BPS // 10_000), e.burnt)
        self.days[self.time_of(e.block) // DAY].burnt[e.by] += e.burnt
        self.move(e.by, self.address, e.amount)
        self.move(self.address, ZERO, e.burnt)
        self.move(self.address, e.to, e.amount - e.burnt)

    def on_DayClosed(self, e: DayClosed) -> None:
        day, now = self.days[e.day], self.time_of(e.block)
        burnt = sum(day.burnt.values())
        self.differ(f"day of {self.where(e)} over and not closed", (True, None), (now // DAY > e.day, day.reward))
        grown = self.reserves.taps[Reserve.CIRCULATION].available(now) - self.unpaid
        self.differ(self.where(e), (burnt, min(grown, burnt // 2)), (e.burnt, e.reward))
        day.reward = e.reward
        self.unpaid += e.reward

    def on_CirculationPaid(self, e: CirculationPaid) -> None:
        day = self.days[e.day]
        due = vested(day.mine(e.owner), (e.day + 1) * DAY, self.time_of(e.block)) - day.paid[e.owner]
        self.differ(f"amount of {self.where(e)}", due, e.amount)
        day.paid[e.owner] += e.amount
        self.unpaid -= e.amount
        self.expect("Reserves.Minted", Reserve.CIRCULATION, e.owner, e.amount)

    def owed(self) -> int:
        return 0

    def compare(self) -> None:
        client = self.client(Circulation)
        self.differ("the contract's rewards that are not paid", self.unpaid, client.unpaid())
        for number, day in self.days.items():
            mine = (sum(day.burnt.values()), day.reward or 0, day.reward is not None)
            self.differ(f"the contract's day {number}", mine, client.day(number))
            for owner, amount in day.burnt.items():
                self.differ(f"burnt for {owner} on day {number}", amount, client.burnt(number, owner))
                self.differ(f"paid to {owner} of day {number}", day.paid[owner], client.paid(number, owner))


class Circulation(Contract):
    """Payments of which a hundredth is burnt, and their rewards."""

    name = "Circulation"
    events = (CirculationPayment, DayClosed, CirculationPaid)
    replay = CirculationReplay

    def pay(self, to: str, amount: int, what: bytes = bytes(32)) -> Sent:
        """Pay somebody; a hundredth of the amount is burnt. Approves by itself."""
        self._ledger.client(Token).ensure_allowance(self.address, amount)
        return self._write("pay", to, amount, what)

    def close(self, day: int) -> Sent:
        """Set the reward of a day (since 1970) that is over."""
        return self._write("close", day)

    def claim(self, day: int) -> Sent:
        """Have what has vested of one's part of a day's reward."""
        return self._write("claim", day)

    def day(self, number: int) -> tuple[int, int, bool]:
        """What was burnt on a day, its reward, and whether that is set."""
        burnt, reward, closed = self._read("dayOf", number)
        return int(burnt), int(reward), bool(closed)

    def burnt(self, day: int, owner: str) -> int:
        """What was burnt for somebody on a day."""
        return int(self._read("burntOf", day, owner))

    def paid(self, day: int, owner: str) -> int:
        """What somebody had of a day's reward."""
        return int(self._read("paidOf", day, owner))

    def unpaid(self) -> int:
        """What is promised and not minted yet."""
        return int(self._read("unpaid"))

    def days(self, owner: str) -> list[int]:
        """Those on which somebody paid."""
        first, last = self._ledger.deployment.block, self._ledger.rpc.height()
        said = [e for e in self._said((CirculationPayment,), first, last) if e.by == owner]
        return sorted({self._ledger.rpc.time_of(e.block) // DAY for e in said})
