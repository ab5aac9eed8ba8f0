"""Silence ends by a new model and a new audit, and by nothing less."""

from __future__ import annotations

from dataclasses import replace

from ledger_helpers import KLP, TINY, Net, embedded, result

from klopf import ledger
from klopf.ledger import Role, Standing


def silenced() -> Net:
    """Neurons 1 and 2 and an auditor, 3; the first failed its audits and is silent."""
    net = embedded(replace(TINY, audit_seats=1, audit_quorum=1, patience=1))
    for role in (Role.NEURON, Role.NEURON, Role.AUDITOR):
        net.join(role)
    net.admin.clock.start()
    for _ in range(3):
        audited(net, 3000)
    assert net.admin.registry.get(1).standing is Standing.SILENT
    return net


def audited(net: Net, accuracy: int) -> None:
    """An epoch in which the first neuron is found to be so good."""
    net.epoch({2: {}}, scores={3: {1: result(1, accuracy)}})


def test_a_new_model_that_passes_its_audit_speaks_again_as_if_just_born() -> None:
    net = silenced()
    audited(net, 9000)
    assert net.admin.registry.get(1).standing is Standing.SILENT  # the same model, whatever is found of it
    net.clients[1].registry.change_model(1, "another")
    audited(net, 3000)
    assert net.admin.registry.get(1).standing is Standing.SILENT
    audited(net, 9000)
    p = net.admin.registry.get(1)
    assert (p.standing, p.passed, p.failed, p.age, p.utility, p.accounted) == (Standing.FRINGE, True, 0, 0, 0.0, 0)
    epoch = net.admin.clock.now().epoch
    assert net.admin.registry.bound(epoch) == (100 * KLP, 1)
    net.epoch({1: {2: 9}, 2: {}})  # the newborn does not claim yet
    assert net.admin.registry.bound(epoch + 1) == (200 * KLP, 2)
    net.epoch({1: {2: 9}, 2: {1: 60_000}})
    assert net.admin.settlement.column(epoch + 1, 1).rank > 0
    assert ledger.verify(net.admin, net.receipts) == []


def test_whoever_has_too_little_at_stake_stays_silent() -> None:
    net = silenced()
    net.clients[1].stake.unstake(1, KLP)
    net.clients[1].registry.change_model(1, "another")
    audited(net, 9000)
    assert net.admin.registry.get(1).standing is Standing.SILENT
    net.clients[1].stake.stake(1, KLP)
    audited(net, 9000)
    assert net.admin.registry.get(1).standing is Standing.FRINGE
    assert ledger.verify(net.admin, net.receipts) == []
