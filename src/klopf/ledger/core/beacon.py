"""The beacon: chains of hashes whose values, shown one an epoch and mixed, are what every draw is made from.

A participant commits to the last of a long chain of hashes and shows, epoch by epoch, the value before. It cannot
change a value, only hold one back, which is one bit of bias and costs stake. See ``contracts/src/core/IBeacon.sol``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import BeaconTerms
from klopf.ledger._replay import Replay
from klopf.ledger.core.clock import Clock, ClockReplay, Phase
from klopf.ledger.core.stake import Stake, StakeReplay
from klopf.ledger.keys import Key

__all__ = [
    "LENGTH",
    "Beacon",
    "BeaconReplay",
    "Bound",
    "Chain",
    "Missed",
    "Proposed",
    "Shown",
    "Unbound",
    "values_of",
]

LENGTH = 4096
"""Values of a chain that Klopf's participants bind; with the last of them shown, another is bound."""
_PAGE = 40
"""Participants in a transaction that settles what they missed."""


@dataclass(frozen=True)
class Chain:
    """The chain of a participant as the contract keeps it; ``since`` is 0 for none."""

    tip: bytes
    next: bytes
    weight: int
    since: int
    last: int
    round: int
    shown: int
    ending: bool


@dataclass(frozen=True)
class Bound(Event):
    id: int
    since: int
    round: int
    tip: bytes


@dataclass(frozen=True)
class Shown(Event):
    id: int
    epoch: int
    value: bytes
    weight: int


@dataclass(frozen=True)
class Missed(Event):
    id: int
    epoch: int
    excused: bool


@dataclass(frozen=True)
class Unbound(Event):
    id: int
    epoch: int


@dataclass(frozen=True)
class Proposed(Event):
    """``terms`` as the contract has them; see ``BeaconTerms``."""

    epoch: int
    terms: tuple[int, ...]


@lru_cache(64)  # 0.3 MB each; so many neurons live in a process
def values_of(key: Key, network: str, id: int, round: int) -> tuple[bytes, ...]:
    """The values of the ``round``-th chain of ``id``, whose key is ``key``, first to last; the last is the tip.

    Made from a signature of the key and nothing else, so that a participant that lost all but its key goes on.
    """
    seed = keccak(b"klopf beacon" + bytes.fromhex(network[2:]) + id.to_bytes(4, "big") + round.to_bytes(4, "big"))
    values = [keccak(key.sign(seed))]
    for _ in range(LENGTH):
        values.append(keccak(values[-1]))
    return tuple(values)


@dataclass
class _Kept:
    tip: bytes = bytes(32)
    next: bytes = bytes(32)
    weight: int = 0
    since: int = 0
    last: int = 0
    round: int = 0
    shown: int = 0
    ending: bool = False


