"""A phase that others end early costs nobody stake: it goes on while somebody has something to show that it must."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, Net, Role

from klopf.errors import Reverted
from klopf.ledger import Parameters, Phase, verify
from tests.ledger.farm import network

RULES = replace(Parameters(dispute_seconds=0), audit_seats=1, audit_quorum=1)


def crowd(stake: int = 10_000 * KLP) -> tuple[Net, list[int]]:
    """Three neurons with nearly all of the stake, and who has the rest: they do not wait for a fiftieth."""
    net = network(RULES)
    return net, [net.join(Role.NEURON, stake=stake, tokens=2 * stake) for _ in range(3)]


def to_claim(net: Net, many: list[int]) -> None:
    for id in many:
        net.post(id, {})
    assert net.admin.clock.advance() and net.admin.clock.now().phase is Phase.CLAIM


def claimed(net: Net, many: list[int]) -> None:
    for id in many:
        net.clients[id].settlement.claim(id, [])


def test_an_auditor_is_waited_for_until_it_has_revealed() -> None:
    """It lost 40 of 100 KLP where everybody else was quicker than it."""
    net, many = crowd()
    quick, slow = net.join(Role.AUDITOR, stake=150 * KLP), net.join(Role.AUDITOR)
    net.admin.clock.start()
    for id in (quick, slow):
        net.clients[id].audits.commit(id, [], bytes(32))
    to_claim(net, many)
    claimed(net, many)
    net.clients[quick].audits.reveal(quick, [], bytes(32))
    assert not net.admin.clock.advance()
    net.clients[slow].audits.reveal(slow, [], bytes(32))
    assert net.admin.clock.advance()
    net.admin.settle(1)
    assert net.admin.stake.account(slow).slashed == 0
    assert [str(d) for d in verify(net.admin, net.receipts)] == []


def test_who_reveals_nothing_pays_for_the_wait_and_who_has_nothing_at_stake_is_not_waited_for() -> None:
    net, many = crowd()
    quick, never = net.join(Role.AUDITOR, stake=300 * KLP), net.join(Role.AUDITOR)
    shells = [net.join(Role.AUDITOR, stake=stake) for stake in (0, 1, 99 * KLP)]
    net.admin.clock.start()
    for id in (quick, never, *shells):
        net.clients[id].audits.commit(id, [], bytes(32))
    to_claim(net, many)
    claimed(net, many)
    net.clients[quick].audits.reveal(quick, [], bytes(32))
    net.clients[shells[0]].audits.reveal(shells[0], [], bytes(32))
    assert not net.admin.clock.advance()
    net.pass_time(RULES.claim_seconds)
    assert net.admin.clock.advance()
    net.admin.settle(1)
    assert net.admin.stake.account(never).slashed == 40 * KLP
    for id in shells[1:]:
        net.clients[id].audits.commit(id, [], b"\1" * 32)
    to_claim(net, many)
    claimed(net, many)
    assert net.admin.clock.advance()  # nobody whom it would cost


def test_a_value_of_the_beacon_is_waited_for() -> None:
    net, many = crowd()
    quick, slow = net.join(Role.AUDITOR), net.join(Role.AUDITOR)
    net.admin.clock.start()
    for id in (quick, slow):
        net.clients[id].beacon.take_part(id)
    to_claim(net, many)
    claimed(net, many)
    assert net.admin.clock.advance()  # bound from the next epoch on
    to_claim(net, many)
    claimed(net, many)
    net.clients[quick].beacon.take_part(quick)
    assert not net.admin.clock.advance()
    net.clients[slow].beacon.take_part(slow)
    assert net.admin.clock.advance()
    net.admin.settle(2)
    assert net.admin.stake.account(slow).slashed == 0 and net.admin.beacon.owed(2) == 0
    for left in (2, 1, 0):
        assert net.admin.beacon.owed(3) == left
        if left:
            one = (slow, quick)[2 - left]
            if net.admin.clock.now().phase is Phase.LISTEN:
                to_claim(net, many)
            net.clients[one].beacon.take_part(one, leaving=True)
    claimed(net, many)
    assert net.admin.clock.advance() and net.admin.beacon.owed(4) == 0
    assert [str(d) for d in verify(net.admin, net.receipts)] == []


def test_who_cannot_show_for_want_of_stake_is_not_waited_for() -> None:
    """Else who binds a chain and takes its stake away holds everybody up, and pays nothing."""
    net, many = crowd()
    poor, other = net.join(Role.AUDITOR), net.join(Role.AUDITOR)
    net.admin.clock.start()
    for id in (poor, other):
        net.clients[id].beacon.take_part(id)
    net.clients[poor].stake.unstake(poor, 60 * KLP)
    to_claim(net, many)
    claimed(net, many)
    assert net.admin.clock.advance() and net.admin.beacon.owed(2) == 2
    net.admin.beacon.settle([poor, other])
    assert net.admin.beacon.owed(2) == 1
    to_claim(net, many)
    claimed(net, many)
    with pytest.raises(Reverted, match="NotBound"):
        net.clients[poor].beacon.show(poor, bytes(32))
    assert not net.admin.clock.advance()
    net.clients[other].beacon.take_part(other)
    assert net.admin.clock.advance()
    assert net.admin.stake.account(poor).slashed == 0
    assert [str(d) for d in verify(net.admin, net.receipts)] == []


def test_a_value_that_was_missed_holds_up_no_later_epoch() -> None:
    net, many = crowd()
    gone, other, third = (net.join(Role.AUDITOR) for _ in range(3))
    net.admin.clock.start()
    for id in (gone, other, third):
        net.clients[id].beacon.take_part(id)
    for epoch in (1, 2, 3):
        to_claim(net, many)
        claimed(net, many)
        for id in (other, third):
            if epoch > 1:
                net.clients[id].beacon.take_part(id)
        assert net.admin.clock.advance() == (epoch != 2)
        if epoch == 2:
            net.pass_time(RULES.claim_seconds)
            assert net.admin.clock.advance()
            net.admin.beacon.settle([gone])
            assert net.admin.stake.account(gone).slashed == 5 * KLP
    assert [str(d) for d in verify(net.admin, net.receipts)] == []


def test_the_stake_of_who_only_asks_holds_nobody_up() -> None:
    """Whoever pays devices has much at stake, and never arrives."""
    net, many = crowd(100 * KLP)
    receiver = net.join(Role.REQUESTER)
    net.clients[receiver].stake.stake(receiver, 5_000 * KLP)
    net.admin.clock.start()
    assert net.admin.registry.weight() == 300 * KLP
    to_claim(net, many)
    claimed(net, many)
    assert net.admin.clock.advance()
    assert [str(d) for d in verify(net.admin, net.receipts)] == []
