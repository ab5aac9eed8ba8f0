"""Auditors' pay: for audits that stood, out of the market's part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract, Deploying
from klopf.ledger._parameters import AuditShare, Terms
from klopf.ledger._replay import Replay
from klopf.ledger.audit.audits import AuditsReplay, Result, Revealed, rows_of
from klopf.ledger.core.clock import Clock
from klopf.ledger.evidence.challenges import ChallengesReplay, Opening, Place, State
from klopf.ledger.market.emission import EmissionReplay
from klopf.ledger.market.settlement import SettlementReplay

__all__ = ["AuditPay", "AuditPayReplay", "Collected", "Proposed", "drawn_question"]


@dataclass(frozen=True)
class Proposed(Event):
    """The share of an epoch's pool from epoch ``since`` on, in 1/10,000."""

    since: int
    share_bps: int


@dataclass(frozen=True)
class Collected(Event):
    """An auditor was paid for what its findings of an epoch told, ``counted`` questions."""

    epoch: int
    auditor: int
    owner: str
    counted: int
    amount: int


def drawn_question(seed: bytes, epoch: int, auditor: int, results: Sequence[Result]) -> Place | None:
    """The question that an auditor must show to be paid for ``epoch``, by the seed of the next one; None for none."""
    counts = [(r.neuron, task, r.counts[task].asked) for r in sorted(results, key=lambda r: r.neuron)
              for task in sorted(r.counts)]  # fmt: skip
    questions = sum(asked for _, _, asked in counts)
    if not questions:
        return None
    place = int.from_bytes(keccak(encode(("bytes32", "uint32"), (seed, auditor)))) % questions
    for neuron, task, asked in counts:
        if place < asked:
            return Place(epoch, auditor, neuron, task, place)
        place -= asked
    raise AssertionError("a place beyond all questions")


class AuditPayReplay(Replay):
    """Who was paid for which epoch, and that this was due."""

    def begin(self) -> None:
        self.audits, self.challenges = self.of(AuditsReplay), self.of(ChallengesReplay)
        self.emission, self.registry = self.of(EmissionReplay), self.audits.registry
        self.settlement = self.of(SettlementReplay)
        self.paid: set[tuple[int, int]] = set()
        self._said: dict[int, int] = {}

    def on_Proposed(self, e: Proposed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.audits.clock.epoch + 1 if self._said else 0, e.since)
        self.differ(f"share of {self.where(e)} at most a fifth", True, e.share_bps <= 2000)
        self._said[e.since] = e.share_bps

    def share(self, epoch: int) -> int:
        """What counts in an epoch, in 1/10,000."""
        return self._said[max(since for since in self._said if since <= epoch)]

    def price(self, epoch: int) -> int:
        """What one question of an epoch is worth."""
        questions, pool = self.audits.counted[epoch], self.settlement.totals[epoch].pool
        return pool * self.share(epoch) // (10_000 * questions) if questions else 0

    def on_Collected(self, e: Collected) -> None:
        at, who = self.where(e), (e.epoch, e.auditor)
        self.differ(f"second pay of {e.auditor} for epoch {e.epoch}", False, who in self.paid)
        self.paid.add(who)
        window = self.challenges.length(e.epoch)
        late = self.time_of(e.block) >= self.audits.shown_at[who] + 2 * window
        self.differ(f"{at} after all doubts", True, late and self.audits.clock.epoch > e.epoch)
        doubts = {d.state for d in self.challenges.doubts.values() if (d.place.epoch, d.place.auditor) == who}
        self.differ(f"{at} of what stood", (False, set()), (who in self.audits.punished, doubts - {State.SHOWN}))
        counted = 0
        for (epoch, neuron), found in self.audits.findings.items():
            mine = dict(found).get(e.auditor)
            if epoch == e.epoch and mine is not None:
                self.differ(f"audit of {neuron} concluded before {at}", True, (epoch, neuron) in self.audits.concluded)
                marked = self.audits.marked(epoch, neuron, e.auditor)
                self.differ(f"mark of {e.auditor} about {neuron} at {at}", False, marked)
                bound = (epoch, neuron, e.auditor) in self.audits.bound
                if bound and not mine.counts.keys().isdisjoint(self.audits.medians(epoch, found)):
                    counted += self.audits.told(epoch, mine)
        owner, amount = self.registry.members[e.auditor].owner, self.price(e.epoch) * counted
        self.differ(at, (owner, counted, amount), (e.owner, e.counted, e.amount))
        self.emission.market_left -= amount
        self.emission.set_aside_for(e, self.emission.cycle, amount)
        self.emission.paid_for(owner, amount, for_effort=False)

    def compare(self) -> None:
        for epoch, auditor in self.paid:
            said = self.client(AuditPay).paid(epoch, auditor)
            self.differ(f"the contract's pay of {auditor} for epoch {epoch}", True, said)
        for epoch in (self.audits.clock.epoch, self.audits.clock.epoch + 1):  # what waits, too
            share = self.client(AuditPay).counted_in(epoch).share_bps
            self.differ(f"the contract's share of audits in epoch {epoch}", self.share(epoch), share)


class AuditPay(Contract):
    """Pay for audits that stood."""

    name = "AuditPay"
    events = (Proposed, Collected)
    participants = ("auditor",)
    replay = AuditPayReplay

    @classmethod
    def arguments(cls, deploying: Deploying) -> tuple[Any, ...]:
        return deploying.directory, AuditShare().share_bps

    def current(self) -> AuditShare:
        """The share that counts in the running epoch."""
        return AuditShare(int(self._read("current")))

    def counted_in(self, epoch: int) -> AuditShare:
        """The share that counts in an epoch."""
        return AuditShare(int(self._read("countedIn", epoch)))

    def owners_terms(self) -> AuditShare:
        return self.current()

    def calls_for(self, terms: Terms) -> list[bytes]:
        return [self._functions["propose"].call_data(terms.as_tuple())]

    def terms_after(self, call: bytes) -> Terms | None:
        propose = self._functions["propose"]
        return AuditShare(*decode(propose.inputs, call[4:])) if call[:4] == propose.selector else None

    def propose(self, share: AuditShare) -> Sent:
        """Change it from the next epoch on; the owner of the rules only."""
        return self._write("propose", share.share_bps)

    def price(self, epoch: int) -> int:
        """What one question of an epoch that is over is worth."""
        return int(self._read("priceDown", epoch))

    def paid(self, epoch: int, auditor: int) -> bool:
        """Whether an auditor was paid for an epoch."""
        return bool(self._read("paid", epoch, auditor))

    def lot(self, epoch: int, auditor: int, results: Sequence[Result]) -> Place | None:
        """The question that must be shown to be paid for an epoch that is over; None where nothing was counted."""
        return drawn_question(self._ledger.client(Clock).seed(epoch + 1), epoch, auditor, results)

    def collect(self, revealed: Revealed, key: str, opening: Opening) -> Sent:
        """Pay an auditor's owner for what it ``revealed`` with ``key``, showing the question that :meth:`lot` names."""
        rows = rows_of(revealed.results)
        return self._write("collect", revealed.epoch, revealed.auditor, key, rows, revealed.salt, opening.as_tuple())
