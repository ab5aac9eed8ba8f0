"""What a member of the DAO does with proposals."""

from __future__ import annotations

from typing import ClassVar

from klopf import ledger
from klopf.console.web.acts._act import Act, Field, Given

__all__ = ["Delegate", "Execute", "Queue", "Vote"]

WHICH = Field("proposal", "proposal", "proposal")


def _dao(book: ledger.Ledger) -> ledger.Governance:
    return book.client(ledger.Governance)


class _OnProposal(Act):
    fields: ClassVar[tuple[Field, ...]] = (WHICH,)
    needs = "KlopfGovernor"

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        dao = _dao(book)
        proposal = dao.get(given["proposal"])
        return [proposal.description, *dao.changes(proposal)]


class Delegate(Act):
    title = "Let your tokens vote"
    lead = "Through this key, or through another address. Counts for votes that start later."
    fields = (Field("to", "through", "address", optional=True),)
    needs = "KlopfGovernor"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        _dao(book).delegate(given["to"])


class Vote(_OnProposal):
    title = "Vote"
    lead = "With what was delegated to this key when the vote began. A vote cannot be taken back."
    fields = (WHICH, Field("support", "vote", "vote"), Field("reason", "reason", "text", optional=True))

    def do(self, book: ledger.Ledger, given: Given) -> None:
        _dao(book).vote(given["proposal"], given["support"], given["reason"] or "")


class Queue(_OnProposal):
    title = "Queue a proposal that has won"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        _dao(book).queue(given["proposal"])


class Execute(_OnProposal):
    title = "Carry out a queued proposal"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        _dao(book).execute(given["proposal"])
