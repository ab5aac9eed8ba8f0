"""A neuron's whole life from the ledger alone: to a seat, challenged for it, decayed, silent, back by a new model."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import KLP, TINY, Net, embedded, result

from klopf.audit.desk import trace
from klopf.errors import AuditError
from klopf.ledger import Role
from klopf.peers import Domain

SPEAKS = {1: {2: 9, 3: 9}, 2: {1: 60_000, 3: 5_000}, 3: {1: 60_000, 2: 5_000}}
"""Both others listen to the first neuron."""
TURNED = {1: {2: 9, 3: 60_000}, 2: {1: 5, 3: 60_000}, 3: {1: 5, 2: 5_000}}


def epoch(net: Net, claims: dict[int, dict[int, int]], **figures: int) -> None:
    scores = {4: {int(k[1:]): result(int(k[1:]), v) for k, v in figures.items()}}
    net.epoch(claims, scores=scores)


def lived() -> Net:
    net = embedded(replace(TINY, audit_seats=1, audit_quorum=1, patience=2, seats=1, decay=0))
    for role in (Role.NEURON, Role.NEURON, Role.NEURON, Role.AUDITOR):
        net.join(role)
    net.admin.clock.start()
    for _ in range(3):
        epoch(net, SPEAKS, n1=9000, n3=9000)
    net.clients[1].registry.knock(1)
    epoch(net, TURNED, n1=9000, n3=9000)
    epoch(net, TURNED, n1=9000, n3=9000)
    net.admin.account_for([1, 3])
    net.clients[3].registry.knock(3, 1)  # a better one challenges for the seat, and gets it
    for _ in range(2):
        epoch(net, TURNED, n1=2000, n3=9000)
    net.clients[1].registry.change_model(1, Domain(classes=("0", "1")).told("another"))
    epoch(net, {2: {3: 60_000}, 3: {2: 5_000}}, n1=9000, n3=9000)
    return net


@pytest.fixture(scope="module")
def net() -> Net:
    return lived()


def test_every_change_from_birth_on_is_told_in_its_order(net: Net) -> None:
    life = trace(net.admin, 1)
    assert life.moments[0].what == "born" and life.domain.classes == ("0", "1")
    assert [m.said for m in life.moments if m.what == "standing"] == [
        "fringe", "backbone", "fringe, from 3", "silent", "fringe"
    ]  # fmt: skip
    audits = [m.said.split(" by")[0] for m in life.moments if m.what == "audited"]
    assert audits[-4:] == ["passed", "not passed", "not passed", "passed"]
    counted = [m for m in life.moments if m.what == "counted"]
    assert counted and all("questions" in m.said and m.transaction for m in counted)
    assert [m.block for m in life.moments if m.what != "heard"] == sorted(
        m.block for m in life.moments if m.what != "heard"
    )
    assert any("another knows" in m.said for m in life.moments if m.what == "model")


def test_grades_and_reward_to_stake_follow_from_the_ledger(net: Net) -> None:
    good, silent = trace(net.admin, 3, classes=10), trace(net.admin, 2)
    assert good.standing == "backbone" and good.quality.letter in "AB"
    assert good.staked == 100 * KLP and good.earned > 0
    assert good.reward_to_stake == good.earned / good.staked
    assert silent.quality.letter == "-" and silent.moments[0].what == "born"


@pytest.mark.parametrize("nobody", [0, 4, 99])
def test_who_is_no_neuron_is_said_in_one_line(net: Net, nobody: int) -> None:
    with pytest.raises(AuditError, match="no neuron"):
        trace(net.admin, nobody)
