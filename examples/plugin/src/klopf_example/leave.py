"""An act of the page: leaving the network."""

from __future__ import annotations

from klopf import ledger
from klopf.console.web import Act, Field, Given


class Leave(Act):
    title = "Leave the network"
    lead = "Take its stake back before."
    fields = (Field("id", "participant", "id"),)
    needs = "Registry"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.registry.quit(given["id"])
