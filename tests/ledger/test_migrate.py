"""A network moves to another chain: everybody has there what it had, to the unit, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ledger_helpers import KLP, Net, Role, secret

from klopf import chain, ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import _migrate


def test_everybody_has_what_it_had(net: Net, tmp_path: Path) -> None:
    net.admin.economy.propose(replace(ledger.Economy(), halving_cycles=400))
    a, b, c = (net.join(Role.NEURON, stake=150 * KLP) for _ in range(3))
    r = net.join(Role.REQUESTER)
    net.admin.clock.start()
    net.epoch({a: {b: 5, c: 5}, b: {a: 5, c: 5}, c: {a: 5, b: 5}, r: {a: 0}})
    net.clients[a].stake.unstake(a, 20 * KLP)  # thawing
    job = net.admin.jobs.open(net.clients[a].me.address, 90 * KLP, net.admin.clock.now().time + 9, 3600, b"t" * 32)
    net.clients[a].jobs.report(job, {net.clients[b].me.address: 40 * KLP})
    net.clients[r].vouchers.deposit(r, 20 * KLP)
    net.clients[r].vouchers.reserve(r, {c: 15 * KLP})
    net.admin.vouchers.redeem(c, [net.clients[r].vouchers.sign(r, c, 6 * KLP)])
    held = _migrate.holdings(net.admin)
    third = net.admin.token.emitted() // 3
    assert held[net.clients[a].me.address] == 10_000 * KLP + third
    assert held[net.clients[b].me.address] == 10_000 * KLP + third + 40 * KLP
    assert held[net.clients[r].me.address] == 9_994 * KLP
    assert held[net.clients[c].me.address] == 10_000 * KLP + third + 6 * KLP
    assert sum(held.values()) == net.admin.token.supply()

    place, key = tmp_path / "new.db", secret(9)
    chain.create(place, chain_id=4242, dev=True).close()
    moved, claims = ledger.migrate(net.admin, place, key)
    again = _migrate.claims_of(held)  # anybody who has the old chain comes to the same root
    assert again == claims
    ledger.save_claims(tmp_path / "claims.jsonl", claims)
    claims = ledger.load_claims(tmp_path / "claims.jsonl")
    with ledger.connect(place, key, moved) as l:
        assert l.token.supply() == net.admin.token.supply()
        assert l.token.emitted() == l.token.former() == l.emission.promised() == net.admin.token.emitted()
        assert l.rules.current() == net.admin.rules.current()
        assert l.economy.current() == net.admin.economy.current() == replace(ledger.Economy(), halving_cycles=400)
        assert l.snapshots.get(1)[2].startswith("chain 1337, block ")
        with pytest.raises(Reverted, match="NotInRoot"):
            ledger.restore(l, [replace(claims[0], amount=claims[0].amount + 1)])
        assert len(ledger.restore(l, claims, net.clients[a].me.address)) == 1
        assert ledger.restore(l, claims, net.clients[a].me.address) == []  # done
        with pytest.raises(LedgerError, match="still open"):
            _migrate.holdings(l)
        ledger.restore(l, claims)
        assert {owner: l.token.balance(owner) for owner in held} == held
        assert l.token.balance(moved.addresses["Claims"]) == 0
        row = (claims[0].index, claims[0].owner, claims[0].amount, list(claims[0].proof))
        with pytest.raises(Reverted, match="AlreadyRestored"):
            l.send(moved.addresses["Claims"], _migrate.artifact("Claims").functions["restore"].call_data(row))
        assert ledger.verify(l, []) == []
        assert _migrate.holdings(l) == held  # and could move on


def test_what_was_not_collected_is_not_left_behind(net: Net) -> None:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    net.admin.clock.start()
    net.epoch({a: {b: 5}, b: {a: 5}, c: {a: 5}}, settle=False)
    with pytest.raises(LedgerError, match="epoch 1 is not collected"):
        _migrate.holdings(net.admin)
    with pytest.raises(LedgerError, match="did not move here"):
        ledger.restore(net.admin, [])


def test_effort_that_was_not_paid_is_not_left_behind(net: Net) -> None:
    owner, worker = net.join(Role.REQUESTER), secret(900)
    ours = net.clients[owner]
    ours.stake.stake(owner, 10 * KLP)
    node = ours.effort.found()
    device = ours.devices.mint(worker, 1, 1, 1024, bytes(32))
    ours.effort.join(device, node)
    net.admin.emission.roll()
    cycle = net.admin.emission.cycle()
    receipt = (cycle, 1, device, owner, 10**12, 3600, 0)
    digest = ours.effort.digest(receipt)
    ours.effort.report(receipt, worker.sign(digest), ours.me.sign(digest))
    for step in (lambda: net.pass_time(86_400), lambda: ours.effort.pay_node(cycle, node)):
        with pytest.raises(LedgerError, match=r"effort of device 1 in cycle \d+ is not paid"):
            _migrate.holdings(net.admin)
        step()
    ours.effort.pay_device(cycle, node, device, ours.me.address)
    held = _migrate.holdings(net.admin)
    assert held[ours.me.address] == 10_000 * KLP - 4 * KLP // 1000 and sum(held.values()) == net.admin.token.supply()


def test_what_a_contract_owns_is_not_lost(net: Net) -> None:
    net.admin.token.transfer(net.admin.deployment.addresses["Registry"], 5)
    with pytest.raises(LedgerError, match="Registry owns 5 units"):
        _migrate.holdings(net.admin)


def test_a_file_of_claims_that_was_cut_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text('{"index": 0}\n')
    with pytest.raises(LedgerError, match=r"line 1 of .* is no claim"):
        ledger.load_claims(tmp_path / "c.jsonl")
