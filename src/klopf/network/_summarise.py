"""Summarise a run from the ledger's events and the requester's results."""

from __future__ import annotations

from collections import defaultdict

from klopf import ledger, peers
from klopf.ledger import events
from klopf.network._baseline import linear_baseline
from klopf.network._data import Shares
from klopf.network._folder import Run
from klopf.network._summary import (
    AuditorRow,
    Challenge,
    Contradiction,
    Dispute,
    Heard,
    Link,
    Moment,
    NeuronRow,
    Payment,
    Summary,
    tokens,
)
from klopf.network._supervise import read_results
from klopf.neuron import Standing

__all__ = ["summarise"]

ATTENTION = 65_535
NOBODY = "0x" + "00" * 20


def summarise(
    run: Run, shares: Shares | None, seconds: float, notes: list[str], *, until: int | None = None
) -> Summary:
    """What ``run`` came to, up to block ``until`` (by default the latest). ``shares`` is needed for the scores only;
    without it there are no moments."""
    summary = Summary(run.settings.name, run.settings.seed, seconds, run.task.measure, notes=notes)
    with run.connect() as book:
        summary.blocks = book.rpc.height() if until is None else until
        history = list(ledger.history(book, until=summary.blocks))
    summary.transactions = len({e.transaction for e in history})
    summary.supply = tokens(_supply(history))
    standing = {m.id: Standing.NONE for m in run.members} | {
        e.id: Standing(e.after) for e in history if isinstance(e, events.registry.StandingChanged)
    }
    summary.payments = _payments(run, history)
    summary.disputes = _disputes(run, history)
    summary.challenges = _challenges(run, history)
    summary.contradictions = [
        Contradiction(e.epoch, run.named(e.neuron), run.named(e.auditor))
        for e in history
        if isinstance(e, events.challenges.Contradicted)
    ]
    heard = _heard(history)
    for member in run.members:
        slashed = tokens(
            sum(
                e.from_staked + e.from_thawing
                for e in history
                if isinstance(e, events.stake.Slashed) and e.id == member.id
            )
        )
        if member.role == "neuron":
            earned = sum((p.amount for p in summary.payments if p.neuron == member.name), start=tokens(0))
            summary.neurons.append(NeuronRow(
                member.id, member.name, member.model, member.honest, standing[member.id].name.lower(),
                heard.get(member.id, 0.0), _last_audit(history, member.id), earned, slashed,
            ))  # fmt: skip
        elif member.role == "auditor":
            summary.auditors.append(AuditorRow(member.id, member.name, member.honest, slashed))
    summary.links = _links(run, history)
    if shares is not None:
        summary.moments = _moments(run, shares)
        if isinstance(run.task, peers.Numbers):
            summary.unit, summary.spread = "".join(run.task.units), float(shares.test.targets.std())
    return summary


def _supply(history: list[events.Event]) -> int:
    """All tokens that were made, less those that were burnt."""
    moved = [e for e in history if isinstance(e, events.token.Transfer)]
    return sum(e.value for e in moved if e.sender == NOBODY) - sum(e.value for e in moved if e.to == NOBODY)


def _heard(history: list[events.Event]) -> dict[int, float]:
    """Each neuron's part of all ranks, the epochs counting alike."""
    ranks: dict[int, dict[int, int]] = defaultdict(dict)
    for event in history:
        if isinstance(event, events.settlement.Claimed):
            ranks[event.epoch][event.speaker] = event.rank
    shares: dict[int, float] = defaultdict(float)
    counted = [column for column in ranks.values() if sum(column.values()) > 0]
    for column in counted:
        for speaker, rank in column.items():
            shares[speaker] += rank / sum(column.values()) / len(counted)
    return dict(shares)


def _last_audit(history: list[events.Event], neuron: int) -> dict[str, float]:
    found = [e for e in history if isinstance(e, events.audits.Concluded) and e.neuron == neuron and e.medians]
    return {task: median / 10_000 for task, median in found[-1].medians.items()} if found else {}


def _links(run: Run, history: list[events.Event]) -> list[Link]:
    """Who listened to whom in the last epoch with receipts."""
    heard = [e for e in history if isinstance(e, events.settlement.Heard)]
    last = max((e.epoch for e in heard), default=0)
    return [
        Link(run.named(e.listener), run.named(e.speaker), e.weight / ATTENTION)
        for e in heard
        if e.epoch == last and e.weight
    ]


