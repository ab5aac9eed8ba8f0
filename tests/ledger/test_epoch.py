"""An epoch from end to end, over both chains: listening, audits, pay, standing."""

from __future__ import annotations

import pytest
from ledger_helpers import Net, result

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import KLP, Phase, Role, Standing


def test_pay_follows_listening_and_adds_up(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    r = net.join(Role.REQUESTER)
    net.admin.clock.start()
    before = {i: net.admin.token.balance(net.clients[i].me.address) for i in (a, b, c, r)}
    net.epoch({a: {b: 60_000}, b: {a: 30_000, c: 10_000}, c: {a: 30_000, b: 30_000}})
    earned = {i: net.admin.token.balance(net.clients[i].me.address) - before[i] for i in (a, b, c, r)}
    # each listener has half of the stake beside the speaker's own, and kappa is a half: the heaviest weight counts
    columns = {i: net.admin.settlement.column(1, i) for i in (a, b, c)}
    assert [columns[i].consensus for i in (a, b, c)] == [30_000, 60_000, 10_000]
    assert [columns[i].rank for i in (a, b, c)] == [3_000_000 * KLP, 4_500_000 * KLP, 500_000 * KLP]
    assert earned == {a: 3_750 * KLP, b: 5_625 * KLP, c: 625 * KLP, r: 0}
    assert net.admin.token.supply() == (600_000_000 + 10_000) * KLP
    assert net.admin.token.emitted() == 10_000 * KLP
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_neuron_earns_a_seat_and_loses_it_to_a_better_one(net: Net) -> None:
    a, b, c, d = (net.join(Role.NEURON) for _ in range(4))
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    good = {n: result(n) for n in (a, b, c, d)}
    scores = {auditor: good for auditor in auditors}
    ring = {a: {b: 9000, c: 2000, d: 1000}, b: {a: 9000, c: 2000, d: 1000}, c: {a: 9000, b: 9000, d: 1000}}
    net.epoch({**ring, d: {a: 9000, b: 9000, c: 2000}}, scores=scores)
    registry = net.admin.registry
    assert [registry.get(i).standing for i in (a, b, c, d)] == [Standing.FRINGE] * 4
    with pytest.raises(Reverted, match="NotBackbone"):
        net.clients[a].registry.knock(a, b)
    net.clients[c].registry.knock(c)
    net.clients[d].registry.knock(d)  # seats are free: being heard a little is enough
    with pytest.raises(Reverted, match="NoFreeSeat"):
        net.clients[a].registry.knock(a)
    net.clients[a].registry.knock(a, d)
    with pytest.raises(Reverted, match="NotHeardEnough"):
        net.clients[d].registry.knock(d, a)
    assert [registry.get(i).standing.name for i in (a, b, c, d)] == ["BACKBONE", "FRINGE", "BACKBONE", "FRINGE"]
    bad = {n: result(n, accuracy=1000) if n == a else good[n] for n in good}
    net.epoch({}, scores={auditor: bad for auditor in auditors})
    assert registry.get(a).standing is Standing.FRINGE
    net.epoch({}, scores={auditor: bad for auditor in auditors})
    assert registry.get(a).standing is Standing.SILENT
    assert registry.get(a).failed == 2
    with pytest.raises(Reverted, match="NotAdmitted"):
        net.post(a, {b: 1})
    assert ledger.verify(net.admin, net.receipts) == []


def test_an_auditor_who_inflates_is_slashed_and_honest_ones_are_not(net: Net) -> None:
    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    truth = {a: result(a, 9000), b: result(b, 2000)}
    near = {a: result(a, 9300), b: result(b, 2300)}
    lie = {a: result(a, 9000), b: result(b, 9900)}
    treasury = net.admin.token.balance(net.admin.deployment.treasury)
    net.epoch({}, scores={auditors[0]: truth, auditors[1]: near, auditors[2]: lie})
    accounts = [net.admin.stake.account(i) for i in auditors]
    assert [x.slashed for x in accounts] == [0, 0, 20 * KLP]
    assert [x.staked for x in accounts] == [100 * KLP, 100 * KLP, 80 * KLP]
    assert net.admin.token.balance(net.admin.deployment.treasury) == treasury + 20 * KLP
    assert [net.admin.registry.get(i).passed for i in (a, b)] == [True, False]
    found = dict(net.admin.audits.findings(1, b))
    assert found == {
        x: {t: c.score for t, c in said[b].counts.items()} for x, said in zip(auditors, (truth, near, lie), strict=True)
    }
    assert ledger.verify(net.admin, net.receipts) == []


def test_too_few_results_punish_nobody(net: Net) -> None:
    a = net.join(Role.NEURON)
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    net.epoch({}, scores={auditors[0]: {a: result(a, 100)}})
    assert net.admin.audits.concluded(1, a)
    assert net.admin.registry.get(a).failed == 0
    assert net.admin.stake.account(auditors[0]).slashed == 0
    assert ledger.verify(net.admin, net.receipts) == []


def test_the_absent_hold_the_others_up_once(net: Net) -> None:
    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    net.admin.clock.start()
    net.post(a, {b: 100})
    assert net.admin.clock.advance() is False  # b is missing
    net.pass_time(101)
    assert net.admin.clock.advance() is True
    assert (net.admin.clock.now().phase, net.admin.clock.now().expected) == (Phase.CLAIM, 1)
    net.clients[a].settlement.claim(a, [])
    assert net.admin.clock.advance() is True  # nobody waits for b any more
    net.clients[b].clock.arrive(b)  # until it comes back
    now = net.admin.clock.now()
    assert (now.epoch, now.arrived, now.expected) == (2, 1, 2)
    net.clients[b].clock.depart(b)
    net.clients[a].clock.arrive(a)
    assert net.admin.clock.now().arrived == net.admin.clock.now().expected == 1
    assert net.admin.clock.advance() is True
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_late_collection_pays_the_same(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    weights = {a: {b: 500}, b: {a: 700}, c: {a: 100, b: 900}}
    for _ in range(3):
        net.epoch(weights, settle=False)
    for epoch in (3, 1, 2):
        net.admin.settlement.collect(epoch, [a, b, c])
    total = sum(net.admin.token.balance(net.clients[i].me.address) for i in (a, b, c))
    assert total <= 3 * (10_000 - 100 + 10_000) * KLP
    assert 3 * (10_000 - 100 + 10_000) * KLP - total < 9  # only roundings, and those down
    supply = net.admin.token.supply()
    net.admin.settlement.collect(1, [a, b, c])  # again: skipped
    assert net.admin.token.supply() == supply
    assert ledger.verify(net.admin, net.receipts) == []


def test_rules_change_with_the_next_epoch(net: Net) -> None:
    from dataclasses import replace

    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    changed = replace(net.admin.rules.current(), emission=7 * KLP, kappa=40_000)
    net.admin.rules.propose(changed)
    assert net.admin.rules.current() != changed
    net.epoch({a: {b: 5}, b: {a: 5}, c: {}})
    assert net.admin.rules.current() == changed
    net.epoch({a: {b: 5}, b: {a: 5}, c: {}})
    assert net.admin.settlement.epoch(1).pool == 10_000 * KLP
    assert net.admin.settlement.epoch(2).pool == 0  # nobody is heard by 61 % of the others' stake
    with pytest.raises(Reverted, match="only the owner"):
        net.clients[a].rules.propose(changed)
    with pytest.raises(Reverted, match="kappa"):
        net.admin.rules.propose(replace(changed, kappa=0))
    assert ledger.verify(net.admin, net.receipts) == []


def test_stake_thaws_and_is_withdrawn(net: Net) -> None:
    a = net.join(Role.NEURON, stake=150 * KLP)
    l = net.clients[a]
    l.stake.unstake(a, 30 * KLP)
    with pytest.raises(Reverted, match="NotThawed"):
        l.stake.withdraw(a)
    with pytest.raises(Reverted, match="NothingStaked"):
        l.stake.unstake(a, 121 * KLP)
    net.pass_time(501)
    before = l.token.balance(l.me.address)
    l.stake.unstake(a, 20 * KLP)  # pays what is due first
    assert l.token.balance(l.me.address) == before + 30 * KLP
    assert l.registry.get(a).standing is Standing.FRINGE
    l.stake.unstake(a, 1 * KLP)  # below the least
    assert l.registry.get(a).standing is Standing.SILENT
    net.pass_time(501)
    l.stake.withdraw(a)
    account = l.stake.account(a)
    assert (account.staked, account.thawing, account.slashed) == (99 * KLP, 0, 0)
    assert ledger.verify(net.admin, net.receipts) == []


def test_a_rotated_key_speaks_and_the_old_one_does_not(net: Net) -> None:
    from ledger_helpers import secret

    a, b = net.join(Role.NEURON), net.join(Role.NEURON)
    net.clients[a].registry.rotate_key(a, secret(77))
    assert net.admin.registry.get(a).key == secret(77).address
    assert net.admin.registry.id_of(secret(77).address) == a
    net.admin.clock.start()
    signed = net.post(b, {a: 100})  # signed with a's old key
    net.advance()
    with pytest.raises(Reverted, match="WrongSpeakerSignature"):
        net.clients[a].settlement.claim(a, signed)
    with pytest.raises(Reverted, match="KeyInUse"):
        net.clients[b].registry.rotate_key(b, secret(77))
    net.clients[a].registry.move(a, "127.0.0.1:9", b"another certificate")
    moved = net.admin.registry.get(a)
    assert (moved.endpoint, moved.certificate) == ("127.0.0.1:9", b"another certificate")
    assert ledger.verify(net.admin, net.receipts) == []


def test_many_members_are_settled_in_several_transactions(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    from klopf.ledger.market import batch

    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    monkeypatch.setattr(batch, "_BATCH", 2)
    net.epoch({a: {b: 5, c: 5}, b: {a: 5, c: 5}, c: {a: 5, b: 5}})
    assert [net.admin.settlement.column(1, i).collected for i in (a, b, c)] == [True] * 3
    assert net.admin.token.emitted() == 9_999 * KLP + KLP - 1
