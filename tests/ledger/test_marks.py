"""Audits of any number of tasks, and the marks that a neuron must reach."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_helpers import Net, Role, result

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Marks, Score, events


def audit(net: Net, neurons: list[int], auditors: list[int], scores: dict[int, dict[int, ledger.Result]]) -> int:
    a, b = neurons
    return net.epoch({a: {b: 5}, b: {a: 5}}, scores={x: scores[x] for x in auditors})


def concluded(net: Net, epoch: int, neuron: int) -> events.audits.Concluded:
    (one,) = [
        e for e in ledger.history(net.admin)
        if isinstance(e, events.audits.Concluded) and (e.epoch, e.neuron) == (epoch, neuron)
    ]  # fmt: skip
    return one


def with_more(found: ledger.Result, **scores: int) -> ledger.Result:
    return replace(found, scores={**found.scores, **{t: Score(v, max(0, v - 50), v + 50) for t, v in scores.items()}})


def test_any_number_of_tasks_is_recorded_and_those_with_a_mark_decide(net: Net) -> None:
    a, b = (net.join(Role.NEURON) for _ in range(2))
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    assert net.admin.marks.current() == Marks({"accuracy": 5000, "robustness": 4000})
    extra = [{}, {"calibration": 700, "zeal": 9}, {"calibration": 900, "a": 1}]
    scores = {x: {n: with_more(result(n), **more) for n in (a, b)} for x, more in zip(auditors, extra, strict=True)}
    epoch = audit(net, [a, b], auditors, scores)
    said = concluded(net, epoch, a)
    assert said.passed and said.results == 3
    assert said.medians == {"accuracy": 9000, "calibration": 800, "robustness": 8000}  # two voices are the quorum
    order = [auditor for auditor, _ in net.admin.audits.findings(epoch, a)]
    assert dict(net.admin.audits.findings(epoch, a)) == {
        x: {t: c.score for t, c in scores[x][a].counts.items()} for x in order
    }

    net.admin.marks.propose(Marks({"accuracy": 5000, "calibration": 800}))
    assert net.admin.marks.current() == Marks({"accuracy": 5000, "robustness": 4000})  # until the epoch is over
    scores = {x: {n: with_more(result(n, robustness=0), calibration=700) for n in (a, b)} for x in auditors}
    epoch = audit(net, [a, b], auditors, scores)
    assert net.admin.marks.current() == Marks({"accuracy": 5000, "calibration": 800})
    assert not concluded(net, epoch, a).passed
    assert net.admin.registry.get(a).failed == 1
    net.admin.marks.propose(Marks({"accuracy": 5000, "calibration": 700}))
    assert concluded(net, audit(net, [a, b], auditors, scores), a).passed
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_mark_that_too_few_have_looked_at_judges_nobody(net: Net) -> None:
    a, b = (net.join(Role.NEURON) for _ in range(2))
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.marks.propose(Marks({"accuracy": 5000, "calibration": 800}))
    net.admin.clock.start()
    scores = {x: {n: result(n) for n in (a, b)} for x in auditors}
    scores[auditors[0]] = {n: with_more(result(n, accuracy=1000), calibration=900) for n in (a, b)}
    said = concluded(net, audit(net, [a, b], auditors, scores), a)
    assert not said.passed and set(said.medians) == {"accuracy", "robustness"}
    assert (net.admin.registry.get(a).passed, net.admin.registry.get(a).failed) == (False, 0)
    outliers = [e for e in ledger.history(net.admin) if isinstance(e, events.audits.Outlier)]
    assert {(e.auditor, e.task) for e in outliers} == {(auditors[0], "accuracy")}  # the list of tasks hides no liar
    assert ledger.verify(net.admin, net.receipts) == []


def test_marks_belong_to_the_owner_of_the_rules_and_are_sorted(net: Net) -> None:
    a = net.join(Role.NEURON)
    with pytest.raises(Reverted, match="OwnableUnauthorizedAccount"):
        net.clients[a].marks.propose(Marks({}))
    with pytest.raises(Reverted, match="OutOfRange"):
        net.admin.marks.propose(Marks({"accuracy": 10_001}))
    with pytest.raises(Reverted, match="NotSorted"):
        net.admin.marks._write("propose", [(b"b".ljust(26, b"\0"), 1), (b"b".ljust(26, b"\0"), 2)])
    with pytest.raises(LedgerError, match="cannot be called"):
        net.admin.marks.propose(Marks({"a name that is far too long for it": 1}))


def test_a_name_that_nobody_can_read_is_kept_to_the_byte() -> None:
    odd = b"\xff\x00" + bytes(23) + b"\x01"
    assert Marks.from_tuple([(odd, 5)]).as_tuple() == ((odd, 5),)
