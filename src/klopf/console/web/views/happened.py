"""What happened lately that somebody may want to know of, the newest last."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import events
from klopf.neuron import Standing

__all__ = ["Happened"]

MOST = 200
"""Rows that are kept."""


class Happened(View):
    title = "What happened"
    lead = "Births, deaths, changes of standing, audits, lost stake and disputes, the newest first."
    columns = (
        Column("number", "number"),
        Column("epoch", "epoch"),
        Column("neuron", "neuron"),
        Column("what"),
        Column("more"),
    )

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.count = 0
        self.fresh: dict[str, Row | None] = {}

    def take(self, event: events.Event) -> None:
        told = _told(event)
        if told is None:
            return
        id, what, more = told
        self.count += 1
        self.fresh[str(self.count)] = [self.count, self.network.tally.epoch, id, what, more]
        if self.count > MOST:
            self.fresh[str(self.count - MOST)] = None
        if len(self.fresh) > 2 * MOST:
            self.fresh = dict(list(self.fresh.items())[-2 * MOST :])

    def news(self) -> Mapping[str, Row | None]:
        found, self.fresh = self.fresh, {}
        return found


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
