"""Who listens to whom: the receipts of the last epoch that has any."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import events

__all__ = ["Links"]

ATTENTION = 65_535


class Links(View):
    title = "Who listens to whom"
    lead = "How much of its attention each listener gave in the last epoch that has receipts."
    columns = (Column("listener", "neuron"), Column("speaker", "neuron"), Column("weight", "share"))
    lately = True

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.epoch = 0
        self.now: dict[str, Row] = {}
        self.fresh: dict[str, Row | None] = {}

    def take(self, event: events.Event) -> None:
        if not isinstance(event, events.settlement.Heard) or event.epoch < self.epoch:
            return
        if event.epoch > self.epoch:
            self.epoch = event.epoch
            self.fresh = dict.fromkeys((*self.fresh, *self.now))
            self.now = {}
        if event.weight:
            key = f"{event.listener}>{event.speaker}"
            self.now[key] = self.fresh[key] = [event.listener, event.speaker, round(event.weight / ATTENTION, 4)]

    def news(self) -> Mapping[str, Row | None]:
        found, self.fresh = self.fresh, {}
        return found