class BeaconReplay(Replay):
    """Everybody's chain, what was shown and what was missed."""

    def begin(self) -> None:
        self.clock, self.stake = self.of(ClockReplay), self.of(StakeReplay)
        self.chains: defaultdict[int, _Kept] = defaultdict(_Kept)
        self.shown: defaultdict[int, int] = defaultdict(int)
        self.bound: list[tuple[int, int]] = [(0, 0)]
        """From which epoch on how much stake is bound."""
        self.terms: list[tuple[int, BeaconTerms]] = []
        self.clock.owing.append(self.unshown)

    def unshown(self, epoch: int) -> int:
        """How many have a value of ``epoch``, the running one, to show still."""
        return sum(0 < c.since <= epoch and c.last < epoch for c in self.chains.values())

    def on_Proposed(self, e: Proposed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch + 1 if self.terms else 0, e.epoch)
        self.terms.append((e.epoch, BeaconTerms(*e.terms)))

    def on_Bound(self, e: Bound) -> None:
        c, epoch = self.chains[e.id], self.clock.epoch
        c.round += 1
        self.differ(f"round and first epoch of {self.where(e)}", (c.round, epoch + 1), (e.round, e.since))
        if c.since:
            self.differ(f"chain after the chain of {self.where(e)}", (bytes(32), False), (c.next, c.ending))
            c.next = e.tip
            return
        staked = self.stake.accounts[e.id].staked
        self.differ(f"stake of {self.where(e)} enough", True, staked >= self.terms_in(epoch).least)
        c.tip, c.since, c.last, c.shown = e.tip, epoch + 1, epoch, 0
        self.weigh(c, staked)

    def on_Unbound(self, e: Unbound) -> None:
        c, epoch = self.chains[e.id], self.clock.epoch
        self.differ(f"epoch of {self.where(e)}", epoch, e.epoch)
        if c.since > epoch or c.last == epoch:
            self.cut(c)
        else:
            c.ending = True

    def on_Shown(self, e: Shown) -> None:
        at, c, epoch = self.where(e), self.chains[e.id], self.clock.epoch
        self.clock.during(e, e.epoch, Phase.CLAIM)
        self.differ(f"chain of {at} bound for epoch {epoch}", True, 0 < c.since <= epoch and c.last < epoch)
        self.differ(f"hash of the value of {at}", c.tip, keccak(e.value))
        self.differ(f"stake of {at}", self.stake.registry.members[e.id].stake_at(epoch), e.weight)
        part = keccak(encode(("uint32", "uint32", "bytes32"), (e.id, epoch, e.value)))
        self.clock.mixes[epoch] = bytes(a ^ b for a, b in zip(self.clock.mixes[epoch], part, strict=True))
        self.shown[epoch] += e.weight
        c.tip, c.last, c.shown = e.value, epoch, c.shown + 1
        self.weigh(c, e.weight)
        if c.next != bytes(32):
            c.tip, c.next, c.shown = c.next, bytes(32), 0
        if c.ending:
            self.cut(c)

    def on_Missed(self, e: Missed) -> None:
        c = self.chains[e.id]
        due, terms = max(c.last + 1, c.since), self.terms_in(e.epoch)
        self.differ(f"epoch of {self.where(e)}", due, e.epoch)
        had_to = [weight for since, weight in self.bound if since <= e.epoch][-1]
        poor = self.stake.registry.members[e.id].stake_at(e.epoch) < terms.least
        if not poor:
            self.clock.over(e, e.epoch)
        excused = self.shown[e.epoch] * 2 < had_to or poor
        self.differ(f"excuse of {self.where(e)}", excused, e.excused)
        self.cut(c)
        if not excused:
            account = self.stake.accounts[e.id]
            taken = [-(-amount * terms.miss_bps // 10_000) for amount in (account.staked, account.thawing)]
            self.expect("Stake.Slashed", e.id, e.epoch, *taken)

    def terms_in(self, epoch: int) -> BeaconTerms:
        """The terms of an epoch."""
        return [terms for since, terms in self.terms if since <= epoch][-1]

    def weigh(self, c: _Kept, weight: int) -> None:
        """The chain counts for ``weight`` from the next epoch on."""
        if weight != c.weight:
            self.bound.append((self.clock.epoch + 1, self.bound[-1][1] - c.weight + weight))
        c.weight = weight

    def cut(self, c: _Kept) -> None:
        """The chain is no more."""
        self.weigh(c, 0)
        c.tip, c.next, c.since, c.ending = bytes(32), bytes(32), 0, False

    def compare(self) -> None:
        beacon, the = self.client(Beacon), "the contract's"
        self.differ(f"{the} terms of the beacon", self.terms_in(self.clock.epoch), beacon.terms())
        for id in self.stake.registry.members:
            kept = self.chains[id]
            said = Chain(**{name: getattr(kept, name) for name in Chain.__dataclass_fields__})
            self.differ(f"{the} chain of {id}", said, beacon.chain(id))
        now = self.clock.epoch
        self.differ(f"{the} values still to be shown", self.unshown(now), beacon.owed(now))
        for epoch in range(1, now + 1):
            self.differ(f"{the} mix of epoch {epoch}", self.clock.mixes[epoch], beacon.mix(epoch))


class Beacon(Contract):
    """What every draw is made from."""

    name = "Beacon"
    events = (Bound, Shown, Missed, Unbound, Proposed)
    participants = ("id",)
    replay = BeaconReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, deploying.settings["beacon"].as_tuple()

    def bind(self, id: int, tip: bytes) -> Sent:
        """Bind a chain that ends in ``tip`` from the next epoch on, or after the one that is bound."""
        return self._write("bind", id, tip)

    def unbind(self, id: int) -> Sent:
        """Be bound no longer from the next epoch on; the value of the running one must still be shown."""
        return self._write("unbind", id)

    def show(self, id: int, value: bytes) -> Sent:
        """Show the value of the running epoch, in CLAIM."""
        return self._write("show", id, value)

    def settle(self, ids: Sequence[int]) -> Sent:
        """Take what it costs from those who held a value back; whoever did not is passed over. Anybody may."""
        return self._write_pages("settle", ids, most=_PAGE)

    def owners_terms(self) -> BeaconTerms:
        return self.terms()

    def propose(self, terms: BeaconTerms) -> Sent:
        """Change the terms from the next epoch on; the owner of the rules only."""
        return self._write("propose", terms.as_tuple())

    def take_part(self, id: int, leaving: bool = False) -> Sent | None:
        """Do what ``id``, whose key this ledger has, owes the beacon now, if anything: own up to a value that it
        missed or cannot show, bind a chain where it has none, show the value of a running CLAIM, have another ready
        before the last value is used up. Whoever is ``leaving`` binds none and ends the one it has."""
        (epoch, phase), chain = self._ledger.client(Clock).turn(), self.chain(id)
        due = max(chain.last + 1, chain.since)
        if chain.since > 0 and due < epoch:
            return self.settle([id])
        enough = self.terms().least
        if chain.since > 0 and due == epoch and self._ledger.client(Stake).at(id, epoch) < enough:
            return self.settle([id])  # it cannot be shown: nobody waits for it
        if phase is Phase.CLAIM and due == epoch:
            if leaving and not chain.ending:
                self.unbind(id)
            round = chain.round - (chain.next != bytes(32))
            return self.show(id, self._values(id, round)[LENGTH - 1 - chain.shown])
        if leaving:
            return self.unbind(id) if chain.since and not chain.ending else None
        used_up = chain.next == bytes(32) and chain.shown >= LENGTH - 8
        if used_up or (chain.since == 0 and self._ledger.client(Stake).account(id).staked >= enough):
            return self.bind(id, self._values(id, chain.round + 1)[-1])
        return None

    def _values(self, id: int, round: int) -> tuple[bytes, ...]:
        return values_of(self._ledger.me, self._ledger.deployment.directory, id, round)

    def chain(self, id: int) -> Chain:
        """The chain of ``id``."""
        return Chain(*self._read("chainOf", id))

    def terms(self) -> BeaconTerms:
        """The terms of the running epoch."""
        return BeaconTerms(*self._read("terms"))

    def mix(self, epoch: int) -> bytes:
        """What was shown in ``epoch``, mixed."""
        return bytes(self._read("mixOf", epoch))

    def turnout(self, epoch: int) -> tuple[int, int]:
        """The stake of those who showed a value in ``epoch``, and of those who had to."""
        shown, bound = self._read("turnout", epoch)
        return int(shown), int(bound)

    def owed(self, epoch: int) -> int:
        """How many have a value of ``epoch`` to show still: its CLAIM does not end early without them."""
        return int(self._read("owed", epoch))