def _redeemed(history: list[events.Event]) -> dict[tuple[int, int], dict[int, int]]:
    """Fees by epoch and neuron, and in it by requester: vouchers count in the epoch in which they were redeemed, and
    in the last that was collected where that was later."""
    last = max((e.epoch for e in history if isinstance(e, events.settlement.Collected)), default=0)
    found: dict[tuple[int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    epoch = 0
    for event in history:
        if isinstance(event, events.clock.Opened):
            epoch = min(event.epoch, last)
        elif isinstance(event, events.vouchers.Redeemed):
            found[epoch, event.neuron][event.requester] += event.amount
    return found


def _payments(run: Run, history: list[events.Event]) -> list[Payment]:
    claimed = {(e.epoch, e.speaker): e for e in history if isinstance(e, events.settlement.Claimed)}
    posted = {(e.epoch, e.id): e for e in history if isinstance(e, events.settlement.Posted)}
    columns: dict[tuple[int, int], list[events.settlement.Heard]] = defaultdict(list)
    totals: dict[int, int] = defaultdict(int)
    for event in history:
        if isinstance(event, events.settlement.Heard):
            columns[event.epoch, event.speaker].append(event)
        elif isinstance(event, events.settlement.Claimed):
            totals[event.epoch] += event.rank
    redeemed = _redeemed(history)
    payments = []
    for event in history:
        if not isinstance(event, events.settlement.Collected) or (event.epoch, event.id) not in claimed:
            continue
        column = claimed[event.epoch, event.id]
        vouchers = redeemed[event.epoch, event.id]
        fees = sum(vouchers.values())
        if event.emitted == 0 and fees == 0:
            continue
        reasons = tuple(
            Heard(
                run.named(h.listener), tokens(posted[event.epoch, h.listener].stake), h.weight / ATTENTION,
                min(h.weight, column.consensus) / ATTENTION, h.answers,
                tokens(vouchers[h.listener]),
            )
            for h in columns[event.epoch, event.id]
        )  # fmt: skip
        share = column.rank / totals[event.epoch] if totals[event.epoch] else 0.0
        payments.append(Payment(
            event.epoch, run.named(event.id), tokens(event.emitted), tokens(fees), share,
            column.consensus / ATTENTION, reasons,
        ))  # fmt: skip
    return payments


def _disputes(run: Run, history: list[events.Event]) -> list[Dispute]:
    ended = {(e.epoch, e.listener, e.speaker): e for e in history if isinstance(e, events.disputes.DisputeEnded)}
    found = []
    for event in history:
        if not isinstance(event, events.disputes.Disputed):
            continue
        end = ended.get((event.epoch, event.listener, event.speaker))
        outcome = "open" if end is None else "answered" if end.kept else "upheld"
        found.append(Dispute(
            event.epoch, run.named(event.listener), run.named(event.speaker), outcome,
            outcome == "upheld",
        ))  # fmt: skip
    return found


def _challenges(run: Run, history: list[events.Event]) -> list[Challenge]:
    shown = {e.id for e in history if isinstance(e, events.challenges.Shown)}
    upheld = {e.id for e in history if isinstance(e, events.challenges.Upheld)}
    owners = {e.owner: e.id for e in history if isinstance(e, events.registry.Registered)}
    return [
        Challenge(
            e.place.epoch,
            run.named(e.place.auditor),
            run.named(owners[e.by]) if e.by in owners else e.by,
            run.named(e.place.neuron),
            e.place.task,
            e.place.place,
            "shown" if e.id in shown else "upheld" if e.id in upheld else "open",
        )
        for e in history
        if isinstance(e, events.challenges.Doubted)
    ]


def _moments(run: Run, shares: Shares) -> list[Moment]:
    linear = linear_baseline(run.settings.seed, shares, run.settings.epochs, passes=run.settings.neuron[0].passes)
    moments = []
    for epoch in range(1, run.settings.epochs + 1):
        scores = read_results(run, epoch, shares.test.targets)
        if scores is not None:
            alone = {run.named(id): value for id, value in scores.items() if id != 0}
            moments.append(Moment(epoch, scores[0], linear[epoch - 1], alone))
    return moments
