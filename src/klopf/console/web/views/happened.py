"""What happened lately that somebody may want to know of, the newest last."""

from __future__ import annotations

from klopf.console.web.view import Column
from klopf.console.web.views._lately import Lately
from klopf.ledger import events
from klopf.neuron import Standing

__all__ = ["Happened"]


class Happened(Lately):
    title = "What happened"
    lead = "Births, deaths, changes of standing, audits, lost stake and disputes, the newest first."
    columns = (
        Column("block", "number"),
        Column("epoch", "epoch"),
        Column("neuron", "neuron"),
        Column("what"),
        Column("more"),
    )

    def take(self, event: events.Event) -> None:
        told = _told(event)
        if told is not None:
            id, what, more = told
            self.put(f"{event.block}:{event.log_index}", [event.block, self.network.tally.epoch, id, what, more])


def _told(e: events.Event) -> tuple[int, str, str] | None:
    """Of whom it tells, what, and what else there is to say of it."""
    if isinstance(e, events.registry.Registered):
        return e.id, "registered", e.model
    if isinstance(e, events.registry.StandingChanged):
        return e.id, f"is {Standing(e.after).name.lower()} now", ""
    if isinstance(e, events.registry.Gone):
        return e.id, "left", ""
    if isinstance(e, events.stake.Slashed):
        return e.id, "lost stake", ""
    if isinstance(e, events.audits.Concluded) and e.medians:
        return e.neuron, "passed its audit" if e.passed else "failed its audit", ""
    if isinstance(e, events.disputes.Disputed):
        return e.speaker, "opened a dispute", ""
    if isinstance(e, events.disputes.DisputeEnded):
        return e.listener, "answered a dispute" if e.kept else "lost a dispute", ""
    return None
