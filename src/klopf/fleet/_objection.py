"""A worker's hold on its pay: it is noted on the ledger before it works, and objects where no report comes, or one of
less than it was told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from klopf.errors import FleetError
from klopf.ledger import Ledger

__all__ = ["enlist", "object_to"]

_REPORT_BY, _FINAL_AT, _DISPUTE, _STATE = 4, 5, 6, 7
_OPEN, _REPORTED = 1, 2
"""Fields and states of the contract ``Jobs``."""


def enlist(verifier: Ledger, job: int, payees: Collection[str]) -> list[str]:
    """Note a unit (1e-18 KLP) for each payee that is not noted yet, while nobody has reported: it stands, and lets each
    of them object where no report comes. Gives those who were noted now."""
    if int(verifier.jobs._read("jobs", job)[_STATE]) != _OPEN:
        return []
    if own := [payee for payee in payees if payee.lower() == verifier.jobs.address.lower()]:
        raise FleetError(f"{own[0]} is the contract that holds the pay, and cannot be paid: have its card written anew")
    fresh = [payee for payee in sorted(set(payees)) if not verifier.jobs.due(job, payee)]
    if fresh:
        verifier.jobs.note(job, dict.fromkeys(fresh, 1))
    return fresh


def object_to(worker: Ledger, job: int, told: int = 0, *, bond: bool = False) -> str:
    """Object where that is needed, as whoever ``worker`` signs for; says what there was to say, "" where nothing.

    That nobody reported in time is a fact and costs nothing. That less is reported than ``told`` (units, by the
    server's own signed word) is for the DAO to decide, and needs a bond, put down only where ``bond`` says so.
    """
    said: Any = worker.jobs._read("jobs", job)
    now, state, due = worker.clock.now().time, int(said[_STATE]), worker.jobs.due(job, worker.me.address)
    if state == _OPEN and int(said[_REPORT_BY]) < now < int(said[_REPORT_BY]) + int(said[_DISPUTE]) and due:
        worker.jobs.dispute(job)
        return f"job {job}: nobody reported in time, and this worker has objected: the price stays"
    if state == _REPORTED and now < int(said[_FINAL_AT]) and due < told:
        less = f"job {job}: {due} units are reported for this worker, which was told of {told}"
        if not bond:
            return f"{less}; to object for a bond of {worker.jobs.bond(job)} units: klopf demand object --bond"
        worker.jobs.dispute(job)
        return f"{less}: it has objected"
    return ""
