"""Nobody takes another's standing or seat but by being heard more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, TINY, Net, Result, Role, result

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Standing


def test_adding_stake_silences_nobody(net: Net) -> None:
    """The owner asks for more stake; then a stranger adds one unit to another's, who adds too little itself."""
    victim, other = net.join(Role.NEURON), net.join(Role.NEURON)
    net.admin.clock.start()
    net.admin.rules.propose(replace(net.admin.rules.current(), neuron_stake=150 * KLP))
    net.epoch({other: {victim: 30_000}, victim: {}})
    net.clients[other].stake.stake(victim, 1)
    net.clients[victim].stake.stake(victim, 30 * KLP)
    assert net.admin.registry.get(victim).standing is Standing.FRINGE
    net.clients[victim].stake.stake(victim, 100 * KLP)
    net.clients[victim].stake.unstake(victim, 80 * KLP)  # still the least and one more
    assert net.admin.registry.get(victim).standing is Standing.FRINGE
    net.clients[victim].stake.unstake(victim, KLP)  # taking out is what costs it
    assert net.admin.registry.get(victim).standing is Standing.SILENT
    net.clients[other].stake.unstake(other, 1)
    assert net.admin.registry.get(other).standing is Standing.SILENT
    assert ledger.verify(net.admin, net.receipts) == []


CONTEST = replace(TINY, seats=1, audit_quorum=1, audit_seats=1)


def seated(net: Net) -> tuple[int, int, int, dict[int, dict[int, Result]]]:
    """An incumbent, a challenger who has passed its audits, one who listens to both, and the scores."""
    incumbent, challenger, listener = (net.join(Role.NEURON) for _ in range(3))
    auditor = net.join(Role.AUDITOR)
    net.admin.clock.start()
    net.admin.rules.propose(CONTEST)
    scores = {auditor: {n: result(n) for n in (incumbent, challenger, listener)}}
    for _ in range(2):
        net.epoch({listener: {incumbent: 30_000, challenger: 20_000}, incumbent: {}, challenger: {}}, scores=scores)
    net.clients[incumbent].registry.knock(incumbent)
    return incumbent, challenger, listener, scores


def test_a_seat_is_not_taken_by_leaving_epochs_out(net: Net) -> None:
    """The challenger accounts for its own epochs, and for none of the incumbent's but the last, its worst."""
    incumbent, challenger, listener, _ = seated(net)
    for _ in range(6):
        net.epoch({listener: {incumbent: 40_000, challenger: 20_000}, incumbent: {}, challenger: {}}, settle=False)
    last = net.epoch({listener: {incumbent: 20_000, challenger: 20_100}, incumbent: {}, challenger: {}}, settle=False)
    own = net.clients[challenger]
    for epoch in range(3, last + 1):
        own.settlement.collect(epoch, [challenger])
    own.settlement.collect(last, [incumbent])
    heard = own.registry.get(challenger).utility, own.registry.get(incumbent).utility
    assert heard[0] > heard[1]  # so it seems
    with pytest.raises(Reverted, match=r"NotSettled\(id=1, accounted=3, age=9\)"):
        own.registry.knock(challenger, incumbent)
    assert own.account_for([incumbent, challenger]) == 6
    assert own.account_for([incumbent, challenger]) == 0
    with pytest.raises(Reverted, match="NotHeardEnough"):
        own.registry.knock(challenger, incumbent)
    assert own.registry.get(incumbent).standing is Standing.BACKBONE
    assert ledger.verify(net.admin, net.receipts) == []


def test_an_incumbent_whom_nobody_collects_for_is_challenged_all_the_same(net: Net) -> None:
    """Whoever asks for the seat may account for both, in any order; nobody's help is needed."""
    incumbent, challenger, listener, _ = seated(net)
    for _ in range(4):
        last = net.epoch({listener: {challenger: 40_000}, incumbent: {}, challenger: {}}, settle=False)
    own = net.clients[challenger]
    for epoch in range(3, last + 1):
        own.settlement.collect(epoch, [challenger])
    with pytest.raises(Reverted, match="NotSettled"):
        own.registry.knock(challenger, incumbent)
    for epoch in range(last, 2, -1):
        own.settlement.collect(epoch, [incumbent, incumbent])  # a second time counts for nothing
    own.registry.knock(challenger, incumbent)
    assert own.registry.get(challenger).standing is Standing.BACKBONE
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_challenger_leaves_out_none_of_its_own_epochs(net: Net) -> None:
    incumbent, challenger, listener, _ = seated(net)
    for _ in range(3):
        last = net.epoch({listener: {challenger: 40_000}, incumbent: {}, challenger: {}}, settle=False)
        net.admin.settlement.collect(last, [incumbent])
    net.admin.settlement.collect(last, [challenger])
    with pytest.raises(Reverted, match=r"NotSettled\(id=2, accounted=3, age=5\)"):
        net.clients[challenger].registry.knock(challenger, incumbent)
    assert net.admin.account_for([challenger]) == 2
    net.clients[challenger].registry.knock(challenger, incumbent)
    assert ledger.verify(net.admin, net.receipts) == []
