"""``klopf verify``: do the books of a run follow from its events and receipts?"""

from __future__ import annotations

import json
from pathlib import Path

from klopf import ledger
from klopf.console.network.prepare import read_run
from klopf.errors import KlopfError, PeersError

__all__ = ["count_disputes", "verify_run"]


def verify_run(folder: Path) -> list[str]:
    """A line for everything in the run folder that does not follow; empty if all is well.

    Raises:
        KlopfError: the folder or its ledger cannot be read at all.
    """
    run = read_run(folder)
    receipts, differences = _read_receipts(folder / "receipts.jsonl")
    with run.connect() as book:
        differences += [str(difference) for difference in ledger.verify(book, receipts)]
    return differences


def count_disputes(folder: Path) -> dict[str, int]:
    """How many disputes a run had: all, and by how they ended."""
    with read_run(folder).connect() as book:
        history = list(ledger.history(book))
    opened = sum(isinstance(e, ledger.events.Disputed) for e in history)
    answered = [e.kept for e in history if isinstance(e, ledger.events.DisputeEnded)]
    return {"opened": opened, "answered": sum(answered), "upheld": len(answered) - sum(answered)}


def _read_receipts(path: Path) -> tuple[list[ledger.SignedReceipt], list[str]]:
    receipts, faults = [], []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise PeersError(f"{path} is missing: a run writes it when it ends") from None
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            receipts.append(ledger.SignedReceipt.from_json(json.loads(line)))
        except (ValueError, TypeError, KeyError, KlopfError) as error:
            faults.append(f"receipts.jsonl line {number} is no receipt: {error}")
    return receipts, faults
