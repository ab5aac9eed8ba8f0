"""Devices and shares of models that are offered or wanted."""

from __future__ import annotations

from klopf.console.web.view import Column
from klopf.console.web.views._lately import Lately
from klopf.ledger import events
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["Offers"]

_SHARES = 10**18


class Offers(Lately):
    title = "Offers"
    lead = "Devices and shares of models that are offered or wanted, and what each costs."
    columns = (
        Column("what"),
        Column("price", "money"),
        Column("how"),
        Column("by"),
        Column("state"),
        Column("to do", "act"),
    )

    def take(self, event: events.Event) -> None:
        e = events.trades
        if isinstance(event, e.OfferOpened):
            how = "auction" if event.rising else "fixed price" if event.first == event.last else "falling price"
            price = plain(klp(event.first))
            act = f"bid?offer={event.id}&amount={price}" if event.rising else f"buy?offer={event.id}&most={price}"
            self.put(f"o{event.id}", [_said(event.thing), price, how, event.seller, "open", act])
        elif isinstance(event, e.WantOpened):
            self.put(f"w{event.id}", [_said(event.thing), plain(klp(event.price)), "wanted", event.by, "open", ""])
        elif isinstance(event, e.BidMade):
            self._amend(f"o{event.id}", event.amount, "open")
        elif isinstance(event, e.OfferSold):
            self._amend(f"o{event.id}", event.price, "sold")
        elif isinstance(event, e.WantFilled):
            self._amend(f"w{event.id}", None, "sold")
        elif isinstance(event, e.OfferOver | e.WantOver):
            self._amend(f"{'o' if isinstance(event, e.OfferOver) else 'w'}{event.id}", None, "over")

    def _amend(self, key: str, price: int | None, state: str) -> None:
        if row := self.now.get(key):
            act = row[5] if state == "open" else ""
            self.put(key, [row[0], row[1] if price is None else plain(klp(price)), *row[2:4], state, act])


def _said(thing: tuple[int, ...]) -> str:
    kind, id, amount = thing or (0, 0, 1)
    return f"device {id or 'any'}" if kind == 0 else f"{amount * 100 / _SHARES:.4g} % of model {id}"
