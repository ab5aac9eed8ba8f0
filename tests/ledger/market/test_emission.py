"""Emission by cycles: right to the unit, over both chains."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role

from klopf import ledger
from klopf.ledger.core import _reference as core_ref
from klopf.ledger.market import _reference as market_ref
from tests.ledger.cycles import DAY, RESERVE, USUAL, Fleet

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
