"""Jobs whose price is locked: approving what was done, objecting, paying out."""

from __future__ import annotations

from collections import Counter

from klopf import ledger
from klopf.console.cli.access import klp, units
from klopf.console.web.acts._act import Act, Field, Given
from klopf.errors import LedgerError
from klopf.ledger import events

__all__ = ["Approve", "Close", "Object"]

WHICH = Field("job", "job", "whole")
Drafts = events.jobs.Drafted | events.jobs.Reported
MOST = 150
"""Workers in one transaction; a job of more is reported on at the command line."""


def _noted(book: ledger.Ledger, job: int, kinds: tuple[type[Drafts], ...]) -> Counter[str]:
    """What drafts, or reports too, gave to each worker of a job."""
    due: Counter[str] = Counter()
    topic = "0x" + job.to_bytes(32).hex()
    for event in book.jobs._said(kinds, book.deployment.block, book.rpc.height(), topic):
        for worker, amount in zip(event.workers, event.amounts, strict=True):
            due[worker] += amount
    return due


class Approve(Act):
    title = "Approve a job"
    lead = (
        "As the one who verifies it: say what each worker is due of the price, an address and an amount in KLP a line. "
        "Left empty, it is what was noted for them while the job went on."
    )
    fields = (WHICH, Field("due", "what each worker is due", "lines", optional=True))
    needs = "Jobs"
    last = "report"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.jobs.report(given["job"], self._due(book, given))

    def about(self, book: ledger.Ledger, given: Given) -> list[str]:
        due, price = self._due(book, given), book.jobs.left(given["job"])
        lines = [f"{klp(amount)} KLP for {worker}, with what was noted before" for worker, amount in due.items()]
        return [*lines, f"{klp(max(0, price - sum(due.values())))} KLP of {klp(price)} go back to the payer"]

    def _due(self, book: ledger.Ledger, given: Given) -> dict[str, int]:
        due = _typed(given["due"]) if given["due"] else dict(_noted(book, given["job"], (events.jobs.Drafted,)))
        if not due:
            raise LedgerError("nothing was noted for anybody: say what each worker is due")
        if len(due) > MOST:
            raise LedgerError(f"{len(due)} workers are too many to be shown and signed at once ({MOST})")
        return due


def _typed(lines: list[str]) -> dict[str, int]:
    due: dict[str, int] = {}
    for line in filter(str.strip, lines):
        who, _, amount = line.strip().partition(" ")
        address = ledger.keys.checksum(who)
        if address in due:
            raise LedgerError(f"{address} is there twice")
        due[address] = units(amount)
    return due


class Object(Act):
    title = "Object to a job's report"
    lead = "For a bond of a twentieth of the price, which comes back where the decision differs from the report."
    fields = (WHICH,)
    needs = "Jobs"
    last = "dispute"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        book.jobs.dispute(given["job"])


class Close(Act):
    title = "Pay a job out"
    lead = "Its workers first, then the payer what is left. Anybody may, once the report is final."
    fields = (WHICH,)
    needs = "Jobs"
    last = "giveBack"

    def do(self, book: ledger.Ledger, given: Given) -> None:
        said = _noted(book, given["job"], (events.jobs.Drafted, events.jobs.Reported))
        waiting = [worker for worker in said if book.jobs.due(given["job"], worker)]
        if waiting:
            book.jobs.pay_all(given["job"], waiting[:MOST])
        else:
            book.jobs.give_back(given["job"])
