"""Emission by cycles, devices and their effort, and jobs: right to the unit, over both chains."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Economy
from klopf.ledger.core import _reference as core_ref
from klopf.ledger.fleet import _reference as fleet_ref
from klopf.ledger.market import _reference as market_ref

DAY = 24 * 3600
RESERVE = 10**9 * KLP
USUAL = Economy()
PER = (USUAL.per_core, USUAL.per_teraflop, USUAL.per_gib)
BONUS = (USUAL.bonus_from, USUAL.bonus_until, USUAL.bonus_bps)
amounts = st.integers(0, RESERVE)


def test_the_schedule_is_computed_alike(net: Net) -> None:
    read = net.admin.emission._read

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2 * USUAL.milestone), amounts, st.integers(365, 65535), st.integers(0, 60 * 366))
    def alike(effort: int, first: int, period: int, n: int) -> None:
        assert read("beforeMilestone", effort) == market_ref.reward_before_milestone(
            effort, USUAL.thresholds, USUAL.rewards
        )
        assert read("firstDown", first, period) == market_ref.first_reward(first, period)
        assert read("halvedDown", first, period, n) == market_ref.reward_after_milestone(first, period, n)
        # the closed form against a plain sum, period by period
        whole, rest = divmod(n, period)
        plain = sum(period * market_ref.reward_after_milestone(first, period, k * period) for k in range(whole))
        assert read("sumHalved", first, period, n) == plain + rest * market_ref.reward_after_milestone(first, period, n)

    alike()
    for threshold, reward in zip(USUAL.thresholds, USUAL.rewards, strict=True):
        assert read("beforeMilestone", threshold) == reward
        if threshold:
            assert read("beforeMilestone", threshold - 1) < reward


def test_the_terms_of_the_first_day_are_those_of_the_documentation() -> None:
    assert [t // core_ref.WAD for t in USUAL.thresholds] == [0, 10, 100, 1_000, 10_000, 50_000, 100_000, 500_000]
    assert [r // (1_000 * KLP) for r in USUAL.rewards] == [100, 125, 150, 175, 200, 250, 300, 350]
    assert (USUAL.milestone, USUAL.halving_cycles) == (10**6 * core_ref.WAD, 1095)


@given(st.integers(0, 8_000), st.lists(st.sampled_from(USUAL.rewards), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_sixty_years_never_exceed_the_reserve(wait: int, jumps: list[int]) -> None:
    """Day by day in exact arithmetic: some years of jumps, then halvings to the end of 60 years."""
    left, period = RESERVE, USUAL.halving_cycles
    for day in range(wait):
        left -= min(left, jumps[day * len(jumps) // wait])
    first = market_ref.first_reward(left, period)
    paid = sum(market_ref.reward_after_milestone(first, period, n) for n in range(60 * 366 - wait))
    assert left - paid >= 0
    # and little is left over: what later halvings would pay, and roundings
    years = (60 * 366 - wait) // period
    assert left - paid <= (left >> years) + 2 * period * (years + 2)


def test_a_cycle_pays_no_more_than_its_reward(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    weights = {a: {b: 100}, b: {a: 100}, c: {a: 100, b: 100}}
    pools = [net.admin.settlement.epoch(net.epoch(weights)).pool for _ in range(6)]
    assert pools == [10_000 * KLP] * 5 + [0]  # 100,000 a cycle, half of it for listening
    assert net.admin.emission.market_left() == 0
    net.pass_time(DAY)
    assert net.admin.settlement.epoch(net.epoch(weights)).pool == 10_000 * KLP
    assert net.admin.emission.cycle() == 2
    assert net.admin.token.emitted() <= net.admin.emission.promised() == 60_000 * KLP
    assert ledger.verify(net.admin, net.receipts) == []


class Fleet:
    """A node of devices, and a receiver who signs for their bytes."""

    def __init__(self, net: Net, devices: int, by_data: bool = False, fee_bps: int = 0) -> None:
        self.net = net
        self.receiver = net.join(Role.REQUESTER)
        net.admin.fund(net.clients[self.receiver].me.address, tokens=10 * KLP)
        net.clients[self.receiver].stake.stake(self.receiver, 10 * KLP)
        self.owner = net.clients[net.join(Role.NEURON)]
        self.leader = net.clients[net.join(Role.NEURON)]
        self.node = self.leader.effort.found(by_data, fee_bps)
        self.keys = {}
        for n in range(devices):
            key = secret(400 + 100 * self.node + n)
            id = self.owner.devices.mint(key, 4, 1, 1024, bytes(32))
            self.owner.effort.join(id, self.node)
            self.keys[id] = key
        self.serial = dict.fromkeys(self.keys, 0)
        net.admin.emission.roll()

    def report(self, device: int, verified: int, work: int = 3600, talk: int = 0, **spoil: int) -> None:
        cycle = self.net.admin.emission.cycle()
        self.serial[device] += 1
        values = {"cycle": cycle, "serial": self.serial[device], "device": device, "receiver": self.receiver}
        receipt = tuple({**values, "bytes": verified, "work": work, "talk": talk, **spoil}.values())
        digest = self.net.admin.effort.digest(receipt)
        ends = self.keys[device].sign(digest), self.net.clients[self.receiver].me.sign(digest)
        try:
            self.net.admin.effort.report(receipt, *ends)
        except Reverted:
            self.serial[device] -= 1
            raise


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
    assert gained == [5_000 * KLP, 45_000 * KLP]  # the cycle's other half, a tenth of it the leader's
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
    assert 0 < seller < bought and 0 <= 50_000 * KLP - seller - bought < 3
    assert ledger.verify(net.admin, []) == []


def test_only_signed_fresh_and_covered_effort_counts(net: Net) -> None:
    fleet = Fleet(net, 1)
    (device,) = fleet.keys
    cases = (
        ({"cycle": 2}, "WrongCycle"),
        ({"serial": 2}, "WrongSerial"),
        ({"talk": 3601}, "WrongTimes"),
        ({"work": 0}, "WrongTimes"),
        ({"bytes": 10**15 + 1}, "StakeTooSmall"),
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


def test_the_milestone_begins_the_halving(net: Net) -> None:
    """A receiver with much at stake vouches for a zettabyte in one cycle."""
    fleet = Fleet(net, 1)
    (device,) = fleet.keys
    net.admin.stake.stake(fleet.receiver, 11_000_000 * KLP)
    for _ in range(64):
        fleet.report(device, 2**64 - 1)
        if net.admin.effort.total(1) >= USUAL.milestone:
            break
    assert net.admin.effort.total(1) >= USUAL.milestone
    net.pass_time(DAY)
    net.admin.emission.roll()
    assert net.admin.emission.milestone()
    assert net.admin.emission.reward(2) == RESERVE // 2190
    net.admin.effort.pay_node(1, fleet.node)
    fleet.serial[device] = 0
    fleet.report(device, 10**12)  # the fixed part counts for nothing now
    assert net.admin.effort.total(2) == 10**15
    net.pass_time(1096 * DAY)
    net.admin.emission.roll()
    assert net.admin.emission.reward(net.admin.emission.cycle()) == RESERVE // 2190 // 2
    assert ledger.verify(net.admin, []) == []


def test_the_bonus_of_a_node(net: Net) -> None:
    weights = USUAL.as_tuple()[0]
    for n in (0, 1, 30, 31, 57, 165, 299, 300, 5000):
        assert net.admin.effort._read("bonusBps", weights, n) == fleet_ref.bonus(n, *BONUS)
    assert (fleet_ref.bonus(30, *BONUS), fleet_ref.bonus(300, *BONUS)) == (10_000, 15_000)


class Work:
    """A job with a payer, a verifier and two workers."""

    def __init__(self, net: Net, price: int = 100 * KLP) -> None:
        self.net = net
        self.payer, self.verifier, *self.workers = (net.clients[net.join(Role.REQUESTER)] for _ in range(4))
        now = net.admin.clock.now().time
        self.id = self.payer.jobs.open(self.verifier.me.address, price, now + 1000, 500, bytes(32))

    def balances(self) -> list[int]:
        return [self.net.admin.token.balance(x.me.address) // KLP - 10_000 for x in (self.payer, *self.workers)]

    def report(self, *amounts: int, by: ledger.Ledger | None = None) -> None:
        split = {w.me.address: a * KLP for w, a in zip(self.workers, amounts, strict=True)}
        (by or self.verifier).jobs.report(self.id, split)


def test_a_job_is_paid_by_contribution_and_the_rest_returns(net: Net) -> None:
    job = Work(net)
    assert job.balances() == [-100, 0, 0]
    with pytest.raises(Reverted, match="NotAllowed"):
        job.report(50, 20, by=job.payer)
    with pytest.raises(Reverted, match="OverPrice"):
        job.report(50, 51)
    job.report(50, 20)
    a, b = (w.me.address for w in job.workers)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.pay(job.id, a)
    net.pass_time(501)
    net.admin.jobs.pay(job.id, a)
    with pytest.raises(Reverted, match="NothingDue"):
        net.admin.jobs.pay(job.id, a)
    net.admin.jobs.give_back(job.id)  # what b is due stays
    assert job.balances() == [-70, 50, 0]
    with pytest.raises(Reverted, match="NothingDue"):
        net.admin.jobs.give_back(job.id)
    net.admin.jobs.pay(job.id, b)
    assert job.balances() == [-70, 50, 20]
    assert net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_a_job_that_nobody_reports_on_is_the_payers_again(net: Net) -> None:
    job = Work(net)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.give_back(job.id)
    net.pass_time(1001)
    with pytest.raises(Reverted, match="WrongTimes"):
        job.report(1, 1)
    net.admin.jobs.give_back(job.id)
    assert job.balances() == [0, 0, 0]
    assert ledger.verify(net.admin, []) == []


def test_a_dispute_is_decided_by_the_rules_owner_or_by_time(net: Net) -> None:
    first = Work(net)
    first.report(90, 10)
    with pytest.raises(Reverted, match="NotAllowed"):
        first.verifier.jobs.dispute(first.id)
    first.workers[1].jobs.dispute(first.id)
    net.pass_time(501)
    with pytest.raises(Reverted, match="WrongState"):
        net.admin.jobs.pay(first.id, first.workers[0].me.address)
    with pytest.raises(Reverted, match="NotAllowed"):
        first.report(100, 0)
    first.report(50, 50, by=net.admin)
    for worker in first.workers:
        net.admin.jobs.pay(first.id, worker.me.address)
    assert first.balances() == [-100, 50, 50]
    second = Work(net)
    second.report(80, 0)
    second.payer.jobs.dispute(second.id)
    net.pass_time(91 * DAY)  # nobody decides: the report stands
    net.admin.jobs.give_back(second.id)
    net.admin.jobs.pay(second.id, second.workers[0].me.address)
    assert second.balances() == [-80, 80, 0]
    assert ledger.verify(net.admin, []) == []


def test_a_report_after_its_window_cannot_be_disputed(net: Net) -> None:
    job = Work(net)
    job.report(10, 0)
    net.pass_time(501)
    with pytest.raises(Reverted, match="WrongState"):
        job.payer.jobs.dispute(job.id)
