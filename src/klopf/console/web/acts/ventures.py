"""Money for data and compute alone: bringing it, agreeing to the next part, having it back."""

from __future__ import annotations

from klopf import ledger
from klopf.console.cli.access import klp
from klopf.console.web.acts._act import Act, Field, Given

__all__ = ["Agree", "Fund", "TakeBack"]

WHICH = Field("venture", "venture", "whole")
LOT = Field("lot", "lot", "count")
_SHARES = 10_000


class Fund(Act):
    title = "Bring money to a venture"
    lead = "For shares of what its model earns. It is spent on data and compute alone; what is not spent comes back."
    fields = (WHICH, Field("amount", "amount in KLP", "klp"))
    needs = "Ventures"
    last = "fund"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.ventures.fund(given["venture"], given["amount"])

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        v, first, many = (
            book.ventures.venture(given["venture"]),
            book.ventures.parts(given["venture"])[0],
            given["amount"],
        )
        share = many * (_SHARES - v.terms.founder_bps) / v.terms.goal / 100
        return [
            f"{klp(v.raised)} of {klp(v.terms.goal)} KLP are there; {klp(many)} more bring {share:.4g} % of the model",
            f"lost at most before two thirds agree to more: {klp(many * first // v.terms.goal)} KLP",
        ]


class Agree(Act):
    title = "Agree to a venture's next part"
    lead = "As the owner of a lot; when two thirds of the sum agree, it may be spent."
    fields = (WHICH, LOT)
    needs = "Ventures"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.ventures.agree(given["venture"], given["lot"])


class TakeBack(Act):
    title = "Have a lot's money back"
    lead = "What was not spent, once the venture is over; all of it where the sum was not filled."
    fields = (WHICH, LOT)
    needs = "Ventures"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.ventures.take_back(given["venture"], given["lot"])
