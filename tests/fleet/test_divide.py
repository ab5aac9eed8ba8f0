"""A leader hands its node's pay on: each device its part, once."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from klopf import files, fleet, ledger
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
    first = payees["a"]
    own = type(leader.token).transfer_authorized

    def once(token, owner, to, *more):
        if to != first:
            raise KeyboardInterrupt
        return own(token, owner, to, *more)

    with monkeypatch.context() as ending:
        ending.setattr(type(leader.token), "transfer_authorized", once)
        with pytest.raises(KeyboardInterrupt):
            fleet.hand_on(leader, divided, payees, "digits", 1)
    assert list(fleet.hand_on(leader, divided, payees, "digits", 1)) == [payees["b"]]
    assert sum(net.admin.token.balance(one) for one in payees.values()) == pytest.approx(36 * KLP, rel=1e-12)


def test_whoever_changes_its_address_or_the_parts_meanwhile_is_paid_once_and_as_first_said(node, tmp_path):
    net, verifier, leader, payees = node
    paid(net, verifier, leader, 40)
    path = tmp_path / "street" / "parts.json"
    assert fleet.hand_on(leader, fleet.Divided(path, bytes), {"a": payees["a"]}, "digits", 1) == {
        payees["a"]: pytest.approx(9 * KLP, rel=1e-12)
    }
    fleet.Divided(path, bytes, 0.5).note(replace(WANTED, round=2), {"a": 1.0})  # a round more, after the pay
    moved = {"a": secret(30).address, "b": payees["b"]}
    assert fleet.hand_on(leader, fleet.Divided(path, bytes), moved, "digits", 1) == {
        payees["b"]: pytest.approx(27 * KLP, rel=1e-12)
    }
    assert net.admin.token.balance(moved["a"]) == 0
    assert fleet.still_due(leader, fleet.Divided(path, bytes), "digits", 1) == {}
    assert ledger.verify(net.admin, []) == []


def test_what_the_leader_does_not_have_is_paid_to_nobody(node, tmp_path):
    net, verifier, leader, payees = node
    paid(net, verifier, leader, 40)
    leader.token.transfer(secret(31).address, 20 * KLP)
    divided = fleet.Divided(tmp_path / "street" / "parts.json", bytes)
    with pytest.raises(FleetError, match="send it what is missing"):
        fleet.hand_on(leader, divided, payees, "digits", 1)
    assert {net.admin.token.balance(one) for one in payees.values()} == {0}


@pytest.mark.parametrize("name", ["parts.json", "handed.json"])
@pytest.mark.parametrize(
    "content",
    [
        "[]", "7", "{", "[" * 99_999, '{"1 digits": 5}', '{"digits": {"rounds": 1}}', '{"x y": {}}',
        '{"1 digits": {"rounds": 0, "sums": {"a": 1.0}, "round": 0, "last": {}}}',
        '{"1 digits": {"rounds": 1, "sums": {"a": NaN}, "round": 1, "last": {}}}',
        '{"1 digits": {"rounds": 1, "sums": {"a": -1}, "round": 1, "last": {}}}',
        '{"1 digits": {"rounds": 1, "sums": {"a": "1"}, "round": 1, "last": {}, "fee": 0}}',
        '{"1 digits": {"rounds": 1, "sums": {}, "round": 1, "last": {}, "fee": 2}}',
        '{"1 digits": {"a": -5}}',
    ],
)  # fmt: skip
def test_what_says_nothing_of_a_division_is_a_line(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(FleetError, match=rf"{name} does not say how a node divided"):
        fleet.Divided(tmp_path / "parts.json", bytes).due("digits", 1, 100)


def test_a_device_without_a_card_holds_up_nobody_and_two_at_once_are_one(node, tmp_path, capsys):
    net, verifier, leader, payees = node
    paid(net, verifier, leader, 40)
    (tmp_path / "cards" / "b.json").rename(tmp_path / "b.json")
    words = ["demand", "divide", tmp_path / "street", "--devices", tmp_path / "cards"]
    words += ["--deployment", tmp_path / "deployment.json", "--rpc", net.admin.rpc.where]

    def divided() -> int:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words)])
        return int(ended.value.code or 0)

    assert divided() == 1
    told = capsys.readouterr().out
    assert f"KLP to {payees['a']}" in told and "KLP wait for b, whose card is not in" in told
    other = files.lock(tmp_path / "street" / "divide.lock")
    assert divided() == 2 and "another process divides" in capsys.readouterr().err
    os.close(other)
    (tmp_path / "b.json").rename(tmp_path / "cards" / "b.json")
    assert divided() == 0 and f"KLP to {payees['b']}" in capsys.readouterr().out


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
