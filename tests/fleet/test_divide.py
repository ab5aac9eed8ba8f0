"""A leader hands its node's pay on: each device its part, once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from klopf import fleet, ledger
from klopf.console import main
from klopf.errors import FleetError
from tests.ledger.conftest import KLP, embedded, secret

WANTED = fleet.Instructions("digits", "mind", escrow=1)


@pytest.fixture
def node(tmp_path):
    """A node of two devices that has worked for a job of 100 KLP: the network, its verifier, leader and devices."""
    net, payer, verifier = embedded(), secret(5), secret(6)
    net.admin.deployment.save(tmp_path / "deployment.json")
    net.admin.fund(payer.address, tokens=500 * KLP)
    home = fleet.Home.open(tmp_path / "street", "street")
    divided = fleet.Divided(home.path / "parts.json", home.post().sign, 0.1)
    divided.note(WANTED, {"a": 0.25, "b": 0.75})
    divided.note(replace(WANTED, escrow=2), {"b": 1.0})  # another demand of the same name
    (tmp_path / "cards").mkdir()
    payees = {name: secret(number).address for number, name in ((7, "a"), (8, "b"))}
    for name, payee in payees.items():
        fleet.Post(name).card(payee).save(tmp_path / "cards" / f"{name}.json")
    with ledger.connect(net.admin.rpc.where, payer, net.admin.deployment) as own:
        now = own.clock.now().time
        assert own.jobs.open(verifier.address, 100 * KLP, now + 9000, 3600, bytes(32)) == 1
    with ledger.connect(net.admin.rpc.where, ledger.Key(home.secret()), net.admin.deployment) as leader:
        yield net, verifier, leader, payees


def paid(net, verifier, leader, klp):
    with ledger.connect(net.admin.rpc.where, verifier, net.admin.deployment) as book:
        fleet.report_job(book, 1, {leader.me.address: klp * KLP})
        net.pass_time(4000)
        fleet.pay_out(book, 1, [leader.me.address])


def test_each_device_is_paid_its_part_once_by_the_fee_it_worked_under(node, tmp_path):
    net, verifier, leader, payees = node
    divided = fleet.Divided(tmp_path / "street" / "parts.json", lambda digest: b"")  # another fee now
    with pytest.raises(FleetError, match="has paid nothing"):
        fleet.hand_on(leader, divided, payees, "digits", 1)
    paid(net, verifier, leader, 40)
    with pytest.raises(FleetError, match="knows its address"):
        fleet.hand_on(leader, divided, {"a": payees["a"]}, "digits", 1)
    assert divided.escrows() == [("digits", 1), ("digits", 2)]
    told = fleet.hand_on(leader, divided, payees, "digits", 1)
    assert list(told) == sorted(payees.values())
    assert fleet.hand_on(leader, divided, payees, "digits", 1) == {}
    for name, part in (("a", 9), ("b", 27)):
        assert net.admin.token.balance(payees[name]) == pytest.approx(part * KLP, rel=1e-12)
    assert net.admin.token.balance(leader.me.address) == pytest.approx(4 * KLP, rel=1e-9)
    assert ledger.verify(net.admin, []) == []


def test_killed_between_two_devices_it_goes_on_with_the_second(node, tmp_path, monkeypatch):
    net, verifier, leader, payees = node
    paid(net, verifier, leader, 40)
    divided = fleet.Divided(tmp_path / "street" / "parts.json", lambda digest: b"")
    first = min(payees.values())
    own = type(leader.token).transfer_authorized

    def once(token, owner, to, *more):
        if to != first:
            raise KeyboardInterrupt
        return own(token, owner, to, *more)

    with monkeypatch.context() as ending:
        ending.setattr(type(leader.token), "transfer_authorized", once)
        with pytest.raises(KeyboardInterrupt):
            fleet.hand_on(leader, divided, payees, "digits", 1)
    assert list(fleet.hand_on(leader, divided, payees, "digits", 1)) == [max(payees.values())]
    assert sum(net.admin.token.balance(one) for one in payees.values()) == pytest.approx(36 * KLP, rel=1e-12)


def test_from_the_terminal(node, tmp_path, capsys):
    net, verifier, leader, payees = node
    paid(net, verifier, leader, 40)
    words = ["demand", "divide", tmp_path / "street", "--devices", tmp_path / "cards"]
    words += ["--deployment", tmp_path / "deployment.json", "--rpc", net.admin.rpc.where]
    for more, said in (
        ((), "KLP to " + payees["b"]),
        ((), "job 1: all is handed on"),
        (("--json",), "job 2 has paid nothing"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), *more])
        told = capsys.readouterr().out
        assert not ended.value.code and said in told
    assert json.loads(told)["paid"] == []
    with pytest.raises(SystemExit):
        main([*map(str, words[:2]), str(tmp_path), *map(str, words[3:])])
    assert "no home of a leader" in capsys.readouterr().err
