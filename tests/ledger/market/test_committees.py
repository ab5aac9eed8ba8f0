"""Consensus from five neurons to many: who is bound to listen, who is missed, who is trusted, and who has a seat."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, TINY, Net, embedded

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Parameters, Role, Standing
from klopf.ledger.market import _reference as ref
from tests.ledger.farm import network

ALL = 65_535


def town(count: int, stake: int = 100 * KLP, parameters: Parameters = TINY) -> Net:
    net = network(parameters)
    for _ in range(count):
        net.join(Role.NEURON, stake=stake)
    net.admin.clock.start()
    return net


def honest(net: Net, ids: list[int], liked: list[int]) -> dict[int, dict[int, int]]:
    """Everybody of ``ids`` listens evenly to those of ``liked`` to whom it is bound."""
    bound = {i: net.admin.settlement.bound_to(i, liked) for i in ids}
    return {i: {s: ALL // max(1, len(row)) for s in row} for i, row in bound.items()}


def test_a_minority_takes_nothing_while_others_miss_a_phase() -> None:
    """Shown: two of six honest listeners miss a phase, and 500 of 1,100 KLP take 71 %."""
    net = network(TINY)
    good = [net.join(Role.NEURON, stake=100 * KLP) for _ in range(6)]
    bad = [net.join(Role.NEURON, stake=250 * KLP) for _ in range(2)]
    net.admin.clock.start()
    for missing in (0, 2, 5):
        weights = honest(net, good[missing:], good)
        weights |= {bad[0]: {bad[1]: ALL}, bad[1]: {bad[0]: ALL}}
        epoch = net.epoch(weights)
        assert [net.admin.settlement.column(epoch, id).rank for id in bad] == [0, 0]


def test_forty_neurons_with_eight_neighbours_each_are_paid() -> None:
    """Above 17 nobody was, since nobody was heard by half of all stake."""
    net = town(40)
    ids = list(net.clients)
    for _ in range(2):
        weights = honest(net, ids, ids)
        assert 4 < sum(map(len, weights.values())) / 40 < 12
        epoch = net.epoch(weights)
        paid = [net.admin.settlement.column(epoch, id).rank > 0 for id in ids]
        assert sum(paid) > 30


def test_who_is_not_bound_to_listen_lifts_nobody_and_ranks_are_the_references() -> None:
    net = town(12)
    ids = list(net.clients)
    epoch, seed = 1, net.admin.clock.seed(1)
    total, count = net.admin.registry.bound(1)
    assert (total, count) == (1_200 * KLP, 12)
    weights = {i: {s: 4_000 + i for s in ids if s != i} for i in ids}
    net.epoch(weights)
    for speaker in ids:
        column = [
            (ref.bound_with(seed, i, speaker, 100 * KLP, total, count, 8), w[speaker])
            for i, w in weights.items()
            if speaker in w
        ]
        assert {stake for stake, _ in column} <= {0, 150 * KLP}
        consensus, rank = ref.rank(column, 1_100 * KLP, TINY.kappa)
        trusted = sum(stake for stake, _ in column) * ALL >= 1_100 * KLP * TINY.kappa
        found = net.admin.settlement.column(epoch, speaker)
        assert (found.consensus, found.rank) == (consensus, rank * TINY.fringe_bps // 10_000 if trusted else 0)
        bound = [i for i in ids if i != speaker and speaker in net.admin.settlement.bound_to(i, ids)]
        assert len(bound) < 12  # of the next epoch by now: drawn anew
    assert net.admin.clock.seed(2) != seed


def test_each_counts_with_its_stake_on_average_whatever_that_is() -> None:
    stakes = [1, 5, 20, 100, 400, 3_000] * 5
    total = sum(stakes)
    drawn = [
        sum(ref.bound_with(n.to_bytes(32, "big"), i, 99, stake, total, 30, 8) for n in range(4_000)) / 4_000
        for i, stake in enumerate(stakes)
    ]
    for stake, mean in zip(stakes, drawn, strict=True):
        assert mean == pytest.approx(stake, rel=0.15, abs=6)


def test_a_neuron_that_stays_away_is_waited_for_24_epochs() -> None:
    net = town(3)
    a, b, c = net.clients
    for _ in range(23):
        net.epoch({a: {b: ALL}, b: {a: ALL}})
        net.admin.registry.dismiss([a, b, c])
        assert net.admin.registry.bound(net.admin.clock.now().epoch)[1] == 3
    net.epoch({a: {b: ALL}, b: {a: ALL}})
    net.admin.registry.dismiss([a, b, c, 77])
    epoch = net.admin.clock.now().epoch
    assert net.admin.registry.bound(epoch) == (300 * KLP, 3)  # as the epoch opened
    assert net.admin.registry.bound_with(c, epoch) == 0
    net.epoch({a: {b: ALL}, b: {a: ALL}})
    assert net.admin.registry.bound(epoch + 1) == (200 * KLP, 2)
    net.epoch({a: {b: ALL}, b: {a: ALL}, c: {a: ALL}})  # back: bound from the next epoch on
    assert net.admin.settlement.column(epoch + 1, a).rank == ALL * 100 * KLP * TINY.fringe_bps // 10_000
    assert net.admin.registry.bound(epoch + 2) == (300 * KLP, 3)
    with pytest.raises(Reverted, match="NotRunning"):
        net.admin.registry.bound(epoch)


def test_whoever_is_paid_for_speaking_has_to_listen() -> None:
    """Where neurons are bound by lot: who keeps its attention to itself, or gives it to a friend, loses its own pay."""
    net = town(12)
    ids = list(net.clients)
    lazy, selfish, friend = ids[:3]
    paid = {id: 0 for id in ids}
    for n in range(6):
        weights = honest(net, ids, ids)
        weights[lazy] = {}
        weights[selfish] = {friend: ALL}
        held = {id: net.admin.token.balance(net.clients[id].me.address) for id in ids}
        epoch = net.epoch(weights)
        totals = net.admin.settlement.epoch(epoch)
        agreed = {id: net.admin.settlement.agreed(epoch, id) for id in ids}
        for id in ids:
            rank = net.admin.settlement.column(epoch, id).rank
            due = totals.pool * rank // totals.rank * net.admin.settlement.news(epoch, id) // 10_000
            assert net.admin.token.balance(net.clients[id].me.address) - held[id] == due
            paid[id] += due if n >= 2 else 0  # until anything was compared all are paid
        assert agreed[lazy] == 0
        others = [agreed[id] for id in ids[3:]]
        assert agreed[selfish] < ALL // 3 < sum(others) // len(others)
    assert paid[lazy] == paid[selfish] == 0 < min(paid[id] for id in ids[3:])


def test_where_all_are_bound_to_all_nobody_is_paid_less_for_listening_otherwise() -> None:
    net = town(3)
    a, b, c = net.clients
    epoch = net.epoch({a: {b: 500, c: 500}, b: {a: 500, c: 500}, c: {a: 500, b: 500}})
    third = net.admin.settlement.epoch(epoch).pool // 3
    assert net.admin.token.emitted() == 3 * third


def test_what_was_said_of_committees_and_absence_verifies() -> None:
    net = embedded()
    for _ in range(10):
        net.join(Role.NEURON)
    net.admin.clock.start()
    ids = list(net.clients)
    for n in range(26):
        net.epoch(honest(net, ids, ids) if n < 2 else {}, settle=n < 2)
    net.clients[3].stake.unstake(3, 50 * KLP)  # silent, and not bound any more
    net.admin.registry.dismiss(ids[3:])
    net.clients[5].settlement.post(5, bytes(32), bytes(32))
    assert net.admin.registry.bound(27) == (1_000 * KLP, 10)
    assert ledger.verify(net.admin, net.receipts) == []


def test_lucky_committees_are_no_trust() -> None:
    """Whoever claims in the epochs only in which friends are bound to listen is counted as silent in the others."""
    decay = 9 * 10**17
    heard = most = 0
    for epochs in (1, 4, 4, 4, 4, 4, 4):  # heard by all, in one epoch of four
        heard, most = ref.trust_after(heard, most, epochs, 1, 1, decay)
    assert heard * 2 < most
    heard = most = 0
    for _ in range(30):
        heard, most = ref.trust_after(heard, most, 1, 6, 10, decay)
    assert heard / most == pytest.approx(0.6)


def test_the_fringe_earns_a_stated_part_of_what_a_seat_does() -> None:
    net = town(3, parameters=replace(TINY, fringe_bps=2_500, audit_seats=1, audit_quorum=1))
    a, b, c = net.clients
    epoch = net.epoch({a: {b: ALL}, b: {a: ALL}, c: {a: ALL // 2, b: ALL // 2}})
    ranks = {id: net.admin.settlement.column(epoch, id).rank for id in (a, b)}
    assert ranks[a] == ranks[b] == (100 * KLP * (ALL + ALL // 2)) * 2_500 // 10_000
    assert net.admin.registry.get(a).standing is Standing.FRINGE
