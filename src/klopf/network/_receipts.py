"""``receipts.jsonl``: every receipt of a run that was claimed or disputed, in one file."""

from __future__ import annotations

import json
from pathlib import Path

from klopf import files, ledger
from klopf.errors import KlopfError, PeersError
from klopf.network._folder import Run

__all__ = ["gather_receipts", "read_receipts"]


def gather_receipts(run: Run) -> Path:
    """Put every receipt that was claimed or disputed into one file, ``receipts.jsonl``, for ``klopf verify``.

    A listener can hand a receipt over with a proof that leads nowhere. A proof that does not lead to the posted root is
    worth nothing, and is left out.
    """
    events = ledger.events
    with run.connect() as book:
        history = list(ledger.history(book))
    claimed = {e.leaf for e in history if isinstance(e, events.settlement.Heard | events.settlement.Refused)}
    roots = {(e.epoch, e.id): e.root for e in history if isinstance(e, events.settlement.Posted)}
    disputed = {e.leaf: roots.get((e.epoch, e.listener)) for e in history if isinstance(e, events.disputes.Disputed)}
    kept: dict[bytes, str] = {}
    for member in run.members:
        for file in sorted((run.folder / member.folder / "receipts").glob("*.jsonl"), key=lambda f: int(f.stem)):
            for line in file.read_text().splitlines():
                if not (line.startswith("{") and line.endswith("}")):
                    continue  # cut off by a crash
                signed = ledger.SignedReceipt.from_json(json.loads(line))
                leaf = signed.receipt.leaf
                if leaf in claimed:
                    kept[leaf] = line
                elif leaf in disputed:
                    proved = signed.root == disputed[leaf]
                    kept[leaf] = line if proved else json.dumps(signed.with_proof(()).to_json())
    path = run.folder / "receipts.jsonl"
    files.replace(path, "".join(line + "\n" for line in kept.values()))
    return path


def read_receipts(path: Path) -> tuple[list[ledger.SignedReceipt], list[str]]:
    """The receipts in ``path``, and a line for each line that is none.

    Raises:
        PeersError: there is no such file.
    """
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
