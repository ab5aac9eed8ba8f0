"""A view of the page: who changed its address, and how often."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web import Column, Network, Row, View
from klopf.ledger import events


class Moves(View):
    title = "Moves"
    lead = "Who changed its address, and how often."
    columns = (Column("neuron", "neuron"), Column("moves", "number"))

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.moves: dict[int, int] = {}
        self.fresh: set[int] = set()

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.registry.Moved):
            self.moves[event.id] = self.moves.get(event.id, 0) + 1
            self.fresh.add(event.id)

    def news(self) -> Mapping[str, Row | None]:
        found: dict[str, Row | None] = {str(id): [id, self.moves[id]] for id in self.fresh}
        self.fresh.clear()
        return found
