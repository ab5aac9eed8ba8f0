"""How much of the compute reserve may be paid in each cycle of 24 hours, and what was set aside and paid of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import KLP
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.rules import RulesReplay
from klopf.ledger.core.token import TokenReplay
from klopf.ledger.market import _reference as ref
from klopf.ledger.market.economy import EconomyReplay

__all__ = [
    "COMPUTE_RESERVE",
    "DAY",
    "Emission",
    "EmissionReplay",
    "HalvingBegan",
    "Paid",
    "PutBack",
    "Rolled",
    "SetAside",
]

DAY = 24 * 3600
COMPUTE_RESERVE = 1_000_000_000 * KLP


@dataclass(frozen=True)
class Rolled(Event):
    """A cycle of 24 hours has opened."""

    cycle: int
    effort: int
    reward: int
    market: int


@dataclass(frozen=True)
class HalvingBegan(Event):
    """At the milestone; and again, with what was left, where the owner changed the period."""

    cycle: int
    first: int
    period: int


@dataclass(frozen=True)
class SetAside(Event):
    cycle: int
    amount: int


@dataclass(frozen=True)
class PutBack(Event):
    """Set aside for the effort of cycle ``over``, and not needed."""

    over: int
    amount: int


@dataclass(frozen=True)
class Paid(Event):
    to: str
    amount: int
    for_effort: bool


class EmissionReplay(Replay):
    """The schedule, and that nothing is set aside or paid without a cause in the same transaction."""

    def begin(self) -> None:
        self.rules, self.economy, self.token = self.of(RulesReplay), self.of(EconomyReplay), self.of(TokenReplay)
        self.economy.cycle_of = self.cycle_of
        self.effort_of: Callable[[int], int] = lambda cycle: 0
        """The network's effort in a cycle, 18 decimals; set by whoever counts it."""
        self.start = self.client(Emission).start()
        self.cycle = self.market_left = self.first = self.halving_cycle = self.period = 0
        self.promised = self.token.emitted
        self.milestone = False
        self.effort_pools: dict[int, int] = defaultdict(int)
        """What each cycle may pay for effort."""
        self._aside: list[tuple[int, int]] = []  # (cycle, amount) whose cause must follow in this transaction
        self._back: list[tuple[int, int]] = []  # (cycle, amount) alike
        self._paid: Counter[tuple[str, int, bool]] = Counter()  # payments less those that had a cause

    def cycle_of(self, block: int) -> int:
        """The cycle that a block falls into."""
        return (self.time_of(block) - self.start) // DAY + 1

    @property
    def left(self) -> int:
        """What the reserve has not promised yet."""
        return COMPUTE_RESERVE - self.promised

    def on_HalvingBegan(self, e: HalvingBegan) -> None:
        period = self.economy.now.halving_cycles
        first = ref.first_reward(self.left, period)
        due = self.halving_due(e.cycle)
        self.differ(f"halving of {self.where(e)}", (True, first, period), (due, e.first, e.period))
        self.differ(f"cycle of {self.where(e)}", self.cycle_of(e.block), e.cycle)
        self.milestone, self.halving_cycle, self.first, self.period = True, e.cycle, first, period

    def halving_due(self, cycle: int) -> bool:
        """Whether a halving begins with this cycle: at the milestone, or because its period was changed."""
        if self.milestone:
            return self.period != self.economy.now.halving_cycles
        return self.effort_of(cycle - 1) >= self.economy.now.milestone

    def on_Rolled(self, e: Rolled) -> None:
        at, effort, terms = self.where(e), self.effort_of(e.cycle - 1), self.economy.now
        self.differ(f"cycle of {at}", self.cycle_of(e.block), e.cycle)
        self.differ(f"effort before {at}", effort, e.effort)
        self.differ(f"economy proposed and not adopted before {at}", None, self.economy.waiting)
        self.differ(f"halving due and not begun before {at}", False, self.halving_due(e.cycle))
        if self.milestone:
            reward = ref.reward_after_milestone(self.first, self.period, e.cycle - self.halving_cycle)
        else:
            reward = ref.reward_before_milestone(effort, terms.thresholds, terms.rewards)
        reward = min(reward, self.left)
        market = reward * self.rules.now.market_bps // 10_000
        self.differ(f"reward of {at}", reward, e.reward)
        self.differ(f"market's part of {at}", market, e.market)
        self.cycle, self.market_left, self.effort_pools[e.cycle] = e.cycle, market, reward - market

    def on_SetAside(self, e: SetAside) -> None:
        self._aside.append((e.cycle, e.amount))

    def set_aside_for(self, event: Event, cycle: int, amount: int) -> None:
        """Something follows that ``amount`` must have been set aside for."""
        at = self.where(event)
        found = self._aside.pop() if self._aside else (0, "nothing")
        self.differ(f"reward set aside for {at}", (cycle, amount), found)
        self.promised += amount

    def on_PutBack(self, e: PutBack) -> None:
        self._back.append((e.over, e.amount))

    def put_back_for(self, event: Event, cycle: int, amount: int) -> None:
        """Something follows for which ``amount`` of what was set aside is not needed."""
        found = self._back.pop() if self._back else (cycle, 0)
        self.differ(f"reward put back for {self.where(event)}", (cycle, amount), found)
        self.promised -= amount

    def on_Paid(self, e: Paid) -> None:
        self._paid[(e.to, e.amount, e.for_effort)] += 1
        self.expect("Token.Emitted", e.to, e.amount)
        self.move(ZERO, e.to, e.amount)

    def paid_for(self, to: str, amount: int, for_effort: bool) -> None:
        """Here is the cause of a payment in this transaction."""
        self._paid[(to, amount, for_effort)] -= 1

    def end_transaction(self, at: str) -> None:
        for cycle, amount in self._aside:
            self.differ(f"reward of {amount} set aside in cycle {cycle} in {at}", "for something", "for nothing")
        for (to, amount, _), surplus in self._paid.items():
            self.differ(f"rewards of {amount} for {to} in {at} without a cause", 0, surplus)
        for cycle, amount in self._back:
            self.differ(f"reward of {amount} put back in cycle {cycle} in {at}", "not needed", "without a cause")
        self._aside, self._back, self._paid = [], [], Counter()

    def compare(self) -> None:
        emission, the = self.client(Emission), "the contract's"
        self.differ(f"{the} cycle", self.cycle, emission.cycle())
        self.differ(f"{the} market's part left", self.market_left, emission.market_left())
        self.differ(f"{the} rewards set aside", self.promised, emission.promised())
        self.differ(f"{the} milestone", self.milestone, emission.milestone())
        self.differ(f"{the} halving", (self.halving_cycle, self.first, self.period), emission.halving())


class Emission(Contract):
    """How much of the compute reserve may be paid in each cycle of 24 hours."""

    name = "Emission"
    events = (Rolled, HalvingBegan, SetAside, PutBack, Paid)
    replay = EmissionReplay

    def cycle(self) -> int:
        """The last cycle that was opened; 0 for none."""
        return int(self._read("cycle"))

    def roll(self) -> Sent:
        """Open the running cycle."""
        return self._write("roll")

    def reward(self, cycle: int) -> int:
        """Compute reward of a cycle that was opened."""
        return int(self._read("rewardOf", cycle))

    def market_left(self) -> int:
        """What the running cycle still has for listening."""
        return int(self._read("marketLeft"))

    def promised(self) -> int:
        """Compute rewards set aside so far, paid or not."""
        return int(self._read("promised"))

    def start(self) -> int:
        """When cycle 1 began, in seconds since 1970."""
        return int(self._read("start"))

    def milestone(self) -> bool:
        """Whether the halving has begun."""
        return bool(self._read("milestone"))

    def halving(self) -> tuple[int, int, int]:
        """The first cycle of this halving, that cycle's reward, and the cycles of a period; zeros before it."""
        return int(self._read("halvingCycle")), int(self._read("first")), int(self._read("period"))
