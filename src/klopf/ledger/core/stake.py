"""What a participant can lose."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._replay import ZERO, Replay
from klopf.ledger.core.registry import RegistryReplay
from klopf.ledger.core.token import Token

__all__ = [
    "Account",
    "Burnt",
    "Slashed",
    "Stake",
    "StakeReplay",
    "Staked",
    "Thawing",
    "Withdrawn",
]


@dataclass(frozen=True)
class Account:
    """What a participant has at stake."""

    staked: int
    thawing: int
    ready_at: int
    slashed: int


@dataclass(frozen=True)
class Staked(Event):
    id: int
    sender: str
    amount: int


@dataclass(frozen=True)
class Thawing(Event):
    id: int
    amount: int
    ready_at: int


@dataclass(frozen=True)
class Withdrawn(Event):
    id: int
    to: str
    amount: int


@dataclass(frozen=True)
class Slashed(Event):
    id: int
    epoch: int
    from_staked: int
    from_thawing: int


@dataclass(frozen=True)
class Burnt(Event):
    """Spent on work that ``id`` signed for as its receiver."""

    id: int
    amount: int


@dataclass
class _Kept:
    staked: int = 0
    thawing: int = 0
    ready_at: int = 0
    slashed: int = 0


class StakeReplay(Replay):
    """Stakes, what thaws and what was slashed. What a stake means for standing is the registry's."""

    holds_tokens = True

    def begin(self) -> None:
        self.registry = self.of(RegistryReplay)
        self.accounts: dict[int, _Kept] = defaultdict(_Kept)
        self.finders: dict[int, tuple[str, int, bool]] = {}
        """Who found a fault for which stake is taken next from a participant, which part of it is due to that one, and
        whether the rest is burnt."""

    def on_Staked(self, e: Staked) -> None:
        account = self.accounts[e.id]
        account.staked += e.amount
        self.move(e.sender, self.address, e.amount)
        self.registry.restake(e.id, account.staked, fell=False)

    def on_Thawing(self, e: Thawing) -> None:
        account = self.accounts[e.id]
        account.staked -= e.amount
        account.thawing += e.amount
        account.ready_at = e.ready_at
        due = self.registry.rules.thawed_at(self.time_of(e.block))
        self.differ(f"time of {self.where(e)}", due, e.ready_at)
        self.differ(f"stake of {e.id} after {self.where(e)} at least 0", True, account.staked >= 0)
        self.registry.restake(e.id, account.staked, fell=True)

    def on_Withdrawn(self, e: Withdrawn) -> None:
        account = self.accounts[e.id]
        self.differ(f"receiver of {self.where(e)}", self.registry.members[e.id].owner, e.to)
        self.move(self.address, e.to, e.amount)
        self.differ(f"amount of {self.where(e)}", account.thawing, e.amount)
        account.thawing = 0

    def on_Slashed(self, e: Slashed) -> None:
        account, taken = self.accounts[e.id], e.from_staked + e.from_thawing
        self.must(e, e.id, e.epoch, e.from_staked, e.from_thawing)
        account.staked -= e.from_staked
        account.thawing -= e.from_thawing
        account.slashed += taken
        treasury = self.run.ledger.deployment.treasury
        finder, part, burns = self.finders.pop(e.id, ("", 0, False))
        reward = taken // part if part else 0
        if reward:
            self.move(self.address, finder, reward)
        self.move(self.address, ZERO if burns else treasury, taken - reward)
        self.registry.restake(e.id, account.staked, fell=True)

    def on_Burnt(self, e: Burnt) -> None:
        account = self.accounts[e.id]
        self.must(e, e.id, e.amount)
        account.staked -= e.amount
        self.differ(f"stake of {e.id} after {self.where(e)} at least 0", True, account.staked >= 0)
        self.move(self.address, ZERO, e.amount)
        self.registry.restake(e.id, account.staked, fell=True)

    def owed(self) -> int:
        return sum(account.staked + account.thawing for account in self.accounts.values())

    def compare(self) -> None:
        for id in self.registry.members:
            kept, found = self.accounts[id], self.client(Stake).account(id)
            said = (found.staked, found.thawing, found.slashed)
            self.differ(f"stake of {id}", (kept.staked, kept.thawing, kept.slashed), said)
            self.differ(f"thaw of {id}", kept.ready_at, found.ready_at)


class Stake(Contract):
    """What a participant can lose."""

    name = "Stake"
    events = (Staked, Thawing, Withdrawn, Slashed, Burnt)
    participants = ("id",)
    replay = StakeReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.treasury

    def stake(self, id: int, amount: int) -> Sent:
        """Put tokens at stake for ``id``; approves by itself. They belong to the owner of ``id`` from then on."""
        self._ledger.client(Token).ensure_allowance(self.address, amount)
        return self._write("stake", id, amount)

    def unstake(self, id: int, amount: int) -> Sent:
        """Begin to take ``amount`` back."""
        return self._write("unstake", id, amount)

    def withdraw(self, id: int) -> Sent:
        """Pay thawed tokens to the owner."""
        return self._write("withdraw", id)

    def account(self, id: int) -> Account:
        """What ``id`` has at stake."""
        return Account(*self._read("account", id))

    def at(self, id: int, epoch: int) -> int:
        """What ``id`` had staked when ``epoch`` opened."""
        return int(self._read("stakeAt", id, epoch))
