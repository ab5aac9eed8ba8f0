"""Nobody gains by the order of their own calls: the same calls in any order leave everybody with the same wealth."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role

from klopf.errors import Reverted


def test_the_order_of_ones_own_calls_earns_nothing(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON, stake=200 * KLP) for _ in range(3))
    net.admin.clock.start()
    for listener in (a, b, c):
        net.clients[listener].settlement.deposit(listener, 30 * KLP)
    for _ in range(2):
        net.epoch(
            {a: {b: 40_000, c: 10_000}, b: {a: 30_000, c: 9_000}, c: {a: 33_333, b: 20_000}},
            fees={a: {b: 2 * KLP}, c: {a: KLP + 1}},
            settle=False,
        )
    l, jobs = net.clients[a], net.admin.jobs
    job = jobs.open(net.admin.me.address, 10 * KLP, net.admin.clock.now().time + 1000, 0, bytes(32))
    jobs.report(job, {l.me.address: 7 * KLP})
    calls: list[Callable[[], object]] = [
        lambda: l.settlement.collect(1, [a]),
        lambda: l.settlement.collect(2, [a]),
        lambda: l.settlement.collect(2, [a, b, c]),
        lambda: l.stake.stake(a, 10 * KLP),
        lambda: l.stake.unstake(a, 40 * KLP),
        lambda: l.stake.unstake(a, 5 * KLP),
        lambda: l.settlement.deposit(a, 3 * KLP),
        lambda: l.settlement.withdraw(a, 2 * KLP),
        lambda: jobs.pay(job, l.me.address),
        lambda: jobs.give_back(job),
        lambda: l.clock.depart(a),
        lambda: l.clock.arrive(a),
    ]
    request = net.admin.rpc.request
    start = [request("evm_snapshot")]

    def wealth(id: int) -> int:
        owner, account = net.clients[id].me.address, net.admin.stake.account(id)
        held = net.admin.token.balance(owner) + account.staked + account.thawing
        return held + net.admin.settlement.escrow(id)

    found: dict[int, int] = {}

    @settings(max_examples=8, deadline=None)
    @given(st.permutations(range(len(calls))))
    def same(order: list[int]) -> None:
        assert request("evm_revert", start[0])
        start[0] = request("evm_snapshot")
        net.admin.rpc._nonces.clear()
        for i in order:
            with suppress(Reverted):
                calls[i]()
        for id in (b, c):  # what others left to collect
            net.admin.settlement.collect(1, [id])
            net.admin.settlement.collect(2, [id])
        for id in (a, b, c):
            assert found.setdefault(id, wealth(id)) == wealth(id)

    same()
    assert found[a] > 10_000 * KLP
