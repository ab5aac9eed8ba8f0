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
from klopf.network._tally import Known, Tally

__all__ = ["summarise"]

ATTENTION = 65_535


def summarise(
    run: Run, shares: Shares | None, seconds: float, notes: list[str], *, until: int | None = None
) -> Summary:
    """What ``run`` came to, up to block ``until`` (by default the latest). ``shares`` is needed for the scores only;
    without it there are no moments."""
    summary = Summary(run.settings.name, run.settings.seed, seconds, run.task.measure, notes=notes)
    with run.connect() as book:
        summary.blocks = book.rpc.height() if until is None else until
        history = list(ledger.history(book, until=summary.blocks))
    tally = Tally()
    for event in history:
        tally.take(event)
    summary.transactions, summary.supply = tally.transactions, tokens(tally.supply)
    summary.payments = _payments(run, history, tally)
    summary.disputes = _disputes(run, history)
    summary.challenges = _challenges(run, history)
    summary.contradictions = [
        Contradiction(e.epoch, run.named(e.neuron), run.named(e.auditor))
        for e in history
        if isinstance(e, events.challenges.Contradicted)
    ]
    heard = tally.heard()
    for member in run.members:
        known = tally.everybody.get(member.id) or Known(member.id)
        slashed = tokens(known.slashed)
        if member.role == "neuron":
            summary.neurons.append(NeuronRow(
                member.id, member.name, member.model, member.honest, known.standing.name.lower(),
                heard.get(member.id, 0.0), known.audit, known.earned, slashed,
            ))  # fmt: skip
        elif member.role == "auditor":
            summary.auditors.append(AuditorRow(member.id, member.name, member.honest, slashed))
    summary.links = _links(run, history)
    if shares is not None:
        summary.moments = _moments(run, shares)
        if isinstance(run.task, peers.Numbers):
            summary.unit, summary.spread = "".join(run.task.units), float(shares.test.targets.std())
    return summary


def _links(run: Run, history: list[events.Event]) -> list[Link]:
    """Who listened to whom in the last epoch with receipts."""
    heard = [e for e in history if isinstance(e, events.settlement.Heard)]
    last = max((e.epoch for e in heard), default=0)
    return [
        Link(run.named(e.listener), run.named(e.speaker), e.weight / ATTENTION)
        for e in heard
        if e.epoch == last and e.weight
    ]


def _payments(run: Run, history: list[events.Event], tally: Tally) -> list[Payment]:
    claimed = {(e.epoch, e.speaker): e for e in history if isinstance(e, events.settlement.Claimed)}
    posted = {(e.epoch, e.id): e for e in history if isinstance(e, events.settlement.Posted)}
    columns: dict[tuple[int, int], list[events.settlement.Heard]] = defaultdict(list)
    totals: dict[int, int] = defaultdict(int)
    for event in history:
        if isinstance(event, events.settlement.Heard):
            columns[event.epoch, event.speaker].append(event)
        elif isinstance(event, events.settlement.Claimed):
            totals[event.epoch] += event.rank
    payments = []
    for (epoch, id), paid in tally.payments.items():
        if paid.amount == 0:
            continue
        column = claimed[epoch, id]
        reasons = tuple(
            Heard(
                run.named(h.listener), tokens(posted[epoch, h.listener].stake), h.weight / ATTENTION,
                min(h.weight, column.consensus) / ATTENTION, h.answers,
                tokens(paid.fees.get(h.listener, 0)),
            )
            for h in columns[epoch, id]
        )  # fmt: skip
        share = column.rank / totals[epoch] if totals[epoch] else 0.0
        payments.append(Payment(
            epoch, run.named(id), tokens(paid.emission), tokens(paid.amount - paid.emission), share,
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
