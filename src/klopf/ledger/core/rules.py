"""The numbers that an epoch is played by, and their change by their owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import Parameters
from klopf.ledger._replay import Replay
from klopf.ledger.keys import checksum

__all__ = [
    "Adopted",
    "OwnershipTransferred",
    "Proposed",
    "Rules",
    "RulesReplay",
]


@dataclass(frozen=True)
class Proposed(Event):
    """``parameters`` as the contract has them; see ``Parameters.from_tuple``."""

    parameters: tuple[int, ...]


@dataclass(frozen=True)
class Adopted(Event):
    """Played from ``epoch`` on."""

    epoch: int
    parameters: tuple[int, ...]


@dataclass(frozen=True)
class OwnershipTransferred(Event):
    previous_owner: str
    new_owner: str


class RulesReplay(Replay):
    """The rules of the running epoch, and those that wait."""

    def begin(self) -> None:
        self.now = Parameters()
        self.played: dict[int, Parameters] = {}
        """By the first epoch that each was played in."""
        self.waiting: Parameters | None = None
        self.since: int | None = None
        """The epoch that they are played from; None before the first were told."""
        self.closing: Parameters | None = None
        """The rules that the closing epoch was played by, where it was not by the same."""
        self.held_until = 0
        """Until when whatever begins to thaw is held at least, in seconds since 1970: as by the rules before."""

    def on_Proposed(self, e: Proposed) -> None:
        self.waiting = Parameters.from_tuple(e.parameters)

    def on_Adopted(self, e: Adopted) -> None:
        rules = Parameters.from_tuple(e.parameters)
        self.differ(f"rules of {self.where(e)} the first", self.since is None, not e.epoch)
        if e.epoch:
            self.closing = self.now
            self.held_until = max(self.held_until, self.time_of(e.block) + self.now.thaw_seconds)
            self.differ(f"rules of epoch {e.epoch}", self.waiting, rules)
            self.waiting = None
        self.now, self.since = rules, e.epoch
        self.played[e.epoch] = rules

    def played_in(self, epoch: int) -> Parameters:
        """The rules of an epoch: what happened in it is judged by them."""
        return self.played[max(since for since in self.played if since <= epoch)]

    def thawed_at(self, time: int) -> int:
        """When what begins to thaw at ``time`` has thawed."""
        return max(time + self.now.thaw_seconds, self.held_until)

    def compare(self) -> None:
        self.differ("the contract's rules", self.now, self.client(Rules).current())


class Rules(Contract):
    """The parameters, and their change by the owner."""

    name = "Rules"
    events = (Proposed, Adopted, OwnershipTransferred)
    needs_none = (OwnershipTransferred,)
    """Who may change the rules changes none of them."""
    replay = RulesReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.owner, deploying.settings["parameters"].as_tuple()

    def current(self) -> Parameters:
        """The rules of the running epoch."""
        return Parameters.from_tuple(self._read("current"))

    def owners_terms(self) -> Parameters:
        return self.current()

    def played_in(self, epoch: int) -> Parameters:
        """The rules that an epoch was played by."""
        return Parameters.from_tuple(self._read("playedIn", epoch))

    def propose(self, parameters: Parameters) -> Sent:
        """Change the rules from the next epoch on; the owner only."""
        return self._write("propose", parameters.as_tuple())

    def owner(self) -> str:
        """Who may change the rules."""
        return checksum(self._read("owner"))
