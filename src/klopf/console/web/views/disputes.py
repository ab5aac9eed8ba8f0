"""Receipts that a speaker says its listener signed and did not post."""

from __future__ import annotations

from klopf.console.web.view import Column
from klopf.console.web.views._lately import Lately
from klopf.ledger import events

__all__ = ["Disputes"]


class Disputes(Lately):
    title = "Disputes"
    lead = "A speaker says that a listener signed a receipt and did not post it. Who does not answer loses its reward."
    columns = (Column("epoch", "epoch"), Column("listener", "neuron"), Column("speaker", "neuron"), Column("outcome"))

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.disputes.Disputed | events.disputes.DisputeEnded):
            who = [event.epoch, event.listener, event.speaker]
            ended = isinstance(event, events.disputes.DisputeEnded)
            outcome = "open" if not ended else "answered" if getattr(event, "kept", False) else "upheld"
            self.put(":".join(map(str, who)), [*who, outcome])
