"""Lying to the audits, or keeping quiet about a lie, costs the liar and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import KLP, Result, Role, Score
from tests.ledger.conftest import TINY, Net, embedded, result

SALT = bytes(32)


def audited(
    honest: int, liars: int, lie: dict[str, Score], silent: int = 0, parameters=TINY
) -> tuple[Net, int, list[int]]:
    """One neuron, all of whose auditors are drawn and commit; the last ``silent`` of them do not reveal."""
    seats = honest + liars
    net = embedded(replace(parameters, audit_seats=seats, audit_quorum=seats // 2 + 1, dispute_seconds=0))
    neuron = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(seats)]
    net.admin.clock.start()
    found = {a: [result(neuron)] if i < honest else [Result(neuron, lie)] for i, a in enumerate(auditors)}
    for a in auditors:
        net.clients[a].audits.commit(a, found[a], SALT)
    net.advance()
    for a in auditors[: seats - silent]:
        net.clients[a].audits.reveal(a, found[a], SALT)
    net.advance()
    net.admin.settle(1)
    assert [str(d) for d in ledger.verify(net.admin, net.receipts)] == []
    return net, neuron, auditors


def lost(net: Net, ids: list[int]) -> list[int]:
    return [net.admin.stake.account(id).slashed // KLP for id in ids]


def lies(value: int, low: int, high: int) -> dict[str, Score]:
    return {"accuracy": Score(value, low, high), "robustness": Score(value, low, high)}


@pytest.mark.parametrize("wide", [(100, 0, 10_000), (0, 0, 10_000), (4_900, 0, 10_000), (100, 0, 5_000)])
def test_a_wide_interval_is_no_licence(wide):
    net, neuron, auditors = audited(honest=2, liars=1, lie=lies(*wide))
    assert lost(net, auditors) == [0, 0, 20]
    assert net.admin.registry.get(neuron).passed


@pytest.mark.parametrize("said", [(0, 0, 0), (10_000, 10_000, 10_000), (100, 0, 10_000)])
def test_one_against_one_decides_nothing_and_costs_nobody(said):
    net, neuron, auditors = audited(honest=1, liars=1, lie=lies(*said) | {"accuracy": Score(0, 0, 0)})
    assert lost(net, auditors) == [0, 0]
    assert net.admin.registry.get(neuron).failed == 0


def test_half_against_half_costs_nobody():
    net, neuron, auditors = audited(honest=2, liars=2, lie=lies(0, 0, 0))
    assert lost(net, auditors) == [0, 0, 0, 0]
    assert net.admin.registry.get(neuron).failed == 0


def test_small_differences_meet_in_the_middle():
    close = {"accuracy": Score(8_900, 8_700, 9_100), "robustness": Score(7_900, 7_700, 8_100)}
    net, neuron, auditors = audited(honest=1, liars=1, lie=close)
    (concluded,) = [e for e in ledger.history(net.admin) if e.kind == "Audits.Concluded"]
    assert concluded.medians == {"accuracy": 8_950, "robustness": 7_950}
    assert lost(net, auditors) == [0, 0] and net.admin.registry.get(neuron).passed


def test_whoever_commits_and_keeps_quiet_loses_twice_what_a_lie_costs():
    net, neuron, auditors = audited(honest=3, liars=1, lie=lies(0, 0, 0), silent=1)
    assert lost(net, auditors) == [0, 0, 0, 40]
    net.admin.settle(1)
    net.admin.audits.absent(1, [*auditors, *auditors, 999, neuron])
    assert lost(net, auditors) == [0, 0, 0, 40]  # once
    assert [str(d) for d in ledger.verify(net.admin, net.receipts)] == []


def test_a_fault_of_the_network_punishes_nobody():
    net, _, auditors = audited(honest=3, liars=0, lie={}, silent=2)
    assert lost(net, auditors) == [0, 0, 0]


def test_nobody_is_absent_from_what_is_not_over():
    net, _, auditors = audited(honest=2, liars=0, lie={})
    with pytest.raises(Reverted, match="StillOpen"):
        net.admin.audits.absent(2, auditors)
