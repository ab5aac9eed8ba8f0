"""Draws from a tree of sums: stakes that change in any order, against a walk over all of them; what they cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_helpers import KLP, Net, Role, embedded

from klopf.ledger.audit import _reference as ref

MOVES = st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(-250, 250))), min_size=1, max_size=20)


def seen(net: Net, seed: bytes, subject: int, seats: int) -> list[int]:
    return list(net.admin.stake._read("draw", seed, subject, seats))


@settings(max_examples=4, deadline=None)
@given(MOVES)
def test_any_moves_draw_as_a_walk_does(moves: list[tuple[int, int | None]]) -> None:
    """Auditors stake and unstake, epochs open, in any order; a draw is that of a walk over what each had when the epoch
    opened, and nothing within the epoch moves it."""
    net = embedded()
    net.join(Role.NEURON)
    ids = [net.join(Role.AUDITOR, stake=(90 + 10 * n) * KLP) for n in range(6)]
    order = [id for n, id in enumerate(ids) if n]  # in which they first had enough
    now = {id: (90 + 10 * n) * KLP for n, id in enumerate(ids)}
    net.admin.clock.start()
    opened = dict(now)
    for which, amount in moves:
        id = ids[which]
        if amount is None:
            net.epoch({}, settle=False)
            opened = dict(now)
        elif amount > 0:
            net.clients[id].stake.stake(id, amount * KLP)
            now[id] += amount * KLP
        elif 0 < -amount * KLP <= now[id]:
            net.clients[id].stake.unstake(id, -amount * KLP)
            now[id] += amount * KLP
        if now[id] >= 100 * KLP and id not in order:
            order.append(id)
        electorate = [(id, opened[id] if opened[id] >= 100 * KLP else 0) for id in order]
        for seats in (1, 3, 16):
            seed = bytes([seats, which]) * 16
            assert seen(net, seed, which, seats) == ref.draw(seed, which, electorate, seats)
    net.admin.close()


def page(net: Net, auditor: int, neurons: int) -> int:
    """Gas of reading for which of so many neurons an auditor is drawn, the transaction's own left out."""
    audits = net.admin.audits
    data = audits.artifact().functions["assignments"].call_data((1, auditor, list(range(1, neurons + 1))))
    call = {"from": net.admin.me.address, "to": audits.address, "data": "0x" + data.hex()}
    return int(net.admin.rpc.request("eth_estimateGas", call), 16)


def grow(net: Net, auditors: int) -> int:
    """Until there are so many auditors; the dearest stake of the last four."""
    last: list[int] = []
    while len(net.clients) < auditors:
        auditor = net.join(Role.AUDITOR, stake=0)
        last.append(net.clients[auditor].stake.stake(auditor, (100 + len(net.clients) % 7) * KLP).gas)
    return max(last[-4:])


def test_what_a_draw_costs_grows_with_the_logarithm_of_those_drawn_from() -> None:
    """Sixteen times the auditors add four steps to each seat: a walk would cost sixteen times as much."""
    net = embedded()
    grow(net, 4)
    net.admin.clock.start()
    few = page(net, 1, 40)
    net.admin.close()
    net = embedded()
    grow(net, 64)
    net.admin.clock.start()
    many = page(net, 1, 40)
    assert many < 4 * few
    net.admin.close()


@pytest.mark.slow
def test_what_draws_read_and_stake_stay_below_the_bound_at_full_size() -> None:
    """1,000 auditors: a stake, a page of 300 neurons' draws and the list of all take less than 2**24 gas each."""
    net = embedded()
    stake = grow(net, 1000)
    net.admin.clock.start()
    read, registry = page(net, 1, 300), net.admin.registry
    data = "0x" + registry.artifact().functions["auditors"].call_data(()).hex()
    listed = int(registry._ledger.rpc.request("eth_estimateGas", {"to": registry.address, "data": data}), 16)
    print(f"stake {stake:,}, draws for 300 neurons {read:,}, list of all {listed:,}")
    assert max(stake, read, listed) < 2**24
    net.admin.close()
