"""Swaps in pools."""

from __future__ import annotations

from fractions import Fraction

from klopf import ledger
from klopf.console.cli.coins import amount_of, coin_of, shown
from klopf.console.web.acts._act import Act, Field, Given

__all__ = ["Swap"]

SLACK = Fraction(5, 1000)
"""How much less than shown may come."""
HALF_HOUR = 1800


class Swap(Act):
    title = "Swap tokens"
    lead = "Refused where more than half a hundredth less comes than is shown, or after an hour."
    fields = (
        Field("pool", "pool", "whole"), Field("token", "token that is given: KLP, or its address", "text"),
        Field("amount", "amount of the token", "text"),
    )  # fmt: skip
    needs = "Exchange"
    last = "swap"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        coin = coin_of(book, given["token"])
        amount = amount_of(given["amount"], coin.decimals())
        least = book.exchange.preview(given["pool"], coin.address, amount).least(SLACK)
        until = (book.clock.now().time // HALF_HOUR + 2) * HALF_HOUR  # the same when it is looked at and when signed
        book.exchange.swap(given["pool"], coin.address, amount, least=least, until=until)

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        coin, pool = coin_of(book, given["token"]), book.exchange.pool(given["pool"])
        other = coin_of(book, pool.tokens[1 - pool.place(coin.address)])
        comes = book.exchange.preview(pool.id, coin.address, amount_of(given["amount"], coin.decimals()))
        said = [f"{shown(one, other.decimals())} {other.symbol()}" for one in (comes.amount_out, comes.least(SLACK))]
        return [
            f"{given['amount']} {coin.symbol()} ({coin.address}) for {said[0]} ({other.address})",
            f"at least {said[1]}; the price is {float(comes.loss) * 100:.3g} % worse than the pool's, fee included",
        ]
