"""Stake: putting it in, taking it out."""

from __future__ import annotations

from klopf import ledger
from klopf.console.web.acts._act import Act, Field, Given

__all__ = ["Stake", "Unstake", "Withdraw"]

WHO = Field("id", "participant", "id")
AMOUNT = Field("amount", "amount in KLP", "klp")


class Stake(Act):
    title = "Put at stake"
    lead = "The stake belongs to the participant's owner from then on, and what it does wrong is taken from it."
    fields = (WHO, AMOUNT)
    needs = "Stake"
    last = "stake"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.stake.stake(given["id"], given["amount"])


class Unstake(Act):
    title = "Take stake back"
    lead = "It thaws for some time, in which it can still be taken, and is withdrawn after that."
    fields = (WHO, AMOUNT)
    needs = "Stake"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.stake.unstake(given["id"], given["amount"])


class Withdraw(Act):
    title = "Withdraw what has thawed"
    lead = "It is paid to the participant's owner."
    fields = (WHO,)
    needs = "Stake"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.stake.withdraw(given["id"])
