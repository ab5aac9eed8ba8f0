"""Money that can only be spent on data and compute, and what its models earn."""

from __future__ import annotations

from klopf.console.web.view import Column, Network, Row
from klopf.console.web.views._lately import Lately
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Ventures"]

_SUMS = (3, 4, 6)
"""Where what was brought, spent and earned stand in a row."""
_MODEL = 5
_NOTHING = (plain(klp(0)),) * 2


class Ventures(Lately):
    title = "Ventures"
    lead = (
        "Money that can only be spent on data and compute: what was brought, what is spent, and what the model earned."
    )
    columns = (
        Column("venture", "number"),
        Column("founder"),
        Column("goal", "money"),
        Column("brought", "money"),
        Column("spent", "money"),
        Column("model", "number"),
        Column("earned", "money"),
        Column("to do", "act"),
    )
    lately = False  # sums of what is not told would be too small

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._sums: dict[str, list[int]] = {}
        """Of the ventures that are shown: brought, spent, earned."""
        self._of: dict[int, str] = {}
        """The venture of each model of those."""

    def take(self, event: events.Event) -> None:
        v, m = events.ventures, events.models
        if isinstance(event, v.VentureOpened):
            self._sums[str(event.id)] = [0, 0, 0]
            row: Row = [event.id, event.founder, plain(klp(sum(event.parts))), *_NOTHING, None, _NOTHING[0],
                        f"fund?venture={event.id}"]  # fmt: skip
            self.put(str(event.id), row)
        elif isinstance(event, v.Funded):
            self._add(str(event.id), 0, event.amount)
        elif isinstance(event, v.Spent):
            self._add(str(event.id), 1, event.price)
        elif isinstance(event, v.Collected):
            self._add(str(event.id), 1, -event.amount)
        elif isinstance(event, m.ModelMinted) and str(event.venture) in self.now:
            self._of[event.id] = str(event.venture)
            row = self.now[str(event.venture)]
            self.put(str(event.venture), [*row[:_MODEL], event.id, *row[_MODEL + 1 :]])
        elif isinstance(event, m.Earned) and event.id in self._of:
            self._add(self._of[event.id], 2, event.amount)

    def _add(self, key: str, place: int, amount: int) -> None:
        if key in self.now:
            self._sums[key][place] += amount
            row: Row = list(self.now[key])
            row[_SUMS[place]] = plain(klp(self._sums[key][place]))
            self.put(key, row)

    def put(self, key: str, row: Row) -> None:
        """As any other's; what is not shown any more is forgotten."""
        super().put(key, row)
        if len(self._sums) > self.most:
            self._sums = {kept: self._sums[kept] for kept in self.now}
            self._of = {model: kept for model, kept in self._of.items() if kept in self.now}
