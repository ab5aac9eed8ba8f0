"""Nobody takes another's standing or seat but by being heard more."""

from __future__ import annotations

from dataclasses import replace

from ledger_helpers import KLP, Net, Role

from klopf import ledger
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
