"""Receipts that a listener signed and did not post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from klopf.ledger._client import Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._receipts import SignedReceipt, root_from
from klopf.ledger._replay import Replay
from klopf.ledger.market.settlement import Settlement, SettlementReplay
from klopf.neuron import Standing

__all__ = [
    "Dispute",
    "DisputeEnded",
    "Disputed",
    "Disputes",
    "DisputesReplay",
]


@dataclass(frozen=True)
class Dispute:
    """A receipt that a speaker's claim did not count. ``answer_by`` is in seconds since 1970."""

    leaf: bytes
    answer_by: int
    open: bool


@dataclass(frozen=True)
class Disputed(Event):
    """A speaker shows a receipt that its claim did not count."""

    epoch: int
    listener: int
    speaker: int
    leaf: bytes
    answer_by: int


@dataclass(frozen=True)
class DisputeEnded(Event):
    """``kept``: the listener showed that the receipt is in its root."""

    epoch: int
    listener: int
    speaker: int
    kept: bool


class DisputesReplay(Replay):
    """Who may dispute what and when, and what it costs whom."""

    def begin(self) -> None:
        self.settlement = self.of(SettlementReplay)
        self.clock, self.registry = self.settlement.clock, self.settlement.registry
        self.disputes: dict[tuple[int, int, int], Disputed] = {}
        self.ended: set[tuple[int, int, int]] = set()

    def on_Disputed(self, e: Disputed) -> None:
        at, which = self.where(e), (e.epoch, e.listener, e.speaker)
        self.differ(f"second dispute by {at}", False, which in self.disputes)
        self.differ(f"receipt of {at} paid before", False, which in self.settlement.counted)
        now = self.time_of(e.block)
        self.differ(f"window of {at} open", True, now < self.clock.final_at.get(e.epoch, 0))
        self.differ(f"time to answer {at}", now + self.clock.windows.get(e.epoch, 0), e.answer_by)
        self.differ(f"something posted by {e.listener} at {at}", True, (e.epoch, e.listener) in self.settlement.posts)
        self.disputes[which] = e
        self.settlement.disputed.add(e.leaf)
        self.settlement.contested[e.epoch, e.listener] += 1
        s = self.registry.members[e.speaker]
        spoke = s.standing is not Standing.NONE and s.born < e.epoch and s.stake_at(e.epoch) > 0
        self.differ(f"{e.speaker} a neuron with stake in the epoch of {at}", True, spoke)
        name = f"disputed receipt of epoch {e.epoch}, listener {e.listener}, speaker {e.speaker}"
        signed = self.settlement.receipt(e.leaf, name)
        if signed is not None:
            r = signed.receipt
            self.differ(at, (r.epoch, r.listener, r.speaker), which)
            self.settlement.check_signature(r.listener, signed, signed.listener_signature, f"receipt of {at}")

    def on_DisputeEnded(self, e: DisputeEnded) -> None:
        at, which = self.where(e), (e.epoch, e.listener, e.speaker)
        dispute, settlement = self.disputes[which], self.settlement
        self.differ(f"second end by {at}", False, which in self.ended)
        self.ended.add(which)
        if not e.kept:
            self.differ(f"{at} after the time to answer", True, self.time_of(e.block) >= dispute.answer_by)
        post = settlement.posts.get((e.epoch, e.listener))
        signed = self.run.receipts.get(dispute.leaf)
        if e.kept and post and signed is not None and signed.proof:
            self.differ(f"root of {at}", post.root, root_from(dispute.leaf, signed.proof))
        column = settlement.columns[e.epoch, e.listener]
        settlement.contested[e.epoch, e.listener] -= 1
        column.voided = column.voided or not e.kept


class Disputes(Contract):
    """Receipts that a listener signed and did not post."""

    name = "Disputes"
    events = (Disputed, DisputeEnded)
    participants = ("listener", "speaker")
    replay = DisputesReplay

    def open(self, signed: SignedReceipt, since: int | None = None) -> Sent:
        """Show a receipt that its listener signed and that this speaker's claim did not count. ``since`` is a block
        before that claim: without it, all blocks are searched for that."""
        r = signed.receipt
        heard = self._ledger.client(Settlement).heard(r.epoch, r.speaker, since)
        return self._write("open", r.as_tuple(), signed.listener_signature, heard)

    def answer(self, epoch: int, listener: int, speaker: int, proof: Sequence[bytes]) -> Sent:
        """Show that a disputed receipt is in its listener's root: nobody loses anything."""
        return self._write("answer", epoch, listener, speaker, list(proof))

    def uphold(self, epoch: int, listener: int, speaker: int) -> Sent:
        """End a dispute that was not answered in time."""
        return self._write("uphold", epoch, listener, speaker)

    def history(self, since: int, until: int, step: int = 5_000) -> list[Disputed | DisputeEnded]:
        """What was opened and ended from block ``since`` to block ``until``, in order; ``step`` blocks a request."""
        return list(self._said((Disputed, DisputeEnded), since, until, step=step))

    def get(self, epoch: int, listener: int, speaker: int) -> Dispute | None:
        """What a speaker holds against a listener; None for nothing."""
        leaf, answer_by, state = self._read("disputes", epoch, listener, speaker)
        return Dispute(leaf, answer_by, state == 1) if state else None
