"""Epochs of two phases, LISTEN and CLAIM; who has arrived, and what the draws of an epoch are made from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.errors import Reverted
from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._replay import Replay
from klopf.ledger.core.rules import RulesReplay

__all__ = [
    "Arrived",
    "Clock",
    "ClockReplay",
    "Left",
    "Now",
    "Opened",
    "Phase",
]

_HURRIED = 7
"""Phases in a row that may end early without a twentieth of all stake."""


class Phase(IntEnum):
    """The two halves of an epoch."""

    LISTEN = 0
    CLAIM = 1


@dataclass(frozen=True)
class Now:
    """Where the clock stands. Times are seconds since 1970; ``time`` is the chain's own."""

    epoch: int
    phase: Phase
    deadline: int
    arrived: int
    expected: int
    time: int


@dataclass(frozen=True)
class Opened(Event):
    epoch: int
    phase: int
    deadline: int
    expected: int
    seed: bytes


@dataclass(frozen=True)
class Arrived(Event):
    id: int
    epoch: int
    phase: int


@dataclass(frozen=True)
class Left(Event):
    id: int
    epoch: int
    phase: int


class ClockReplay(Replay):
    """Epochs, phases, the roll, seeds and dispute windows."""

    def begin(self) -> None:
        self.rules = self.of(RulesReplay)
        self.epoch, self.phase, self.deadline, self.expected = 0, 1, 0, 0
        self.arrived: set[int] = set()
        self.awaited: set[int] = set()
        """Whoever has not missed a deadline since it arrived: being cut off by others who are quicker is none."""
        self.weights: dict[int, int] = defaultdict(int)
        """What each had at stake when it last arrived."""
        self.weight: Callable[[int | None], int] = lambda id: 0
        """What an id, or with None all who take part, has at stake; set by whoever keeps that account."""
        self.owing: list[Callable[[int], int]] = []
        """How many still owe something in an epoch that they would pay for; added by whoever keeps such an account."""
        self.opened_at = self.hurried = 0
        self.arrived_weight = self.expected_weight = 0
        self.turns: Counter[int] = Counter()
        """The phase in which each last arrived, as the contract numbers them."""
        self.seeds: dict[int, bytes] = {0: bytes(32)}
        self.mixes: defaultdict[int, bytes] = defaultdict(lambda: bytes(32))
        """What the beacon's values of an epoch come to; its replay writes them."""
        self.final_at: dict[int, int] = {}
        """When an epoch's dispute window ends."""
        self.windows: dict[int, int] = {}

    def on_Opened(self, e: Opened) -> None:
        at = self.where(e)
        listen = self.phase == 1
        epoch = self.epoch + 1 if listen else self.epoch
        self.differ(f"epoch and phase of {at}", (epoch, 0 if listen else 1), (e.epoch, e.phase))
        now = self.run.time_of(e.block)
        early = now < self.deadline
        if early:
            missing = self.missing(now - self.opened_at)
            self.differ(f"what was missing where {at} ended a phase before its deadline", [], missing)
        self.hurried = self.hurried + 1 if early and self.few else 0
        if not early:
            self.awaited, self.expected, self.expected_weight = self.arrived, len(self.arrived), self.arrived_weight
        self.differ(f"roll of {at}", self.expected, e.expected)
        length = self.rules.now.listen_seconds if listen else self.rules.now.claim_seconds
        self.differ(f"deadline of {at}", now + length, e.deadline)
        if listen:
            parts = (self.seeds[epoch - 1], self.mixes[epoch - 1], epoch)
            self.seeds[epoch] = keccak(encode(("bytes32", "bytes32", "uint32"), parts))
            if self.rules.closing is not None:
                self.differ(f"epoch of the rules before {at}", epoch, self.rules.since)
            window = (self.rules.closing or self.rules.now).dispute_seconds
            self.rules.closing = None
            if self.epoch and window:
                self.final_at[self.epoch] = now + window
                self.windows[self.epoch] = window
        self.differ(f"seed of {at}", self.seeds[epoch], e.seed)
        self.epoch, self.phase, self.deadline = epoch, e.phase, e.deadline
        self.arrived, self.arrived_weight, self.opened_at = set(), 0, now

    @property
    def few(self) -> bool:
        """Whether a twentieth of all that is at stake has not arrived."""
        return 20 * self.arrived_weight < 19 * self.weight(None)

    def missing(self, seconds: int) -> list[str]:
        """What keeps the running phase, ``seconds`` after it opened, from ending before its deadline."""
        rules = self.rules.closing or self.rules.now
        kept = {
            f"{rules.least_seconds} s": seconds < rules.least_seconds,
            "those expected": 50 * self.arrived_weight < 49 * self.expected_weight,
            "half of all stake": 2 * self.arrived_weight < self.weight(None),
            "a whole phase in eight": self.hurried == _HURRIED and self.few,
            "what is owed": self.phase == Phase.CLAIM and any(owed(self.epoch) for owed in self.owing),
        }
        return [what for what, is_missing in kept.items() if is_missing]

    def on_Arrived(self, e: Arrived) -> None:
        self.during(e, e.epoch, e.phase)
        self.differ(f"second arrival of {e.id}", False, e.id in self.arrived)
        self.expected += e.id not in self.awaited
        weight = self.weight(e.id)
        self.expected_weight += weight - (self.weights[e.id] if e.id in self.awaited else 0)
        self.arrived.add(e.id)
        self.awaited.add(e.id)
        self.arrived_weight += weight
        self.weights[e.id] = weight
        self.turns[e.id] = 2 * e.epoch + e.phase + 1

    def on_Left(self, e: Left) -> None:
        self.during(e, e.epoch, e.phase)
        if e.id in self.awaited:
            self.expected -= 1
            self.expected_weight -= self.weights[e.id]
        self.arrived_weight -= self.weights[e.id] if e.id in self.arrived else 0
        self.turns[e.id] = self.weights[e.id] = 0
        self.arrived.discard(e.id)
        self.awaited.discard(e.id)

    def during(self, event: Event, epoch: int, phase: int) -> None:
        """The event says that it belongs to ``epoch`` and can only happen in ``phase``: it is now."""
        self.differ(f"epoch and phase of {self.where(event)}", (self.epoch, phase), (epoch, self.phase))

    def over(self, event: Event, epoch: int) -> None:
        """The event can only happen when ``epoch`` is over: it is."""
        self.differ(f"epoch of {self.where(event)} over", True, epoch < self.epoch)

    def compare(self) -> None:
        now, the = self.client(Clock).now(), "the contract's"
        self.differ(f"{the} epoch and phase", (self.epoch, self.phase), (now.epoch, int(now.phase)))
        self.differ(f"{the} deadline", self.deadline, now.deadline)
        self.differ(f"{the} roll call", (len(self.arrived), self.expected), (now.arrived, now.expected))
        kept = (self.arrived_weight, self.expected_weight)
        self.differ(f"{the} stake at the roll call", kept, self.client(Clock).weights())


