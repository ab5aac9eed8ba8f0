"""Devices and shares of models: buying what is offered, bidding, having bids back."""

from __future__ import annotations

from klopf import ledger
from klopf.console.cli.access import klp
from klopf.console.web.acts._act import Act, Field, Given
from klopf.errors import LedgerError
from klopf.ledger.finance import Kind, Offer

__all__ = ["Bid", "Buy", "Collect"]

WHICH = Field("offer", "offer", "whole")


class Buy(Act):
    title = "Buy what is offered"
    lead = "A device or shares of a model, at the price that is shown or less."
    fields = (WHICH, Field("most", "what it may cost in KLP", "klp"))
    needs = "Trades"
    last = "buy"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        offer, price = _open(book, given["offer"], rising=False), book.trades.price(given["offer"])
        if price > given["most"]:
            raise LedgerError(f"{_said(offer)} costs {klp(price)} KLP now: more than {klp(given['most'])}")
        book.trades.buy(given["offer"], given["most"])

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        offer = _open(book, given["offer"], rising=False)
        return [f"{_said(offer)} of {offer.seller}, for {klp(book.trades.price(given['offer']))} KLP as things are"]


class Bid(Act):
    title = "Bid in an auction"
    lead = "The bid is locked until somebody bids more, which can then be collected, or the auction is over."
    fields = (WHICH, Field("amount", "amount in KLP", "klp"))
    needs = "Trades"
    last = "bid"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        offer, least = _open(book, given["offer"], rising=True), book.trades.price(given["offer"])
        if given["amount"] < least:
            raise LedgerError(f"the least bid for {_said(offer)} that counts is {klp(least)} KLP: bid that, or more")
        book.trades.bid(given["offer"], given["amount"])

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        offer = _open(book, given["offer"], rising=True)
        return [f"{klp(given['amount'])} KLP for {_said(offer)} of {offer.seller}"]


class Collect(Act):
    title = "Have outbid bids back"
    lead = "What this key bid, where somebody bid more or it came to nothing."
    fields = ()
    needs = "Trades"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        if not book.trades.owed(book.me.address):
            raise LedgerError("no bid of this key is here that was outbid or came to nothing")
        book.trades.collect()

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        return [f"{klp(book.trades.owed(book.me.address))} KLP come back"]


def _open(book: ledger.Ledger, id: int, rising: bool) -> Offer:
    offer = book.trades.offer_of(id)
    if not offer.open:
        raise LedgerError(f"offer {id} is sold, or over")
    if offer.rising != rising:
        raise LedgerError(f"offer {id} is {'no auction: buy it' if rising else 'an auction: bid for it'}")
    return offer


def _said(offer: Offer) -> str:
    thing = offer.thing
    return f"device {thing.id}" if thing.kind is Kind.DEVICE else f"{thing.amount / 10**16:.4g} % of model {thing.id}"
