"""From any rules that are legal the network goes on and can be mended; and what was done is judged by its own rules."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Result, Role, result

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Marks, Parameters, Phase
from tests.ledger.farm import network

DAY = 24 * 3600
EXTREMES = (0, 1, 2, 16, 100, 255, 1000, 3000, 10_000, 16_384, 58_982, 65_535, DAY, 90 * DAY, 2**32 - 1, 10**18, 10**24)
LONGEST = 2 * DAY + 10


def legal(net: Net, parameters: Parameters) -> bool:
    try:
        net.admin.rules.propose(parameters)
    except Exception as refused:
        assert isinstance(refused, Reverted) or "LedgerError" in type(refused).__name__
        return False
    return True


@given(
    st.lists(st.tuples(st.sampled_from([f.name for f in fields(Parameters)]), st.sampled_from(EXTREMES)), max_size=9)
)
@example([("thaw_seconds", 90 * DAY)])
@settings(max_examples=60, deadline=None)
def test_from_any_legal_rules_the_network_returns(changes: list[tuple[str, int]]) -> None:
    usual = Parameters(dispute_seconds=0)
    net = network(usual)
    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    net.admin.clock.start()
    extreme = usual
    for name, value in changes:
        if legal(net, replace(extreme, **{name: value})):
            extreme = replace(extreme, **{name: value})
    assume(legal(net, extreme))
    for _ in range(2):  # the epoch that brings them, and one that is played by them, in which nobody comes
        for _ in range(2):
            net.pass_time(DAY + 1)
            assert net.admin.clock.advance()
    assert net.admin.rules.current() == extreme
    net.post(a, {b: 100})
    assert legal(net, usual)
    for _ in range(2):
        net.pass_time(DAY + 1)
        assert net.admin.clock.advance()
    assert net.admin.rules.current() == usual
    epoch = net.epoch({a: {b: 100}, b: {a: 100}})
    assert net.admin.settlement.column(epoch, a).collected == net.admin.settlement.column(epoch, b).collected
    begun = net.admin.clock.now().time
    net.clients[a].stake.unstake(a, net.admin.stake.account(a).staked)
    held = net.admin.stake.account(a).ready_at - begun  # as long as by the rules before, had it begun at their end
    assert usual.thaw_seconds <= held <= max(usual.thaw_seconds, extreme.thaw_seconds) + 10
    net.pass_time(held)
    net.clients[a].stake.withdraw(a)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen_seconds", 2**32 - 1), ("claim_seconds", DAY + 1), ("thaw_seconds", 0), ("thaw_seconds", 239),
        ("thaw_seconds", 2**32 - 1), ("kappa", 1), ("kappa", 65_535), ("seats", 0), ("maturity", 65_535),
        ("audit_quorum", 1), ("floor_bps", 65_535), ("neuron_stake", 2 * 10**27), ("auditor_stake", 2 * 10**27),
        ("least_seconds", 61),
    ],
)  # fmt: skip
def test_what_bricks_or_robs_is_refused(name: str, value: int) -> None:
    net = network()
    with pytest.raises(Reverted, match="OutOfRange"):
        net.admin.rules.propose(replace(net.admin.rules.current(), **{name: value}))


@pytest.mark.parametrize("change", [{"floor_bps": 0, "slash_bps": 10_000}, {"slash_bps": 10_000}, {"audit_quorum": 3}])
def test_no_change_of_rules_reaches_back(change: dict[str, int]) -> None:
    net = network(Parameters(dispute_seconds=0, floor_bps=2000, slash_bps=100))
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR, stake=1000 * KLP) for _ in range(3)]
    net.admin.clock.start()
    results = {a: [result(neuron, 9000 - 400 * i, 8000, half=50)] for i, a in enumerate(auditors)}
    for a in auditors:
        net.clients[a].audits.commit(a, results[a], bytes(32))
    net.advance()
    for a in auditors:
        net.clients[a].audits.reveal(a, results[a], bytes(32))
    net.admin.rules.propose(replace(net.admin.rules.current(), **change))
    net.admin.marks.propose(Marks({"accuracy": 10_000}))
    net.advance()
    net.admin.audits.conclude(1, [neuron])
    net.admin.audits.punish(1, [neuron])
    assert [net.admin.stake.account(a).slashed for a in auditors] == [0, 0, 0]
    assert net.admin.registry.get(neuron).passed
    assert net.admin.rules.played_in(1).floor_bps == 2000 and net.admin.rules.played_in(2) == net.admin.rules.current()


def test_a_liar_is_not_gone_before_it_is_judged() -> None:
    """Whoever takes its stake out as its epoch begins still has it thawing when the epoch is judged."""
    net = network(Parameters(dispute_seconds=0, thaw_seconds=240))
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR, stake=1000 * KLP) for _ in range(3)]
    net.admin.clock.start()
    liar = auditors[0]
    net.clients[liar].stake.unstake(liar, 1000 * KLP)
    results = {a: [result(neuron)] for a in auditors}
    results[liar] = [Result(neuron, {t: replace(s, value=0, low=0, high=0) for t, s in result(neuron).scores.items()})]
    for a in auditors:
        net.clients[a].audits.commit(a, results[a], bytes(32))
    net.pass_time(61)
    assert net.admin.clock.advance()
    for a in auditors:
        net.clients[a].audits.reveal(a, results[a], bytes(32))
    net.pass_time(61)
    assert net.admin.clock.advance()
    with pytest.raises(Reverted, match="NotThawed"):
        net.clients[liar].stake.withdraw(liar)
    net.admin.audits.conclude(1, [neuron])
    net.admin.audits.punish(1, [neuron])
    assert net.admin.stake.account(liar).slashed == 200 * KLP


# -- the clock --


@pytest.mark.parametrize("idle", [1, 3])
def test_who_has_nothing_at_stake_holds_nobody_up(idle: int) -> None:
    net = network()
    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    late = [net.join(Role.REQUESTER, tokens=0) for _ in range(idle)]
    net.admin.clock.start()
    for _ in range(3):
        net.post(a, {b: 100})
        net.post(b, {a: 100})
        assert net.admin.clock.advance()
        for id in (a, b):
            net.clients[id].settlement.claim(id, [])
        for id in late:
            net.clients[id].clock.arrive(id)  # expected from now on, and it never comes
        assert net.admin.clock.advance()


@pytest.mark.parametrize(("honest", "stake"), [(10, 100), (3, 30), (60, 1000)])
def test_a_small_stake_cannot_race_the_clock(honest: int, stake: int) -> None:
    """Everybody else misses a phase; then the attacker alone is expected, and still waits for every deadline."""
    net = network()
    for _ in range(honest):
        net.join(Role.NEURON, stake=1000 * KLP)
    attackers = [net.join(Role.NEURON, stake=max(100, stake) * KLP) for _ in range(2)]
    net.admin.clock.start()
    a, b = attackers
    for _ in range(4):
        net.post(a, {b: 65_535})
        net.post(b, {a: 65_535})
        assert not net.admin.clock.advance()
        net.pass_time(60)
        assert net.admin.clock.advance()
        assert net.admin.clock.now().phase is Phase.CLAIM
        for id in attackers:
            net.clients[id].settlement.claim(id, [])
        assert not net.admin.clock.advance()
        net.pass_time(60)
        assert net.admin.clock.advance()


def test_no_phase_is_shorter_than_the_rules_say() -> None:
    net = network(Parameters(dispute_seconds=0, least_seconds=20))
    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    net.admin.clock.start()
    net.post(a, {b: 100})
    net.post(b, {a: 100})
    net.pass_time(19)
    assert not net.admin.clock.advance()
    net.pass_time(1)
    assert net.admin.clock.advance()


def arrive(net: Net, ids: list[int], after: int) -> bool:
    for id in ids:
        net.clients[id].clock.arrive(id)
    net.pass_time(after)
    return bool(net.admin.clock.advance())


@pytest.mark.parametrize("raced", [False, True])
def test_who_is_slower_than_the_others_is_not_raced_for_ever(raced: bool) -> None:
    """A slow neuron misses a deadline once. With a least time it comes back within it; without, in the eighth phase."""
    rules = Parameters(dispute_seconds=0)
    assert rules.unraced().least_seconds == 30
    net = network(rules if raced else rules.unraced())
    quick, slow = [net.join(Role.NEURON) for _ in range(4)], net.join(Role.NEURON)
    net.admin.clock.start()
    assert not arrive(net, quick, after=0) and arrive(net, [], after=60)
    for _ in range(7):
        left_behind = arrive(net, quick, after=0)
        assert left_behind == raced
        if not left_behind:
            assert not arrive(net, [], after=25) and arrive(net, [slow], after=5)
    if raced:
        assert not arrive(net, quick, after=55), "the eighth phase lasts its whole time"
        assert arrive(net, [slow], after=5)
    for _ in range(3):  # who came is expected, and waited for
        assert not arrive(net, quick, after=45) and arrive(net, [slow], after=0)
    if raced:
        assert not arrive(net, quick, after=0) and arrive(net, [], after=60)
        assert arrive(net, quick, after=0), "it missed a deadline"


def test_who_is_cut_off_by_those_who_are_quicker_is_still_expected() -> None:
    """Otherwise each phase would leave out another fiftieth of the stake, down to the half of it."""
    net = network()
    quick = [net.join(Role.NEURON, stake=1000 * KLP) for _ in range(9)]
    late = [net.join(Role.NEURON, stake=180 * KLP) for _ in range(3)]
    net.admin.clock.start()
    assert not arrive(net, quick + late, after=0) or net.admin.clock.now().expected == 12
    while net.admin.clock.now().expected != 12:
        assert arrive(net, quick + late, after=60)
    weights = net.admin.clock.weights()
    assert arrive(net, quick + late[:2], after=0), "a fiftieth is not waited for"
    assert net.admin.clock.weights() == (0, weights[1]) and net.admin.clock.now().expected == 12
    assert not arrive(net, quick + late[:1], after=0), "another fiftieth is"
    assert arrive(net, late[2:], after=0)
    net.clients[late[1]].clock.depart(late[1])
    assert net.admin.clock.now().expected == 11
    assert ledger.verify(net.admin, []) == []


def test_where_next_to_all_come_no_phase_need_last() -> None:
    """A twentieth that never comes is waited for once; a tenth in one of eight phases."""
    for count, stays_away, whole in ((20, 1, [1]), (10, 1, [1, 9, 17])):
        net = network()
        ids = [net.join(Role.NEURON) for _ in range(count)]
        net.admin.clock.start()
        found = []
        for n in range(1, 18):
            if not arrive(net, ids[stays_away:], after=0):
                found.append(n)
                assert arrive(net, [], after=60)
        assert found == whole


def test_a_fiftieth_of_the_stake_is_not_waited_for() -> None:
    net = network()
    many = [net.join(Role.NEURON, stake=1000 * KLP) for _ in range(5)]
    late = net.join(Role.NEURON, stake=100 * KLP)
    net.admin.clock.start()
    for id in many:
        net.clients[id].clock.arrive(id)
    assert net.admin.clock.advance()
    for id in (*many[1:], late):
        net.clients[id].clock.arrive(id)
    assert not net.admin.clock.advance()  # a sixth is


def test_a_shorter_thaw_lets_nobody_leave_before_it_is_judged() -> None:
    """What begins to thaw after a change waits at least as long as what began right before it."""
    net = network()
    a, b, n = net.join(Role.AUDITOR), net.join(Role.AUDITOR), net.join(Role.NEURON)
    net.admin.clock.start()
    was, short = net.admin.rules.current().thaw_seconds, 240
    net.admin.rules.propose(replace(net.admin.rules.current(), thaw_seconds=short))
    net.pass_time(60)
    assert net.admin.clock.advance()
    net.pass_time(60)
    assert net.admin.clock.advance()
    changed = net.admin.clock.now().time
    net.clients[a].stake.unstake(a, KLP)
    assert net.admin.stake.account(a).ready_at == changed + was
    for seconds, since in ((1000, was), (was - 1000 - short, was), (1, was + 1), (50, was + 51)):
        net.pass_time(seconds)
        net.clients[b].stake.unstake(b, KLP)
        assert net.admin.stake.account(b).ready_at == changed + since
    net.clients[n].vouchers.deposit(n, KLP)
    net.clients[n].vouchers.reserve(n, {a: KLP})
    net.clients[n].vouchers.thaw(n, a, KLP)
    assert net.admin.vouchers.reserved(n, a).ready_at == net.admin.clock.now().time + short
    net.admin.rules.propose(replace(net.admin.rules.current(), thaw_seconds=2 * was))
    for _ in range(2):
        net.pass_time(60)
        assert net.admin.clock.advance()
    net.clients[a].stake.unstake(a, KLP)
    assert net.admin.stake.account(a).ready_at == net.admin.clock.now().time + 2 * was
    assert [str(d) for d in ledger.verify(net.admin, net.receipts)] == []
