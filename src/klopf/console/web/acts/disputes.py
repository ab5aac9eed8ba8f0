"""Disputes about receipts: answered by their listener, ended by anybody."""

from __future__ import annotations

from klopf import ledger
from klopf.console.web.acts._act import Act, Field, Given
from klopf.errors import LedgerError

__all__ = ["Answer", "Uphold"]

WHICH = (
    Field("epoch", "epoch", "whole"),
    Field("listener", "listener", "id"),
    Field("speaker", "speaker", "id"),
)


class Answer(Act):
    title = "Answer a dispute"
    lead = "With the receipt's proof, from the listener's own files: nobody loses anything then."
    fields = WHICH
    needs = "Disputes"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        epoch, listener, speaker = given["epoch"], given["listener"], given["speaker"]
        found = book.disputes.get(epoch, listener, speaker)
        if found is None or not found.open:
            raise LedgerError("there is no such dispute, or it has ended")
        signed = [one for one in given.receipts(epoch, listener) if one.receipt.leaf == found.leaf]
        if not signed:
            raise LedgerError(
                "the disputed receipt is not among the files of this machine: name its listener's with --receipts"
            )
        book.disputes.answer(epoch, listener, speaker, signed[-1].proof)


class Uphold(Act):
    title = "End a dispute that was not answered"
    lead = "Its listener loses its reward of that epoch. Anybody may, once the time to answer is over."
    fields = WHICH
    needs = "Disputes"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.disputes.uphold(given["epoch"], given["listener"], given["speaker"])
