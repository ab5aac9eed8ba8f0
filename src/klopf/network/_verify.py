"""``klopf verify``: do the books of a run follow from its events and receipts?"""

from __future__ import annotations

from pathlib import Path

from klopf import ledger
from klopf.network._anchor import not_compared, since_anchor
from klopf.network._folder import read_run
from klopf.network._receipts import read_receipts

__all__ = ["count_disputes", "unverified", "verify"]


def verify(folder: Path) -> list[str]:
    """A line for everything in the run folder that does not follow; empty if all is well.

    Raises:
        KlopfError: the folder or its ledger cannot be read at all.
    """
    run = read_run(folder)
    receipts, differences = read_receipts(folder / "receipts.jsonl")
    with run.connect() as book:
        differences += [str(difference) for difference in ledger.verify(book, receipts)]
    return [*differences, *since_anchor(run)]


def unverified(folder: Path) -> list[str]:
    """A line for everything that :func:`verify` could not compare, since what made it is not installed here."""
    return not_compared(read_run(folder))


def count_disputes(folder: Path) -> dict[str, int]:
    """How many disputes a run had: all, and by how they ended."""
    with read_run(folder).connect() as book:
        history = list(ledger.history(book))
    opened = sum(isinstance(e, ledger.events.disputes.Disputed) for e in history)
    answered = [e.kept for e in history if isinstance(e, ledger.events.disputes.DisputeEnded)]
    return {"opened": opened, "answered": sum(answered), "upheld": len(answered) - sum(answered)}
