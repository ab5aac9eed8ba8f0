"""A proposal of the DAO, as its voters should know it: what it would change, read from the calls that it would make."""

from __future__ import annotations

from typing import Any

from klopf import ledger
from klopf.console.web._source import Source
from klopf.console.web._text import clean
from klopf.network import plain
from klopf.network._summary import tokens as klp

__all__ = ["proposal"]


def proposal(source: Source, id: int) -> dict[str, Any]:
    """How it stands now. Each change is a rule with its value now and then, or a call that is none of a rule.

    Raises:
        KlopfError: there is no such proposal, or no DAO, or the ledger cannot be reached.
    """
    with source.connect() as book:
        dao = book.client(ledger.Governance)
        found = dao.get(id)
        lines = dao.changes(found)
    changes = []
    for line in lines:
        rule, _, values = line.partition(": ")
        now, arrow, then = values.partition(" -> ")
        changes.append({"rule": rule, "now": now if arrow else "", "then": then if arrow else values})
    return {
        "description": clean(found.description), "proposer": found.proposer, "state": found.state.name.lower(),
        "waits": found.waits_for(), "changes": clean(changes),
        "votes": {support: plain(klp(units)) for support, units in found.votes.items()},
    }  # fmt: skip
