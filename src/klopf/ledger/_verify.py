"""``klopf verify``: play the whole history again, from the events and the receipts alone, and name every difference.

Each contract's replay is an independent second implementation of its bookkeeping (see :mod:`klopf.ledger._replay`). An
event that no replay accounts for is a difference: of a contract whose pack is not installed, or one that a contract of
the pack's name should not be able to say. So is a contract whose code is not the one that its pack was compiled to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from klopf.errors import ChainError, LedgerError
from klopf.ledger._client import Connection
from klopf.ledger._event import Event
from klopf.ledger._history import history
from klopf.ledger._pack import belongs, contracts, not_used
from klopf.ledger._receipts import SignedReceipt
from klopf.ledger._replay import Difference, Verification

__all__ = ["Difference", "verify"]


def verify(ledger: Connection, receipts: Iterable[SignedReceipt]) -> list[Difference]:
    """Every difference between what happened, what must have happened, and what the contracts hold; [] if none.

    ``receipts`` are all that speakers were paid for (more do no harm). Over an embedded chain the file's own blocks are
    replayed first, so that an altered event is named even where no rule would notice it.
    """
    run = Verification(ledger, receipts, not_used)
    if ledger.rpc.chain is not None:
        try:
            ledger.rpc.chain.verify()
        except ChainError as error:
            run.differ("the ledger file", "whole", error)
    try:
        for name, contract in contracts().items():
            if name in ledger.deployment.addresses and belongs(name, ledger.deployment.packs):
                run.add(name, contract.replay, contract.needs_none)
        for transaction in transactions(history(ledger)):
            run.take(transaction)
        run.compare()
    except (LedgerError, ChainError) as error:
        run.differ("the ledger", "readable", error)
    return run.differences


def transactions(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events of one transaction after another."""
    for _, batch in groupby(events, key=lambda event: event.transaction):
        yield list(batch)
