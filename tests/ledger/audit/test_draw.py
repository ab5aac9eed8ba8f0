"""Who audits whom: the list that is walked stays short, and no draw is known before it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ledger_helpers import KLP, TINY, Net, Role, deploy, result, secret

from klopf import ledger
from klopf.errors import Reverted


def recycle(net: Net, auditor: int, times: int) -> None:
    """The same stake lists one auditor after another, and goes."""
    own = net.clients[auditor]
    for n in range(times):
        id = own.registry.register(Role.AUDITOR, key=secret(7000 + n), certificate=b"x")
        own.stake.stake(id, 100 * KLP)
        own.stake.unstake(id, 100 * KLP)
        net.pass_time(400)
        own.stake.withdraw(id)


def test_recycled_stake_leaves_nobody_on_the_list(chain_endpoint: Any) -> None:
    net = deploy(chain_endpoint.location, chain_endpoint.pass_time, replace(TINY, thaw_seconds=400))
    neuron, auditor = net.join(Role.NEURON), net.join(Role.AUDITOR)
    net.admin.clock.start()
    recycle(net, auditor, 5)
    assert net.admin.registry.auditors() == [auditor]
    assert net.admin.audits.drawn(1, neuron) == [auditor]
    assert ledger.verify(net.admin, net.receipts) == []
    net.admin.close()


def test_who_leaves_is_drawn_until_the_epoch_is_over(net: Net) -> None:
    """Leaving changes no draw of the epoch; when it is over the list forgets, whoever tidies it."""
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR, stake=s * KLP) for s in (100, 300, 200, 100)]
    net.admin.clock.start()
    drawn = net.admin.audits.drawn(1, neuron)
    assert len(drawn) == 3
    for n, auditor in enumerate(auditors[:3]):
        net.clients[auditor].stake.unstake(auditor, (1 + 200 * (n == 1) + 100 * (n == 2)) * KLP)
        net.clients[auditor].stake.unstake(auditor, 1)  # again: it leaves once
    late = net.join(Role.AUDITOR)
    assert net.admin.registry.auditors() == [*auditors, late]
    assert net.admin.audits.drawn(1, neuron) == drawn
    net.epoch({}, scores={a: {neuron: result(neuron)} for a in drawn}, settle=False)
    assert len(net.admin.audits.findings(1, neuron)) == 3
    with pytest.raises(Reverted, match="NotRunning"):
        net.admin.audits.drawn(1, neuron)
    net.clients[auditors[2]].stake.stake(auditors[2], 101 * KLP)  # is back, and takes the first two off
    assert net.admin.registry.auditors() == [*auditors[2:], late]
    net.admin.registry.delist(9)
    assert net.admin.registry.auditors() == [*auditors[2:], late]
    net.clients[auditors[0]].stake.stake(auditors[0], 2 * KLP)
    assert net.admin.registry.auditors() == [*auditors[2:], late, auditors[0]]
    assert auditors[0] not in net.admin.audits.drawn(2, neuron)
    net.epoch({})
    assert ledger.verify(net.admin, net.receipts) == []


def test_settling_tidies_the_list(net: Net) -> None:
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(6)]
    net.admin.clock.start()
    for auditor in auditors[:5]:
        net.clients[auditor].stake.unstake(auditor, KLP)
    net.epoch({}, scores={auditors[5]: {neuron: result(neuron)}})
    assert net.admin.registry.auditors() == auditors[4:]
    net.clients[auditors[4]].stake.stake(auditors[4], KLP)
    net.clients[auditors[4]].stake.unstake(auditors[4], KLP)  # weighs nothing yet: goes at once
    assert net.admin.registry.auditors() == auditors[5:]
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_lower_least_stake_lets_nobody_into_a_draw_that_runs(net: Net) -> None:
    """Who had enough by the new rules, but was not listed, is drawn from the next epoch on."""
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR, stake=s * KLP) for s in (100, 99)]
    net.admin.clock.start()
    net.admin.rules.propose(replace(TINY, auditor_stake=50 * KLP))
    net.epoch({})
    assert net.admin.audits.drawn(2, neuron) == auditors[:1]
    net.clients[neuron].stake.stake(auditors[1], 1)
    assert net.admin.audits.drawn(2, neuron) == auditors[:1]
    net.epoch({}, scores={auditors[0]: {neuron: result(neuron)}})
    assert set(net.admin.audits.drawn(3, neuron)) == set(auditors)
    assert ledger.verify(net.admin, net.receipts) == []
