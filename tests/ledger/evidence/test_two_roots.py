"""An auditor can have one root in an epoch, a neuron and a task: whatever else it tries is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import TINY, Net, Role, secret

from klopf import chain, ledger
from klopf.errors import Reverted
from klopf.ledger import Counts, Result
from klopf.ledger.audit.audits import rows_of

SALT = bytes(32)


def counts(right: int, root: int) -> Counts:
    return Counts(30, right * 10_000, right * 10_000**2, bytes([root]) * 32)


def case(tmp_path) -> tuple[Net, int, int, list[Result], list[Result]]:
    path = str(tmp_path / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    made = ledger.deploy(path, secret(0), replace(TINY, audit_seats=1, audit_quorum=1))
    net = Net(ledger.connect(path, secret(0), made), lambda seconds: None)
    net.pass_time = lambda seconds: net.admin.rpc.request("evm_increaseTime", hex(seconds))
    neuron, auditor = net.join(Role.NEURON), net.join(Role.AUDITOR)
    net.admin.clock.start()
    one, other = ([Result(neuron, {"accuracy": counts(right, right)})] for right in (20, 25))
    return net, neuron, auditor, one, other


def test_one_commitment_and_one_reveal_an_epoch_in_any_order_and_with_any_key(tmp_path) -> None:
    net, _, auditor, one, other = case(tmp_path)
    audits = net.clients[auditor].audits
    audits.commit(auditor, one, SALT)
    for again in (one, other):
        with pytest.raises(Reverted, match="AlreadyCommitted"):
            audits.commit(auditor, again, SALT)
    with pytest.raises(Reverted, match="WrongPhase"):
        audits.reveal(auditor, one, SALT)
    net.advance()
    with pytest.raises(Reverted, match="WrongPhase"):
        audits.commit(auditor, other, SALT)
    with pytest.raises(Reverted, match="WrongReveal"):
        audits.reveal(auditor, other, SALT)
    audits.reveal(auditor, one, SALT)
    for again in (one, other):
        with pytest.raises(Reverted, match="AlreadyRevealed"):
            audits.reveal(auditor, again, SALT)
    net.advance()
    for again in (one, other):  # the salt and results of before are worth nothing in the next epoch
        with pytest.raises(Reverted, match="WrongPhase"):
            audits.reveal(auditor, again, SALT)
    audits.commit(auditor, other, SALT)


def test_another_key_gives_no_second_commitment_and_no_other_reveal(tmp_path) -> None:
    net, _, auditor, one, other = case(tmp_path)
    mine, new = net.clients[auditor], ledger.keys.new()
    mine.audits.commit(auditor, one, SALT)
    mine.registry.rotate_key(auditor, new)
    with ledger.connect(str(tmp_path / "chain.db"), new, net.admin.deployment) as later:
        for who in (mine.audits, later.audits):
            with pytest.raises(Reverted, match=r"AlreadyCommitted|NotActor"):
                who.commit(auditor, other, SALT)
        net.advance()
        for who in (mine.audits, later.audits):
            with pytest.raises(Reverted, match=r"WrongReveal|NotActor"):
                who.reveal(auditor, other, SALT)
        later.audits.reveal(auditor, one, SALT)  # bound by the key of the commitment, which nobody can change any more


def test_one_result_a_neuron_and_one_count_a_task(tmp_path) -> None:
    """Both would be bound by one commitment, which is over whatever is said."""
    net, neuron, auditor, one, other = case(tmp_path)
    audits = net.clients[auditor].audits
    rows = rows_of([*one, *other])
    (_, (first,)), (_, (second,)) = rows
    for attempt, why in (
        (rows, "NotSorted"),
        ([(neuron, [first, second])], "OutOfRange"),
        ([(neuron, [second, first])], "OutOfRange"),
    ):
        commitment = audits._read(
            "commitmentOf", net.admin.clock.now().epoch, net.clients[auditor].me.address, attempt, SALT
        )
        audits._write("commit", auditor, commitment)
        net.advance()
        with pytest.raises(Reverted, match=why):
            audits._write("reveal", auditor, attempt, SALT)
        net.advance()
