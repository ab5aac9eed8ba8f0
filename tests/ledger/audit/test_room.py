"""What an auditor commits to can be revealed: no more than fits into a transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from klopf.errors import LedgerError
from klopf.ledger import Counts, Result
from klopf.ledger.audit.audits import fitting
from tests.ledger.evidence.test_audit_pay import RULES, SALT, network

LIMIT = 2**24


@pytest.mark.parametrize("tasks", [1, 2, 8])
def test_as_much_as_fits_is_revealed_and_more_is_refused_before_it_costs_anything(tasks: int) -> None:
    most = 15_000 // (70 + 16 * 3 + 33 * tasks)
    a = network(most + 1, replace(RULES, audit_seats=3))
    auditor, epoch = a.auditors[0], a.net.admin.clock.now().epoch
    counts = {f"task {n}": Counts(240, 1_950_000 + n, 17_000_000_000, bytes([n + 1]) * 32) for n in range(tasks)}
    found = [Result(n, counts) for n in a.neurons]
    assert set(a.neurons) <= set(a.net.admin.audits.assignments(epoch, auditor))
    with pytest.raises(LedgerError, match="more than a transaction can reveal"):
        a.book(auditor).audits.commit(auditor, found, SALT)
    fit = fitting(found, 3)
    assert len(fit) == most
    a.book(auditor).audits.commit(auditor, fit, SALT)
    a.net.advance()
    assert a.book(auditor).audits.reveal(auditor, fit, SALT).gas < LIMIT
