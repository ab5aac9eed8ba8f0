"""The terms of emission and effort are the owner's to change, cycle by cycle; what the reserve holds is not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Economy, Ledger, _abi
from klopf.ledger._deployment import deploy_over
from klopf.ledger.fleet import _reference as fleet_ref
from klopf.ledger.market import _reference as market_ref
from tests.ledger.cycles import DAY, RESERVE, USUAL, Fleet
from tests.ledger.memory import MemoryRpc

SIXTY_YEARS = 60 * 366


def test_a_change_waits_for_the_next_cycle(net: Net) -> None:
    emission = net.admin.emission
    emission.roll()
    changed = replace(USUAL, rewards=tuple(2 * r for r in USUAL.rewards), halving_cycles=1460)
    net.admin.economy.propose(replace(USUAL, halving_cycles=365))
    net.admin.economy.propose(changed)  # replaces it
    emission.roll()
    assert net.admin.economy.current() == USUAL and emission.reward(1) == 100_000 * KLP
    net.pass_time(DAY)
    assert net.admin.economy.current() == USUAL  # until somebody opens the cycle
    emission.roll()
    assert net.admin.economy.current() == changed and emission.reward(2) == 200_000 * KLP
    net.pass_time(DAY)
    emission.roll()
    assert net.admin.economy.current() == changed
    assert ledger.verify(net.admin, []) == []


def test_only_the_owner_of_the_rules_changes_terms(net: Net) -> None:
    outsider = net.clients[net.join(Role.NEURON)]
    with pytest.raises(Reverted, match="only the owner"):
        outsider.economy.propose(USUAL)
    with pytest.raises(Reverted, match="OnlyEmission"):
        net.admin.economy._write("adopt", 1)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("bytesPerStake", {"bytes_per_stake": 0}),
        ("bytesPerStake", {"bytes_per_stake": 10**18 + 1}),
        ("perCore", {"per_core": 10**14 + 1}),
        ("perTeraflop", {"per_teraflop": 10**14 + 1}),
        ("perGiB", {"per_gib": 10**14 + 1}),
        ("bonusFrom", {"bonus_from": 300}),
        ("bonusBps", {"bonus_bps": 10_001}),
        ("nodeDevices", {"node_devices": 0}),
        ("halvingCycles", {"halving_cycles": 364}),
        ("milestone", {"milestone": USUAL.thresholds[7]}),
        ("thresholds", {"thresholds": (1, *USUAL.thresholds[1:])}),
        ("thresholds", {"thresholds": (*USUAL.thresholds[:3], USUAL.thresholds[2], *USUAL.thresholds[4:])}),
        ("rewards", {"rewards": (*USUAL.rewards[:3], USUAL.rewards[2] - 1, *USUAL.rewards[4:])}),
        ("rewards", {"rewards": (*USUAL.rewards[:7], 10**25 + 1)}),
    ],
)
def test_terms_out_of_range_are_refused(name: str, values: dict[str, Any], memory: Memory) -> None:
    good = {n: v - 1 if isinstance(v, int) and v > 10**4 else v for n, v in values.items()}
    with pytest.raises(Reverted, match=rf"OutOfRange\(parameter={name}\)"):
        memory.ledger.economy.propose(replace(USUAL, **values))
    if good != values and name != "milestone":
        memory.ledger.economy.propose(replace(USUAL, **good))
    with pytest.raises(Reverted, match=rf"OutOfRange\(parameter={name}\)"):
        deploy_over(MemoryRpc(), secret(0), TINY, economy=replace(USUAL, **values))


def test_effort_is_weighed_by_the_terms_of_its_cycle(net: Net) -> None:
    fleet = Fleet(net, 3)
    a, b, _ = fleet.keys
    fleet.report(a, 10**12)
    before = net.admin.effort.total(1)
    terms = replace(
        USUAL, per_core=5, per_teraflop=7, per_gib=9, bonus_from=1, bonus_until=4, bonus_bps=9000, node_devices=3,
        bytes_per_stake=10**11,
    )  # fmt: skip
    net.admin.economy.propose(terms)
    fleet.report(b, 10**12)
    assert net.admin.effort.total(1) == 2 * before  # nothing is weighed anew within a cycle
    net.pass_time(DAY)
    net.admin.emission.roll()
    assert net.admin.effort.total(1) == 2 * before
    fleet.serial = dict.fromkeys(fleet.keys, 0)
    fleet.report(a, 6 * 10**11)
    effort = 6 * 10**14 + fleet_ref.fixed_effort(4, 1, 1024, (5, 7, 9))
    assert net.admin.effort.total(2) == effort  # without a bonus
    # two devices worked alike in the cycle before: 100 % and a third of 90 %
    assert int(net.admin.effort._read("weightsOf", 2)) == effort * 13_000 // 10_000
    with pytest.raises(Reverted, match="StakeTooSmall"):
        fleet.report(b, 398 * 10**9 + 1)  # a KLP pays for 0.1 TB now, and 3.98 KLP are left
    fleet.report(b, 398 * 10**9)
    key = secret(900)
    fourth = fleet.owner.devices.mint(key, 1, 1, 1, bytes(32))
    with pytest.raises(Reverted, match="NodeFull"):
        fleet.owner.effort.join(fourth, fleet.node)
    net.admin.effort.pay_node(1, fleet.node)
    assert ledger.verify(net.admin, []) == []


def test_a_new_period_begins_the_halving_again_with_what_is_left(net: Net) -> None:
    fleet = Fleet(net, 1)
    (device,) = fleet.keys
    small = replace(USUAL, thresholds=tuple(range(8)), milestone=8)
    net.admin.economy.propose(small)
    net.pass_time(DAY)
    net.admin.emission.roll()
    fleet.report(device, 1)
    net.pass_time(DAY)
    net.admin.emission.roll()
    assert net.admin.emission.halving() == (3, RESERVE // 2190, 1095)
    fleet.serial[device] = 0
    fleet.report(device, 10**12)
    net.admin.economy.propose(replace(small, milestone=10**30, per_core=1))
    net.pass_time(DAY)
    net.admin.effort.pay_node(3, fleet.node)
    assert net.admin.emission.halving() == (3, RESERVE // 2190, 1095)  # reached is reached; the period is the same
    left = RESERVE - net.admin.emission.promised()
    assert left == RESERVE - 6 * KLP // 1000  # three fifths of what a terabyte cost; the rest of the pool is back
    net.admin.economy.propose(replace(small, halving_cycles=365))
    net.pass_time(DAY)
    net.admin.emission.roll()
    assert net.admin.emission.halving() == (5, left // 730, 365)
    net.pass_time(365 * DAY)
    net.admin.emission.roll()
    assert net.admin.emission.reward(370) == left // 730 // 2
    kinds = [e for e in ledger.history(net.admin) if isinstance(e, ledger.events.emission.HalvingBegan)]
    assert [(e.cycle, e.period) for e in kinds] == [(3, 1095), (5, 365)]
    assert ledger.verify(net.admin, []) == []


@st.composite
def economies(draw: Callable[[Any], Any]) -> Economy:
    """Terms within their ranges: thresholds so low that jumps happen, rewards up to the most there may be."""
    steps = draw(st.lists(st.integers(1, 10**6), min_size=8, max_size=8))
    rises = [sum(steps[: i + 1]) for i in range(8)]
    return replace(
        USUAL,
        halving_cycles=draw(st.sampled_from((365, 366, 730, 1095, 65535))),
        thresholds=(0, *rises[:7]),
        milestone=rises[7] * draw(st.sampled_from((1, 10**12))),
        rewards=tuple(sorted(draw(st.lists(st.integers(0, 10**25), min_size=8, max_size=8)))),
    )


class Model:
    """Emission by its documentation, in exact arithmetic; every cycle pays all that it may."""

    def __init__(self) -> None:
        self.terms, self.paid = USUAL, 0
        self.begun: tuple[int, int, int] | None = None  # cycle, its reward, and the period of this halving

    def open(self, cycle: int, effort: int, terms: Economy | None = None) -> int:
        """The reward of a cycle that follows one of ``effort``."""
        self.terms = terms or self.terms
        left, period = RESERVE - self.paid, self.terms.halving_cycles
        if self.begun[2] != period if self.begun else effort >= self.terms.milestone:
            self.begun = (cycle, market_ref.first_reward(left, period), period)
        if self.begun:
            since, first, period = self.begun
            return min(left, market_ref.reward_after_milestone(first, period, cycle - since))
        return min(left, market_ref.reward_before_milestone(effort, self.terms.thresholds, self.terms.rewards))


efforts = st.one_of(st.integers(0, 10**7), st.just(10**20))


@given(
    st.dictionaries(st.integers(2, SIXTY_YEARS), economies(), max_size=12),
    st.lists(efforts, min_size=1, max_size=30),
    st.integers(1, SIXTY_YEARS),
)
@settings(max_examples=25, deadline=None)
def test_sixty_years_with_terms_that_change_never_exceed_the_reserve(
    changes: dict[int, Economy], work: list[int], late: int
) -> None:
    """Day by day, to the unit: terms change at any time, effort jumps, the milestone comes when it comes."""
    model, since = Model(), None
    for cycle in range(1, SIXTY_YEARS + 1):
        effort = work[cycle % len(work)] if cycle > late else work[cycle % len(work)] % 7
        reward = model.open(cycle, effort, changes.get(cycle))
        if model.begun and model.begun[0] == cycle:
            since = RESERVE - model.paid
        model.paid += reward
        assert model.paid <= RESERVE
        if since is not None and model.begun:  # the closed form of this halving, which never needs its bound
            _, first, period = model.begun
            assert 2 * period * first <= since
            assert reward == market_ref.reward_after_milestone(first, period, cycle - model.begun[0])


class Memory:
    """Emission alone in memory: the calls that its two payers would make, and effort as it pleases."""

    def __init__(self) -> None:
        self.rpc = MemoryRpc()
        self.ledger = Ledger(self.rpc, deploy_over(self.rpc, secret(0), replace(TINY, market_bps=4321)), secret(0))
        places = {v.label: int(v.slot) for v in _abi.artifact("Effort").storage}
        self.total_of = places["totalOf"]

    def as_contract(self, name: str, function: str, *values: int) -> None:
        data = _abi.artifact("Emission").functions[function].call_data(values)
        sender = SimpleNamespace(address=self.ledger.deployment.addresses[name])
        self.rpc.send(sender, self.ledger.emission.address, data)  # type: ignore[arg-type]

    def effort(self, cycle: int, total: int) -> None:
        slot = int.from_bytes(_abi.keccak(encode(("uint32", "uint256"), (cycle, self.total_of))), "big")
        self.rpc.world.slots[bytes.fromhex(self.ledger.effort.address[2:]), slot] = total

    def days(self, count: int) -> None:
        self.rpc.request("evm_increaseTime", count * DAY)


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_the_last_of_the_reserve_is_set_aside_once_whoever_comes_first(memory: Memory) -> None:
    """What a cycle may pay is told as it opens; when effort of cycles before it has taken the rest, there is none."""
    emission = memory.ledger.emission
    slot = {v.label: int(v.slot) for v in _abi.artifact("Emission").storage}["promised"]
    memory.rpc.world.slots[bytes.fromhex(emission.address[2:]), slot] = RESERVE - 1_000 * KLP
    for _ in range(3):
        memory.days(1)
        emission.roll()
    assert emission.market_left() > 0
    now = emission.cycle()
    for cycle in range(now - 2, now):
        memory.as_contract("Effort", "setEffortAside", cycle)
    left = RESERVE - emission.promised()
    assert left < emission.market_left(), "else nothing is tried here"
    memory.as_contract("Settlement", "setAside", 10**30)
    assert emission.promised() == RESERVE
    memory.as_contract("Settlement", "setAside", 10**30)
    memory.as_contract("Effort", "setEffortAside", now)
    assert emission.promised() == RESERVE


def play_sixty_years(memory: Memory, chance: random.Random, longest: int) -> tuple[int, int]:
    """The contract against the model: every cycle that is opened pays all it has. Cycles opened, units paid."""
    model, emission = Model(), memory.ledger.emission
    emission.roll()
    cycle, opened, proposed = 1, 0, None
    model.open(1, 0)
    while cycle <= SIXTY_YEARS:
        opened += 1
        reward = emission.reward(cycle)
        market = reward * 4321 // 10_000
        assert emission.market_left() == market
        memory.as_contract("Settlement", "setAside", 10**27)
        model.paid += min(market, RESERVE - model.paid)
        effort = chance.choice((0, 5, 10**6, 10**9 if cycle > 4_000 else 7))
        memory.effort(cycle, effort)
        if chance.random() < 0.1:
            proposed = chance.choice(CHANGES)
            memory.ledger.economy.propose(proposed)
        days = chance.randint(1, longest)
        memory.days(days)
        memory.as_contract("Effort", "setEffortAside", cycle)  # opens the next cycle first, as Effort would
        cycle, was = cycle + days, cycle
        due = model.open(cycle, effort if days == 1 else 0, proposed)
        proposed = None
        assert emission.reward(cycle) == due
        assert emission.halving() == (model.begun or (0, 0, 0))
        model.paid += min(reward - market, RESERVE - model.paid)
        assert emission.promised() == model.paid <= RESERVE, was
    return opened, model.paid


CHANGES = [
    replace(USUAL, thresholds=(0, *range(3, 10)), milestone=10**8),
    replace(USUAL, thresholds=(0, *range(3, 10)), milestone=10**8, rewards=(0, *[10**25] * 7)),
    replace(USUAL, halving_cycles=365),
    replace(USUAL, halving_cycles=65535),
    replace(USUAL, rewards=(10**25,) * 8),
    USUAL,
]


@pytest.mark.parametrize("seed", range(3))
def test_the_contract_keeps_to_the_model_for_sixty_years(memory: Memory, seed: int) -> None:
    opened, paid = play_sixty_years(memory, random.Random(seed), 400)
    assert opened > 80 and paid > RESERVE // 100


@pytest.mark.slow
def test_the_contract_keeps_to_the_model_day_by_day_for_sixty_years(memory: Memory) -> None:
    opened, _ = play_sixty_years(memory, random.Random(9), 1)
    assert opened == SIXTY_YEARS
