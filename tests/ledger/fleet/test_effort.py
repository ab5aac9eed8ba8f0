"""Devices, their effort and its pay: right to the unit, over both chains."""

from __future__ import annotations

import pytest
from ledger_helpers import KLP, Net, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger.fleet import _reference as fleet_ref
from tests.ledger.cycles import DAY, USUAL, Fleet

PER = (USUAL.per_core, USUAL.per_teraflop, USUAL.per_gib)
BONUS = (USUAL.bonus_from, USUAL.bonus_until, USUAL.bonus_bps)


def test_effort_is_paid_by_the_nodes_own_rule(net: Net) -> None:
    fleet = Fleet(net, 2, by_data=True, fee_bps=1000)
    first, second = fleet.keys
    fleet.report(first, 10**12, 3600, 1800)  # 1 TB, half the time communicating
    fleet.report(second, 3 * 10**12, 3600)
    fleet.report(second, 10**12, 3600)
    fixed = fleet_ref.fixed_effort(4, 1, 1024, PER)
    assert net.admin.effort.total(1) == 5 * 10**14 + 4 * 10**15 + 2 * fixed
    effort = net.admin.effort
    with pytest.raises(Reverted, match="StillOpen"):
        effort.pay_node(1, fleet.node)
    net.pass_time(DAY)
    leader, owner = fleet.leader.me.address, fleet.owner.me.address
    before = [net.admin.token.balance(x) for x in (leader, owner)]
    effort.pay_node(1, fleet.node)
    effort.pay_node(1, fleet.node)  # again: nothing
    for device in fleet.keys:
        effort.pay_device(1, fleet.node, device, owner)
        effort.pay_device(1, fleet.node, device, owner)
    gained = [net.admin.token.balance(x) - b for x, b in zip((leader, owner), before, strict=True)]
    burnt = 5 * KLP // 100  # 5 TB at 10 KLP a PB
    assert net.admin.token.burnt() == burnt
    assert gained == [burnt * 6 // 100, burnt * 54 // 100]  # three fifths come back, a tenth of it the leader's
    assert ledger.verify(net.admin, []) == []


def test_a_sold_device_keeps_its_past_with_the_seller(net: Net) -> None:
    fleet = Fleet(net, 1)
    (device,) = fleet.keys
    buyer = secret(99).address
    born = net.admin.clock.now().time
    fleet.report(device, 10**12)
    net.pass_time(100)
    fleet.owner.devices.transfer(device, buyer)
    sold = net.admin.clock.now().time
    fleet.serial[device] = 0
    with pytest.raises(Reverted, match="UnknownNode"):
        fleet.report(device, 3 * 10**12)  # a device that is sold has left its node
    fleet.join_again(device, secret(99))
    fleet.report(device, 3 * 10**12)
    assert net.admin.devices.owner(device) == buyer
    assert net.admin.devices.owner_at(device, sold - 50) == fleet.owner.me.address
    assert net.admin.devices.owner_at(device, sold + 50) == buyer
    assert net.admin.devices.owner_at(device, born - 1000) == "0x" + "00" * 20
    with pytest.raises(Reverted, match="NotOwner"):
        fleet.owner.effort.join(device, 0)
    net.pass_time(DAY)
    net.admin.effort.pay_node(1, fleet.node)
    before = net.admin.token.balance(fleet.owner.me.address)
    net.admin.effort.pay_device(1, fleet.node, device, fleet.owner.me.address)
    net.admin.effort.pay_device(1, fleet.node, device, buyer)
    seller = net.admin.token.balance(fleet.owner.me.address) - before
    bought = net.admin.token.balance(buyer)
    assert 0 <= 24 * KLP // 1000 - seller - bought < 3  # three fifths of what 4 TB cost
    assert 0 <= 3 * seller - bought < bought // 50  # the fixed part of the first report hardly counts
    assert ledger.verify(net.admin, []) == []


def test_only_signed_fresh_and_covered_effort_counts(net: Net) -> None:
    fleet = Fleet(net, 1)
    (device,) = fleet.keys
    cases = (
        ({"cycle": 2}, "WrongCycle"),
        ({"serial": 2}, "WrongSerial"),
        ({"talk": 3601}, "WrongTimes"),
        ({"work": 0}, "WrongTimes"),
        ({"bytes": 10**15 + 1}, "StakeTooSmall"),  # ten KLP pay for 1 PB
        ({"receiver": fleet.receiver + 1}, "WrongReceiverSignature"),
    )
    for spoil, name in cases:
        with pytest.raises(Reverted, match=name):
            fleet.report(device, 10**12, **spoil)
    fleet.report(device, 10**15 - 10**12)
    with pytest.raises(Reverted, match="StakeTooSmall"):
        fleet.report(device, 10**12 + 1)
    fleet.keys[device] = secret(1)
    with pytest.raises(Reverted, match="WrongDeviceSignature"):
        fleet.report(device, 1)
    with pytest.raises(Reverted, match="KeyInUse"):
        fleet.owner.devices.mint(secret(400 + 100 * fleet.node), 1, 1, 1, bytes(32))
    with pytest.raises(Reverted, match="WrongKeySignature"):
        fleet.owner.devices._write("mint", secret(2).address, 1, 1, 1, bytes(32), bytes(65))
    assert net.admin.effort.total(1) == 999 * 10**15 + fleet_ref.fixed_effort(4, 1, 1024, PER)


def test_the_bonus_of_a_node(net: Net) -> None:
    weights = USUAL.as_tuple()[0]
    for n in (0, 1, 30, 31, 57, 165, 299, 300, 5000):
        assert net.admin.effort._read("bonusBps", weights, n) == fleet_ref.bonus(n, *BONUS)
    assert (fleet_ref.bonus(30, *BONUS), fleet_ref.bonus(300, *BONUS)) == (10_000, 15_000)
