"""Which models the neurons had."""

from __future__ import annotations

from klopf.console.web.view import Column
from klopf.console.web.views._lately import Lately
from klopf.ledger import events

__all__ = ["Models"]


class Models(Lately):
    title = "Models"
    lead = "What each neuron says that it is, and since when; the last thousand changes."
    columns = (Column("neuron", "neuron"), Column("since epoch", "epoch"), Column("model"))
    most = 1_000

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.registry.Registered | events.registry.ModelChanged) and event.model:
            self.put(f"{event.block}:{event.log_index}", [event.id, self.network.tally.epoch, event.model])
