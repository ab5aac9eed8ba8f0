"""Whatever tasks auditors invent, what they say of a neuron can be concluded in one transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import TINY, Net, Role, secret

from klopf.audit import audit_tasks
from klopf.errors import AuditError, LedgerError, Reverted
from klopf.ledger import Counts, Ledger, Result
from klopf.ledger._deployment import deploy_over
from klopf.ledger.audit.audits import MOST_TASKS, rows_of
from klopf.peers import Classes
from tests.ledger.memory import MemoryRpc

SALT = bytes(32)
COUNT = Counts(30, 240_000, 2_400_000_000)


def network(seats: int) -> tuple[Net, int, list[int]]:
    rpc, admin = MemoryRpc(), secret(0)
    made = deploy_over(rpc, admin, replace(TINY, audit_seats=seats, audit_quorum=seats // 2 + 1))
    net = Net(Ledger(rpc, made, admin), lambda s: rpc.request("evm_increaseTime", s) and None)
    neuron, auditors = net.join(Role.NEURON), [net.join(Role.AUDITOR) for _ in range(seats)]
    net.admin.clock.start()
    return net, neuron, auditors


def tasks(count: int, of: object = "") -> dict[str, Counts]:
    return {f"t{of}.{i}": COUNT for i in range(count)}


@pytest.mark.parametrize("count", [0, MOST_TASKS + 1, 495])
def test_more_tasks_than_an_auditor_may_score_are_refused_before_anything_is_sent(count: int) -> None:
    net, neuron, (auditor,) = network(1)
    audits, found = net.clients[auditor].audits, [Result(neuron, tasks(count))]
    height = net.admin.rpc.height()
    for send in (audits.commit, audits.reveal):
        with pytest.raises(
            LedgerError, match=f"in {count} tasks: an auditor scores .* one task to {MOST_TASKS}"
        ) as told:
            send(auditor, found, SALT)
        assert not isinstance(told.value, Reverted) and "\n" not in str(told.value)
    assert net.admin.rpc.height() == height
    audits._write("commit", auditor, audits.commitment(1, net.clients[auditor].me.address, found, SALT))
    net.advance()
    with pytest.raises(Reverted, match="OutOfRange"):  # nor by whoever does not use the client
        audits._write("reveal", auditor, rows_of(found), SALT)


@pytest.mark.parametrize("own", [True, False])
def test_the_most_that_may_be_said_of_a_neuron_is_concluded_in_one_transaction(own: bool) -> None:
    """Sixteen auditors, each with as many tasks as it may have, of its own or all the same."""
    net, neuron, auditors = network(16)
    found = {id: [Result(neuron, tasks(MOST_TASKS, id if own else ""))] for id in auditors}
    for id, results in found.items():
        net.clients[id].audits.commit(id, results, SALT)
    net.advance()
    for id, results in found.items():
        net.clients[id].audits.reveal(id, results, SALT)
    net.advance()
    sent = net.admin.audits._write("conclude", 1, [neuron])
    assert net.admin.audits.concluded(1, neuron) and sent.gas < 2**24 * 3 // 4
    assert [net.admin.audits.agreed(1, neuron, id) for id in auditors] == [not own] * 16
    print(f"{sent.gas:,} gas")


def test_a_network_that_names_more_tasks_is_refused() -> None:
    with pytest.raises(AuditError, match="9 audit tasks are named: an auditor scores a neuron in 8 at most"):
        audit_tasks([f"t{i}" for i in range(9)], Classes(("a",), ("no", "yes")))
