"""Why a neuron was paid what it was paid in an epoch: from the money back to the receipts, by the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from klopf import ledger, peers
from klopf.errors import PeersError
from klopf.ledger import events
from klopf.network._blocks import Blocks
from klopf.network._folder import Run
from klopf.network._own import Own
from klopf.network._summary import tokens
from klopf.neuron import Standing

__all__ = ["Explanation", "Fee", "Receipt", "explain"]

WHOLE = 65_535
"""A weight, a consensus or kappa of one."""


@dataclass(frozen=True)
class Receipt:
    """What one listener said of the neuron, both having signed."""

    listener: str
    stake: Decimal
    """What the listener's word weighed in this epoch, in KLP; 0 for one who was not bound to listen."""
    weight: float
    """The part of its attention that it gave, in [0, 1]."""
    counted: float
    """That, cut to the consensus."""
    answers: int
    leaf: str
    """Hash of the receipt, as in the tree whose root the listener posted."""


@dataclass(frozen=True)
class Fee:
    """What one requester paid by voucher."""

    requester: str
    amount: Decimal
    transaction: str


@dataclass(frozen=True)
class Explanation:
    """An epoch's pay of one neuron, with all that decided it."""

    network: str
    neuron: str
    id: int
    epoch: int
    ended: bool
    """Whether the epoch is over and the neuron's reward was collected; else what is here can still change."""
    emission: Decimal
    pool: Decimal
    """What the market had for all in this epoch, KLP."""
    rank: float
    """Its part of what all were heard, in [0, 1]; a fringe neuron's is cut before."""
    consensus: float
    """The largest weight that listeners with ``kappa`` of the bound stake give at least."""
    receipts: tuple[Receipt, ...]
    fees: tuple[Fee, ...]
    standing: str
    """While it was paid."""
    standing_since: int
    """Epoch of the change that led to it."""
    stake: Decimal
    """Its own, when the epoch began."""
    audit: dict[str, float]
    """Medians by task of its last audit until then, in [0, 1]."""
    audited: int
    """In which epoch that was; 0 for never."""
    passed: bool
    rules: dict[str, Any]
    """Those in force: ``emission`` in KLP, ``kappa`` and ``fringe`` in [0, 1], ``committee`` in neurons."""
    because: tuple[str, ...]
    """In words, what made it so much or so little."""
    transactions: dict[str, str]
    """Hashes of what claimed, collected and concluded the audit."""

    @property
    def amount(self) -> Decimal:
        return self.emission + sum((fee.amount for fee in self.fees), start=Decimal(0))

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "amount": self.amount}

    def text(self) -> str:
        """For a person to read, a fact a line."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        fees = self.amount - self.emission
        state = "" if self.ended else " so far"
        yield f"{self.neuron} (#{self.id}) in epoch {self.epoch} of {self.network}: {_klp(self.amount)} KLP{state}"
        yield f"  reward {_klp(self.emission)} of the epoch's {_klp(self.pool)}, fees {_klp(fees)}"
        yield ""
        yield from (f"- {line}" for line in self.because)
        if self.receipts:
            yield ""
            yield f"receipts: stake x min(weight, consensus {self.consensus:.4f})"
            width = max(len("listener"), *(len(r.listener) for r in self.receipts))
            yield f"  {'listener':<{width}} {'stake':>10} {'weight':>7} {'counted':>7} {'answers':>8}  receipt"
            for r in sorted(self.receipts, key=lambda r: (-r.stake * Decimal(r.counted), r.listener)):
                row = f"{_klp(r.stake):>10} {r.weight:7.4f} {r.counted:7.4f} {r.answers:8}  {r.leaf[:18]}"
                yield f"  {r.listener:<{width}} {row}"
        if self.fees:
            yield ""
            yield "fees, by vouchers"
            yield from (f"  {f.requester} {_klp(f.amount)} in {f.transaction}" for f in self.fees)
        yield ""
        yield f"standing {self.standing} since epoch {self.standing_since}, stake {_klp(self.stake)} KLP"
        if self.audited:
            scores = ", ".join(f"{task} {score:.4f}" for task, score in sorted(self.audit.items()))
            yield f"last audit in epoch {self.audited}: {scores or 'no score'}, {'passed' if self.passed else 'failed'}"
        else:
            yield "never audited until then"
        rules = self.rules
        yield (
            f"rules: {_klp(rules['emission'])} KLP an epoch at most, kappa {rules['kappa']:.3f}, a fringe neuron is "
            f"paid {rules['fringe']:.0%}, {rules['committee']} listeners are bound to each speaker"
        )
        yield from (f"{what}: {hash}" for what, hash in self.transactions.items())


def explain(run: Run | Own, neuron: str, epoch: int) -> Explanation:
    """What ``neuron`` (its name, or its id with or without ``#``) was paid in ``epoch``, and why; ``run`` is what
    ``read_run`` or, of the folder of one who joined, ``read_own`` gives.

    Raises:
        PeersError: there is no such neuron or epoch in the run.
    """
    member = next((m for m in run.members if neuron in (m.name, str(m.id), f"#{m.id}")), None)
    neurons = [m.name for m in run.members if m.role == "neuron"]
    if member is None or member.role != "neuron":
        more = f" and {len(neurons) - 20} more" if len(neurons) > 20 else ""
        raise PeersError(f"{run.folder} has no neuron {neuron!r}: choose one of {', '.join(neurons[:20])}{more}")
    with run.connect() as book:
        last = _last_posted(book)
        if not 1 <= epoch <= last:
            raise PeersError(
                f"nobody posted in epoch {epoch}: choose 1 to {last}" if last else "no epoch has been played"
            )
        return _Epoch(run, book, member.id, epoch).explain()


def _last_posted(book: ledger.Ledger) -> int:
    """The last epoch in which somebody posted; 0 for none."""
    now, _ = book.clock.turn()
    blocks = Blocks(book)
    for epoch in range(now, 0, -1):
        began, kind = blocks.opened(epoch), events.settlement.Posted
        if began and next(blocks.said(book.settlement, kind, began.block, blocks.last, None, epoch), None):
            return epoch
    return 0


class _Epoch:
    """One neuron's epoch: what decided it is asked for where it stands, and nothing else of the history is read."""

    def __init__(self, run: Run | Own, book: ledger.Ledger, id: int, epoch: int) -> None:
        self.run, self.book, self.id, self.epoch = run, book, id, epoch
        blocks = self.blocks = Blocks(book)
        self.settled = s = book.settlement
        began, over = blocks.opened(epoch), blocks.opened(epoch + 1)
        assert began is not None, "somebody posted in it"
        self.since, self.over = began.block, over.block if over else blocks.last
        said, e = blocks.said, events.settlement
        self.pool = s.epoch(epoch).pool
        self.stake = book.stake.at(id, epoch)
        self.claims = list(said(s, e.Claimed, self.since, self.over, epoch))
        self.claim = next((claim for claim in self.claims if claim.speaker == id), None)
        self.posts = {post.id: post for post in said(s, e.Posted, self.since, self.over, None, epoch)}
        self.column = s.column(epoch, id)
        self.collected = (
            next(said(s, e.Collected, self.since, blocks.last, epoch, id), None) if self.column.collected else None
        )
        # whatever decided its pay stood before its claim; where it made none, before the epoch's end
        until = self.claim or over
        self.until = (until.block, until.log_index) if until else (blocks.last + 1, 0)

    def explain(self) -> Explanation:
        rules = self._rules()
        total = sum(e.rank for e in self.claims)
        consensus = self.claim.consensus if self.claim else 0
        latest = self.blocks.latest
        change = latest(self.book.registry, events.registry.StandingChanged, self.until, self.id)
        audit = self._audit()
        transactions = {"claimed in": self.claim, "collected in": self.collected, "audit concluded in": audit}
        found = Explanation(
            network=self.run.network, neuron=self.run.named(self.id), id=self.id, epoch=self.epoch,
            ended=self.collected is not None, emission=tokens(self.collected.emitted if self.collected else 0),
            pool=tokens(self.pool), rank=self.claim.rank / total if self.claim and total else 0.0,
            consensus=consensus / WHOLE, receipts=tuple(self._receipts(consensus)), fees=tuple(self._fees()),
            standing=Standing(change.after if change else 0).name.lower(), standing_since=change.epoch if change else 0,
            stake=tokens(self.stake), audit={t: m / 10_000 for t, m in audit.medians.items()} if audit else {},
            audited=audit.epoch if audit else 0, passed=audit.passed if audit else False,
            rules={"emission": tokens(rules.emission), "kappa": rules.kappa / WHOLE,
                   "fringe": rules.fringe_bps / 10_000, "committee": rules.committee},
            because=(), transactions={what: e.transaction for what, e in transactions.items() if e},
        )  # fmt: skip
        return replace(found, because=(*self._because(found), *self._learned()))

    def _learned(self) -> Iterator[str]:
        """What the neuron learned from others in the epoch; this is its own word, from its folder."""
        member = next(m for m in self.run.members if m.id == self.id)
        if gain := peers.gains(self.run.folder / member.folder).get(self.epoch):
            yield f"it distilled what it heard into its own model: {gain.text}"

    def _audit(self) -> events.audits.Concluded | None:
        """Its last until then."""
        if "Audits" not in self.book.deployment.addresses:
            return None
        return self.blocks.latest(self.book.audits, events.audits.Concluded, self.until, None, self.id)

    def _rules(self) -> ledger.Parameters:
        """Those in force in the epoch: each epoch's stand when it begins."""
        adopted = self.blocks.latest(self.book.rules, events.rules.Adopted, (self.over, 2**32))
        while adopted is not None and adopted.epoch > self.epoch:
            before = (adopted.block, adopted.log_index - 1)
            adopted = self.blocks.latest(self.book.rules, events.rules.Adopted, before)
        assert adopted is not None, "a network begins with rules"
        return ledger.Parameters.from_tuple(adopted.parameters)

    def _receipts(self, consensus: int) -> Iterator[Receipt]:
        heard = events.settlement.Heard
        for e in self.blocks.said(self.settled, heard, self.since, self.over, self.epoch, None, self.id):
            yield Receipt(
                self.run.named(e.listener), tokens(self.posts[e.listener].stake), e.weight / WHOLE,
                min(e.weight, consensus) / WHOLE, e.answers, "0x" + bytes(e.leaf).hex(),
            )  # fmt: skip

    def _fees(self) -> Iterator[Fee]:
        """Vouchers are cumulative, and count where they were redeemed: the last epoch's until the end of the run."""
        now, _ = self.book.clock.turn()
        last = not any(self._is_collected(epoch) for epoch in range(now, self.epoch, -1))
        if "Vouchers" not in self.book.deployment.addresses or (last and not self._is_collected(self.epoch)):
            return
        until = self.blocks.last if last else self.over
        opened = self.blocks.opened(self.epoch + 1)
        end = (opened.block, opened.log_index) if opened and not last else (self.blocks.last + 1, 0)
        for e in self.blocks.said(self.book.vouchers, events.vouchers.Redeemed, self.since, until, None, self.id):
            if (e.block, e.log_index) < end:
                yield Fee(self.run.named(e.requester), tokens(e.amount), e.transaction)

    def _is_collected(self, epoch: int) -> bool:
        """Whether anybody's reward of an epoch was collected."""
        began = self.blocks.opened(epoch)
        kind = events.settlement.Collected
        last = self.blocks.last
        return began is not None and any(True for _ in self.blocks.said(self.settled, kind, began.block, last, epoch))

    def _because(self, it: Explanation) -> Iterator[str]:
        """The reasons, the weightiest first."""
        voided = self.column.voided
        if self.claim is None:
            yield "it claimed nothing: no receipt of its listeners was brought while claims were open"
        elif not it.receipts:
            yield "nobody gave it a receipt: nobody listened to it"
        else:
            zero = sum(not r.weight for r in it.receipts)
            others = len(self.posts.keys() - {self.id})
            tried = f"; {zero} tried it and gave none" if zero else ""
            yield f"{len(it.receipts) - zero} of the {others} others that posted gave it attention{tried}"
            if not it.consensus:
                yield f"listeners with {it.rules['kappa']:.0%} of the stake bound to it gave no weight: all is cut to 0"
            cut = sum(r.weight > r.counted for r in it.receipts)
            if cut and it.consensus:
                yield f"{cut} gave it more than the consensus of {it.consensus:.4f}: what is above is cut"
        if self.claim and it.rank:
            yield f"its part of all listening that counted is {it.rank:.2%}"
        if it.standing == "fringe" and self.claim:
            yield f"it is on the fringe: {it.rules['fringe']:.0%} of what a backbone neuron's listening counts"
        elif it.standing == "silent":
            yield "it had fallen silent"
        if voided:
            yield "it had signed a receipt that it did not post: its reward of this epoch is void"
        full, rest = it.pool * Decimal(it.rank), self.settled.rest(self.epoch, self.id)
        if self.collected and rest:
            yield (
                f"with it came {rest / 10_000:.0%} of what was held back 24 epochs before, when too little was known: "
                "little changes here, and it listens as others do"
            )
        elif self.collected and not voided and it.emission < full * Decimal("0.999"):
            yield (
                f"it was paid {it.emission / full:.1%} of its part: where many are bound to listen, a reward counts as "
                "far as one listened as others do: to as many, in agreement, and to what changed"
            )
        if not it.ended:
            yield "its reward is not collected yet: disputes may be open, or nobody has settled the epoch"


def _klp(amount: Decimal) -> str:
    """KLP with four decimals at most."""
    return f"{amount:,.4f}".rstrip("0").rstrip(".")
