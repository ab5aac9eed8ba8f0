"""What an auditor committed to with one key it reveals with another: the key of the commitment counts."""

from __future__ import annotations

import pytest
from ledger_helpers import secret

from klopf import ledger
from klopf.errors import Reverted
from tests.ledger.evidence.test_audit_pay import SALT, Audited, network


def rotate(a: Audited, auditor: int, number: int) -> None:
    """The owner, whose own key is the first one, gives the auditor another."""
    a.book(auditor).registry.rotate_key(auditor, secret(number))


def lost(a: Audited, id: int) -> int:
    return a.net.admin.stake.account(id).slashed


@pytest.mark.parametrize("times", [1, 2])
def test_who_rotates_its_key_between_commit_and_reveal_reveals_and_loses_nothing(times: int) -> None:
    a = network(1)
    for auditor in a.auditors:
        a.audit(auditor, a.neurons[0])
    one, audits = a.auditors[0], a.net.admin.audits
    before = a.book(one).me.address
    both = a.hear()
    for auditor in a.auditors:
        a.book(auditor).audits.commit(auditor, a.results[auditor], SALT)
    for n in range(times):
        rotate(a, one, 9_000 + n)
    a.net.advance()
    if times == 2:
        rotate(a, one, 9_100)
    a.claim(both)
    for auditor in a.auditors:
        a.book(auditor).audits.reveal(auditor, a.results[auditor], SALT)
    a.net.advance()
    a.net.admin.settle(1)
    audits.absent(1, a.auditors)
    assert audits.committed_with(1, one) == before != a.net.admin.registry.get(one).key
    assert [lost(a, id) for id in a.auditors] == [0, 0, 0]
    a.over()
    assert a.collect(one) > 0
    a.verified()


def test_a_commitment_made_after_a_rotation_is_bound_to_the_new_key_whoever_sends_it() -> None:
    a = network(1)
    a.audit(a.auditors[0], a.neurons[0])
    one, other = a.auditors[:2]
    rotate(a, one, 9_000)
    found = a.results[one]
    a.book(one).audits.commit(one, found, SALT)  # the owner sends, with the key that it had before
    assert a.net.admin.audits.committed_with(1, one) == secret(9_000).address
    a.book(other).audits._write("commit", other, a.net.admin.audits.committed(1, one))  # a copy
    a.net.advance()
    a.book(one).audits.reveal(one, found, SALT)
    with pytest.raises(Reverted, match="WrongReveal"):
        a.book(other).audits.reveal(other, found, SALT)
    assert [str(d) for d in ledger.verify(a.net.admin, [])] == []
