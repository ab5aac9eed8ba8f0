"""What a network's events come to, event by event: a summary of a whole run and a page that follows one count alike."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from klopf.ledger import events
from klopf.network._summary import tokens
from klopf.neuron import Standing

__all__ = ["Known", "Paid", "Tally"]

NOBODY = "0x" + "00" * 20
OPEN = 2
"""Epochs whose ranks are kept one by one; claims of older ones are over."""


@dataclass
class Paid:
    """What a neuron was paid in an epoch, in units of 10**-18."""

    epoch: int
    neuron: int
    emission: int
    fees: dict[int, int] = field(default_factory=dict)
    """By requester, which paid them by voucher."""

    @property
    def amount(self) -> int:
        return self.emission + sum(self.fees.values())


@dataclass
class Known:
    """A participant, as events tell of it."""

    id: int
    role: int = 0
    owner: str = ""
    model: str = ""
    standing: Standing = Standing.NONE
    audit: dict[str, float] = field(default_factory=dict)
    """The last audit's medians by task, in [0, 1]."""
    passed: bool = False
    emission: int = 0
    fees: int = 0
    slashed: int = 0
    staked: int = 0
    gone: bool = False

    @property
    def earned(self) -> Decimal:
        return tokens(self.emission + self.fees)


class Tally:
    """Takes events in block order; what it keeps grows with participants, not with events, but for ``payments``:
    whoever follows a network for long takes out what is there now and then, and finds those that came or changed since.
    """

    def __init__(self) -> None:
        self.everybody: dict[int, Known] = {}
        self.payments: dict[tuple[int, int], Paid] = {}
        """By (epoch, neuron), in the order in which they were collected; also those of nothing."""
        self.transactions = self.supply = self.epoch = self.phase = 0
        self.changed: set[int] = set()
        """Who is not as before, for whoever looks now and then, and empties it;"""
        self.all_changed = False
        """and whether everybody's part of the listening is another."""
        self._transaction = ""
        self._ranks: dict[int, dict[int, int]] = {}
        self._heard: dict[int, float] = defaultdict(float)
        self._counted = 0
        self._claimed: set[tuple[int, int]] = set()
        # by neuron, by epoch, by requester
        self._vouchers: dict[int, dict[int, dict[int, int]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(int))
        )
        self._collected = 0  # the last epoch of which anything was
        self._latest: dict[int, Paid] = {}

    def take(self, event: events.Event) -> None:
        """Count one more event."""
        if event.transaction != self._transaction:
            self._transaction, self.transactions = event.transaction, self.transactions + 1
        take = _TAKES.get(type(event))
        if take is not None:
            take(self, event)

    def heard(self) -> dict[int, float]:
        """Each neuron's part of all ranks, the epochs counting alike, in [0, 1]."""
        shares, counted = dict(self._heard), self._counted
        for column in self._ranks.values():
            if total := sum(column.values()):
                counted += 1
                for speaker, rank in column.items():
                    shares[speaker] = shares.get(speaker, 0.0) + rank / total
        return {speaker: share / counted for speaker, share in shares.items()} if counted else {}

    def _of(self, id: int) -> Known:
        self.changed.add(id)
        return self.everybody.setdefault(id, Known(id))

    def _registered(self, e: events.registry.Registered) -> None:
        it = self._of(e.id)
        it.role, it.owner, it.model = e.role, e.owner, e.model

    def _model(self, e: events.registry.ModelChanged) -> None:
        self._of(e.id).model = e.model

    def _standing(self, e: events.registry.StandingChanged) -> None:
        self._of(e.id).standing = Standing(e.after)

    def _gone(self, e: events.registry.Gone) -> None:
        self._of(e.id).gone = True

    def _concluded(self, e: events.audits.Concluded) -> None:
        if e.medians:
            it = self._of(e.neuron)
            it.audit, it.passed = {task: median / 10_000 for task, median in e.medians.items()}, e.passed

    def _staked(self, e: events.stake.Staked) -> None:
        self._of(e.id).staked += e.amount

    def _thawing(self, e: events.stake.Thawing) -> None:
        self._of(e.id).staked -= e.amount

    def _slashed(self, e: events.stake.Slashed) -> None:
        it = self._of(e.id)
        it.slashed += e.from_staked + e.from_thawing
        it.staked -= e.from_staked

    def _burnt(self, e: events.stake.Burnt) -> None:
        self._of(e.id).staked -= e.amount

    def _opened(self, e: events.clock.Opened) -> None:
        self.epoch, self.phase = e.epoch, e.phase

    def _moved(self, e: events.token.Transfer) -> None:
        self.supply += e.value * ((e.sender == NOBODY) - (e.to == NOBODY))

    def _claim(self, e: events.settlement.Claimed) -> None:
        if e.epoch not in self._ranks:
            self._ranks[e.epoch] = {}
            for over in sorted(self._ranks)[:-OPEN]:
                self._close(over)
        self._ranks[e.epoch][e.speaker] = e.rank
        self._claimed.add((e.epoch, e.speaker))
        self.all_changed = True

    def _close(self, epoch: int) -> None:
        column = self._ranks.pop(epoch)
        if total := sum(column.values()):
            self._counted += 1
            for speaker, rank in column.items():
                self._heard[speaker] += rank / total

    def _redeemed(self, e: events.vouchers.Redeemed) -> None:
        """Vouchers count in the epoch in which they were redeemed, and in the last that was collected where that was
        later."""
        self._vouchers[e.neuron][self.epoch][e.requester] += e.amount
        if self.epoch >= self._collected and (paid := self._latest.get(e.neuron)):
            paid.fees[e.requester] = paid.fees.get(e.requester, 0) + e.amount
            self._of(e.neuron).fees += e.amount
            self.payments[paid.epoch, paid.neuron] = paid

    def _collect(self, e: events.settlement.Collected) -> None:
        if e.epoch > self._collected:
            self._advance(e.epoch)
        if (e.epoch, e.id) not in self._claimed:
            return
        self._claimed.discard((e.epoch, e.id))
        paid = self.payments[e.epoch, e.id] = Paid(e.epoch, e.id, e.emitted, self._fees(e.epoch, e.id))
        it = self._of(e.id)
        it.emission += e.emitted
        it.fees += sum(paid.fees.values())
        if e.epoch == self._collected:
            self._latest[e.id] = paid
        else:
            self._vouchers[e.id].pop(e.epoch, None)

    def _fees(self, epoch: int, neuron: int) -> dict[int, int]:
        """What vouchers come to in ``epoch``, with all that came later where it is the last that was collected."""
        found: dict[int, int] = defaultdict(int)
        last = max(self.epoch, epoch) if epoch == self._collected else epoch
        for at, paid in self._vouchers[neuron].items():
            if epoch <= at <= last:
                for requester, amount in paid.items():
                    found[requester] += amount
        return dict(found)

    def _advance(self, epoch: int) -> None:
        """A later epoch is collected for the first time: what came after the one before is not that one's any more."""
        before, latest, self._collected, self._latest = self._collected, self._latest, epoch, {}
        for neuron, paid in latest.items():
            fees = self._fees(before, neuron)
            if fees != paid.fees:
                self._of(neuron).fees += sum(fees.values()) - sum(paid.fees.values())
                paid.fees = fees
                self.payments[before, neuron] = paid
            self._vouchers[neuron].pop(before, None)


_TAKES: dict[type[events.Event], Any] = {
    events.registry.Registered: Tally._registered, events.registry.ModelChanged: Tally._model,
    events.registry.StandingChanged: Tally._standing, events.registry.Gone: Tally._gone,
    events.audits.Concluded: Tally._concluded, events.stake.Staked: Tally._staked,
    events.stake.Thawing: Tally._thawing, events.stake.Slashed: Tally._slashed, events.stake.Burnt: Tally._burnt,
    events.clock.Opened: Tally._opened, events.token.Transfer: Tally._moved,
    events.settlement.Claimed: Tally._claim, events.settlement.Collected: Tally._collect,
    events.vouchers.Redeemed: Tally._redeemed,
}  # fmt: skip
