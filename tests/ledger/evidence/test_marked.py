"""Who is far from the others is marked, and pays only where the neuron did not contradict itself meanwhile; who leaves
takes nobody's reveal away; and what nobody concluded is concluded page by page."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from ledger_helpers import KLP, Role, result

from klopf import ledger
from klopf.audit._doubts import Doubts
from klopf.errors import Reverted
from klopf.ledger.evidence import Challenges, Said, Statement, answer_hash
from tests.ledger.evidence.test_audit_pay import MODEL, POOL, RULES, SALT, WINDOW, Audited, network

RIGHT, WRONG = (900_000, 100_000), (100_000, 900_000)
MISLED = 29
"""Right answers of 30 where others count 15: far from them."""


def misled(neurons: int = 1, about: int = 1) -> Audited:
    """The third auditor finds something else about the first ``about`` neurons than the two others."""
    a = network(neurons)
    for auditor in a.auditors:
        for place, neuron in enumerate(a.neurons):
            a.audit(auditor, neuron, MISLED if auditor == a.auditors[2] and place < about else 15)
    a.epoch()
    return a


def lost(a: Audited, id: int) -> int:
    return a.net.admin.stake.account(id).slashed // KLP


def statement(a: Audited, neuron: int, auditor: int, values: tuple[int, ...]) -> Statement:
    """What a neuron said to an auditor in the first epoch."""
    said = Said(1, neuron, auditor, MODEL, ((sha256(b"question").digest(), answer_hash(values)),))
    signature = a.book(neuron).me.sign(said.digest(a.net.admin.client(Challenges).domain))
    return Statement(said, signature, 0, values)


def contradict(a: Audited, neuron: int) -> None:
    first = statement(a, neuron, a.auditors[0], RIGHT)
    a.book(a.auditors[2]).client(Challenges).contradict(first, statement(a, neuron, a.auditors[2], WRONG))


def test_who_is_far_is_marked_and_pays_when_nobody_can_contradict_any_more() -> None:
    a = misled()
    audits, (neuron,), far = a.net.admin.audits, a.neurons, a.auditors[2]
    assert [audits.marked(1, neuron, id) for id in a.auditors] == [False, False, True]
    due = audits.punishable_from(1, neuron)
    assert due >= audits.revealed_at(1, far) + WINDOW
    audits.punish(1, a.neurons)
    a.net.admin.settle(1)
    assert lost(a, far) == 0
    a.over()
    with pytest.raises(Reverted, match="NotStood"):  # it is marked
        a.collect(far)
    audits.punish(1, [*a.neurons, *a.neurons, 999])
    audits.punish(1, a.neurons)
    assert [lost(a, id) for id in a.auditors] == [0, 0, 20]  # once, of 100
    assert not audits.marked(1, neuron, far)
    with pytest.raises(Reverted, match="NotStood"):
        a.collect(far)
    assert a.collect(a.auditors[0]) == POOL // 90 * 30
    a.verified()


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_neuron_that_contradicted_itself_pays_and_the_mark_is_lifted(epochs: int) -> None:
    """Also in later epochs, as long as its auditors are not to be punished."""
    a = misled()
    (neuron,), far = a.neurons, a.auditors[2]
    due = a.net.admin.audits.punishable_from(1, neuron)
    for _ in range(2 * epochs):
        a.net.advance()
    assert a.net.admin.clock.now().time < due
    contradict(a, neuron)
    assert not a.net.admin.audits.marked(1, neuron, far)
    a.over()
    a.net.admin.audits.punish(1, a.neurons)
    assert [lost(a, id) for id in a.auditors] == [0, 0, 0] and lost(a, neuron) == 40
    assert a.net.admin.registry._read("boundWith", neuron, 1) == 0  # what is left is too little to be bound
    assert a.collect(far) == POOL // 90 * 30  # it audited as well as it could, whatever became of the neuron
    a.verified()


def test_a_contradiction_that_comes_too_late_lifts_nothing() -> None:
    a = misled()
    a.net.advance()
    a.net.advance()
    a.net.advance()
    a.over()
    with pytest.raises(Reverted, match="NotLately"):
        contradict(a, a.neurons[0])
    a.net.admin.audits.punish(1, a.neurons)
    assert lost(a, a.auditors[2]) == 20 and lost(a, a.neurons[0]) == 0
    a.verified()


@pytest.mark.parametrize(("about", "shown", "costs"), [(2, 1, 20), (2, 2, 0), (1, 1, 0)])
def test_who_is_far_about_several_is_spared_only_where_all_of_them_contradicted_themselves(
    about: int, shown: int, costs: int
) -> None:
    a = misled(2, about)
    for neuron in a.neurons[:shown]:
        contradict(a, neuron)
    a.over()
    a.net.admin.audits.punish(1, list(reversed(a.neurons)))
    a.net.admin.audits.punish(1, a.neurons)
    assert [lost(a, id) for id in a.auditors] == [0, 0, costs]
    a.verified()


@pytest.mark.parametrize("left", ["before the reveal", "before the conclusion"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_neuron_that_leaves_takes_nobodys_reveal_away(left: str, alone: bool) -> None:
    a = network(1 if alone else 2, replace(RULES, thaw_seconds=400))
    goes, admin = a.neurons[-1], a.net.admin
    a.book(goes).stake.unstake(goes, 100 * KLP)
    for _ in range(4):
        a.net.advance()
    a.net.pass_time(400)
    a.book(goes).stake.withdraw(goes)
    epoch = admin.clock.now().epoch
    found = [result(n) for n in a.neurons]
    for id in a.auditors:
        a.book(id).audits.commit(id, found, SALT)
    a.net.advance()
    if left == "before the reveal":
        a.book(goes).registry.quit(goes)
    for id in a.auditors:
        a.book(id).audits.reveal(id, found, SALT)
    a.net.advance()
    if left == "before the conclusion":
        a.book(goes).registry.quit(goes)
    admin.settle(epoch)
    assert all(admin.audits.concluded(epoch, n) for n in a.neurons)
    assert [lost(a, id) for id in a.auditors] == [0, 0, 0]
    kept = admin.registry.get(goes)
    assert kept.role is Role.NONE and not kept.passed
    a.verified()


def test_nobody_reveals_what_it_found_about_whoever_is_no_neuron() -> None:
    a = network(1)
    other = a.net.join(Role.REQUESTER)
    for id in (other, a.auditors[0], 999):
        drawn = [one for one in a.auditors if one in a.net.admin.audits.drawn(a.net.admin.clock.now().epoch, id)]
        a.results = {drawn[0]: [result(id)]}
        with pytest.raises(Reverted, match="NotDrawn"):
            a.epoch()
        a.net.advance()


@pytest.mark.parametrize("epochs", [2, pytest.param(120, marks=pytest.mark.slow)])
def test_what_nobody_concluded_for_long_is_concluded_one_epoch_after_the_other(epochs: int) -> None:
    a = network(1, replace(RULES, audit_seats=1, audit_quorum=1))
    (neuron,), audits = a.neurons, a.net.admin.audits
    for _ in range(epochs):
        (auditor,) = audits.drawn(a.net.admin.clock.now().epoch, neuron)
        a.results = {auditor: [result(neuron)]}
        a.epoch(settle=False, heard=False)
    assert audits.behind(epochs, [neuron, 999]) == [neuron]
    first = audits._write("conclude", epochs, [neuron])  # a call takes one, the earliest, and no more gas than for one
    assert audits.concluded(1, neuron) and not audits.concluded(2, neuron)
    audits._write("conclude", 1, [neuron])  # nothing of it is open
    assert not audits.concluded(2, neuron)
    assert first.gas < 500_000
    before = a.net.admin.rpc.height()
    a.net.admin.settle(epochs)
    assert all(audits.concluded(n + 1, neuron) for n in range(epochs)) and audits.behind(epochs, [neuron]) == []
    assert a.net.admin.rpc.height() - before == epochs - 1
    assert ledger.verify(a.net.admin, []) == []


def test_auditors_have_those_pay_who_are_marked_when_it_is_due(tmp_path: Path) -> None:
    a, said = misled(), list[str]()
    looks = [Doubts(a.book(id), id, tmp_path, said.append) for id in a.auditors]
    for one in looks:
        one._done.add(1)  # nobody doubts: nothing is on the disk to be shown
    for wait, costs in ((0, 0), (WINDOW, 20), (WINDOW, 20)):
        a.net.pass_time(wait + 10 * (wait > 0))
        for one in looks:
            one.look()
        assert [lost(a, id) for id in a.auditors[:2]] == [0, 0]
        assert lost(a, a.auditors[2]) >= costs
    assert sum("pays for what it said" in line and "refused" not in line for line in said) == 1
    a.verified()
