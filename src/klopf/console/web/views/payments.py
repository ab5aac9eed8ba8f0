"""What the neurons were paid lately; the payments of all epochs are asked for by the epoch."""

from __future__ import annotations

from collections.abc import Mapping

from klopf.console.web.view import Column, Network, Row, View
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Payments"]

EPOCHS = 3
"""That are kept here."""


class Payments(View):
    title = "Payments"
    lead = "Of the last three epochs that were settled. A row opens why it was so much or so little."
    columns = (
        Column("epoch", "epoch"), Column("neuron", "neuron"), Column("reward", "money"), Column("fees", "money"),
        Column("amount", "paid"),
    )  # fmt: skip
    lately = True

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.kept: dict[int, set[str]] = {}

    def take(self, event: events.Event) -> None:
        """Nothing: the tally has it all."""

    def news(self) -> Mapping[str, Row | None]:
        found: dict[str, Row | None] = {}
        for paid in self.network.tally.payments.values():
            if paid.amount == 0:
                continue
            key = f"{paid.epoch}:{paid.neuron}"
            money = (paid.emission, paid.amount - paid.emission, paid.amount)
            found[key] = [paid.epoch, paid.neuron, *(plain(klp(units)) for units in money)]
            self.kept.setdefault(paid.epoch, set()).add(key)
        for epoch in sorted(self.kept)[:-EPOCHS]:
            found |= dict.fromkeys(self.kept.pop(epoch))
        return found