class Clock(Contract):
    """Epochs and phases."""

    name = "Clock"
    events = (Opened, Arrived, Left)
    participants = ("id",)
    replay = ClockReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["starter"]

    def now(self) -> Now:
        """Everything a participant polls, in one call. Its time is the next block's: where nobody sends, none comes."""
        epoch, phase, deadline, arrived, expected, time = self._read("status", at="pending")
        return Now(epoch, Phase(phase), deadline, arrived, expected, time)

    def turn(self) -> tuple[int, Phase]:
        """Epoch and phase as of the last block; :meth:`now` may be ahead of it by what the next block will hold."""
        number = int(self._read("turn")) - 1
        return number // 2, Phase(number % 2)

    def start(self) -> Sent:
        """Leave epoch 0, in which everybody gathers; the deployer only."""
        return self._write("start")

    def due(self) -> bool:
        """Whether :meth:`advance` would go through."""
        return bool(self._read("due", at="pending"))

    def advance(self) -> bool:
        """End a phase that is over. False where it is not, or somebody else was first."""
        if not self.due():
            return False
        try:
            self._write("advance")
        except Reverted as error:
            if error.name in ("NotDue", ""):
                return False
            raise
        return True

    def arrive(self, id: int) -> Sent:
        """Be counted as done with this phase, and expected in the next."""
        return self._write("arrive", id)

    def depart(self, id: int) -> Sent:
        """Go without holding the others up."""
        return self._write("depart", id)

    def weights(self) -> tuple[int, int]:
        """What those who have arrived in this phase have at stake, and what is waited for."""
        return int(self._read("arrivedWeight")), int(self._read("expectedWeight"))

    def window(self, epoch: int) -> tuple[int, int]:
        """When the dispute window of an epoch ends (seconds since 1970) and how long it is; zeros where it has none,
        or while the epoch runs."""
        until, length = self._read("windowOf", epoch)
        return int(until), int(length)

    def last_turn(self, id: int) -> int:
        """The phase in which ``id`` last arrived, numbered from 2 (``2 * epoch + phase + 1``); 0 for never."""
        return int(self._read("lastTurn", id))

    def seed(self, epoch: int) -> bytes:
        """What the draws of ``epoch`` are made from."""
        return bytes(self._read("seedOf", epoch))
