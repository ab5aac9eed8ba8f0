"""Effort that is faked earns less than it costs, whatever its amount and order; and work pays who did it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Economy
from tests.ledger.cycles import DAY, Fleet
from tests.ledger.farm import Farm, network


@pytest.mark.parametrize("shells", [1, 30, 300])
def test_devices_without_a_byte_earn_nothing(shells: int) -> None:
    net = network()
    honest, fake = Farm(net, 100 * KLP, 1), Farm(net, 0, shells, first=6000)
    honest.report(1, 10**15)
    for device in fake.keys:
        fake.report(device, 0)
    with pytest.raises(Reverted, match="StakeTooSmall"):
        fake.report(next(iter(fake.keys)), 1)
    net.pass_time(DAY)
    honest.collect(1)
    fake.collect(1)
    assert fake.wealth == 0
    assert honest.wealth == 96 * KLP  # ten burnt for the petabyte, six paid for it


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 10**18)), min_size=1, max_size=12),
    st.sampled_from((Economy(), Economy(bonus_from=0, bonus_until=2, bonus_bps=10_000, per_core=10**14))),
    st.integers(1, 10**18),
)
@settings(max_examples=15, deadline=None)
def test_who_works_for_himself_loses(work: list[tuple[int, int]], economy: Economy, rate: int) -> None:
    """Two days, so that the second has its whole bonus; beside somebody honest, at any price of bytes."""
    net = network(economy=replace(economy, bytes_per_stake=rate))
    other, farm = Farm(net, 10**6 * KLP, 1), Farm(net, 10**6 * KLP, 5, first=6000)
    devices = list(farm.keys)
    for cycle in (1, 2):
        before, burnt = farm.wealth, 0
        for which, verified in work:
            price = -(-verified * KLP // rate)
            if burnt + price > net.admin.stake.account(farm.id).staked:
                continue
            try:
                farm.report(devices[which % 5], verified)
            except Reverted:
                farm.serial[cycle, devices[which % 5]] -= 1
        burnt = before - farm.wealth
        if rate >= 10**9:
            other.report(1, 10**9)
        net.pass_time(DAY)
        farm.collect(cycle)
        gained = farm.wealth - (before - burnt)
        assert gained <= burnt * 9 // 10
        other.collect(cycle)


def test_the_jumps_are_not_ended_by_stake_that_is_taken_back() -> None:
    """The milestone costs what its bytes cost; shells beside the one device change nothing."""
    net = network()
    farm = Farm(net, 6_700_000 * KLP, 40)
    before = farm.wealth
    device = next(iter(farm.keys))
    for _ in range(37):
        farm.report(device, 18 * 10**18)
    assert net.admin.effort.total(1) < Economy().milestone  # 666 PB more would cost what is not there any more
    assert net.admin.stake.account(farm.id).staked < 50_000 * KLP
    net.pass_time(DAY)
    farm.collect(1)
    assert not net.admin.emission.milestone()
    assert farm.wealth < before - 6_000_000 * KLP


def test_the_bonus_follows_work_and_not_shells() -> None:
    def weight(shells: int, working: int) -> int:
        net = network()
        farm = Farm(net, 1000 * KLP, shells + working)
        for _ in (1, 2):
            cycle = net.admin.emission.cycle()
            for device in list(farm.keys)[:working]:
                farm.report(device, 10**12)
            for device in list(farm.keys)[working:]:
                farm.report(device, 1)
            net.pass_time(DAY)
            net.admin.emission.roll()
        bonus = int(net.admin.effort._read("weightsOf", cycle)) * 10_000 // net.admin.effort.total(cycle)
        return bonus

    assert weight(0, 1) == weight(59, 1) == 10_000
    assert weight(0, 60) == 10_000 + 5000 * 30 // 270


def test_work_pays_whoever_owned_the_device_when_it_was_done(net: Net) -> None:
    """Signed before the sale and brought after it, by the buyer even, and under another key by then."""
    fleet = Fleet(net, 1)
    (device,) = fleet.keys
    seller, buyer = fleet.owner, net.clients[net.join(Role.REQUESTER)]
    cycle = net.admin.emission.cycle()
    receipt = (cycle, 1, device, fleet.receiver, 10**12, 3600, 0)
    digest = net.admin.effort.digest(receipt)
    ends = fleet.keys[device].sign(digest), net.clients[fleet.receiver].me.sign(digest)
    seller.devices.transfer(device, buyer.me.address)
    assert net.admin.effort.node_of(device) == 0
    assert net.admin.effort.node(fleet.node)[3] == 0
    other = buyer.effort.found()
    buyer.effort.join(device, other)
    buyer.devices.rotate_key(device, secret(77))
    with pytest.raises(Reverted, match="NotOwner"):
        seller.devices.rotate_key(device, secret(78))
    with pytest.raises(Reverted, match="KeyInUse"):
        buyer.devices.rotate_key(device, secret(77))
    buyer.effort.report(receipt, *ends)
    with pytest.raises(Reverted, match="WrongSerial"):
        buyer.effort.report(receipt, *ends)
    fleet.keys[device], fleet.serial[device] = secret(77), 0
    fleet.report(device, 3 * 10**12)
    net.pass_time(DAY)
    before = [net.admin.token.balance(x.me.address) for x in (seller, buyer)]
    for node in (fleet.node, other):
        net.admin.effort.pay_node(cycle, node)
        for owner in (seller, buyer):
            net.admin.effort.pay_device(cycle, node, device, owner.me.address)
    gained = [net.admin.token.balance(x.me.address) - b for x, b in zip((seller, buyer), before, strict=True)]
    assert gained[0] == 6 * KLP // 1000  # three fifths of what its bytes cost
    assert 179 * KLP // 10_000 < gained[1] <= 18 * KLP // 1000  # the fixed part of the other hardly counts
    assert ledger.verify(net.admin, []) == []
