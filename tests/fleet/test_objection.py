"""Who worked is noted before it works, and objects where no report comes, or one of less than it was told."""

from __future__ import annotations

import json

import pytest

from klopf import fleet, ledger, wire
from klopf.console import main
from klopf.errors import FleetError
from tests.ledger.conftest import KLP, embedded, secret

DAY = 86_400


@pytest.fixture
def work(tmp_path):
    """A job of 100 KLP, its verifier, two workers with homes whose keys are paid, and a stranger's address."""
    net, payer = embedded(), secret(5)
    net.admin.fund(payer.address, tokens=500 * KLP)
    net.admin.deployment.save(tmp_path / "deployment.json")
    server = fleet.Home.open(tmp_path / "server", "server")
    homes = [fleet.Home.open(tmp_path / name, name) for name in ("ann", "bob")]
    books = [
        ledger.connect(net.admin.rpc.where, ledger.Key(home.secret()), net.admin.deployment)
        for home in (server, *homes)
    ]
    with ledger.connect(net.admin.rpc.where, payer, net.admin.deployment) as own:
        now = own.clock.now().time
        job = own.jobs.open(books[0].me.address, 100 * KLP, now + 9000, 3600, bytes(32))
    yield net, job, books[0], books[1:], payer.address
    for book in books:
        book.close()


def test_noted_once_and_reported_beside(work):
    net, job, server, (ann, bob), payer = work
    payees = [ann.me.address, bob.me.address]
    assert fleet.enlist(server, job, payees[:1]) == payees[:1]
    assert fleet.enlist(server, job, payees) == payees[1:]
    assert fleet.enlist(server, job, payees) == []
    due = fleet.amounts({"ann": 1.0, "bob": 0.0}, {"ann": payees[0], "bob": payees[1]}, 100 * KLP - 1000)
    assert fleet.report_job(server, job, due) and fleet.enlist(server, job, payees) == []
    assert fleet.object_to(ann, job, 100 * KLP - 1000) == ""
    net.pass_time(4000)
    assert fleet.pay_out(net.admin, job, payees) == {payees[0]: 100 * KLP - 1000, payees[1]: 1}
    assert net.admin.token.balance(payer) == 400 * KLP + 999 and net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_what_is_noted_for_others_stays_and_paying_again_does_nothing(work):
    net, job, server, (ann, bob), payer = work
    fleet.enlist(server, job, [ann.me.address, bob.me.address])
    fleet.report_job(server, job, {ann.me.address: 60 * KLP})
    net.pass_time(4000)
    assert fleet.pay_out(net.admin, job, [ann.me.address]) == {ann.me.address: 60 * KLP}
    assert fleet.pay_out(net.admin, job, [ann.me.address]) == {}
    assert net.admin.token.balance(payer) == 440 * KLP - 1 and net.admin.jobs.held() == 1
    assert fleet.pay_out(net.admin, job, [bob.me.address, ann.me.address]) == {bob.me.address: 1}
    assert net.admin.jobs.held() == 0 and ledger.verify(net.admin, []) == []


def test_who_is_noted_objects_where_nobody_reports_and_the_price_is_its(work):
    net, job, server, (ann, bob), payer = work
    fleet.enlist(server, job, [ann.me.address])
    assert fleet.object_to(ann, job) == ""  # there is time
    net.pass_time(9100)
    assert fleet.object_to(bob, job) == ""  # nothing was noted for it
    assert "the price stays" in fleet.object_to(ann, job)
    assert fleet.object_to(ann, job) == ""
    net.pass_time(15 * DAY)
    fleet.pay_out(net.admin, job, [ann.me.address, bob.me.address])
    assert [net.admin.token.balance(one.me.address) for one in (ann, bob)] == [100 * KLP, 0]
    assert net.admin.token.balance(payer) == 400 * KLP and net.admin.jobs.held() == 0
    assert ledger.verify(net.admin, []) == []


def test_less_than_told_is_said_and_objected_to_for_a_bond(work):
    net, job, server, (ann, bob), _ = work
    net.admin.fund(ann.me.address, tokens=10 * KLP)
    fleet.report_job(server, job, {bob.me.address: 100 * KLP})
    assert "for a bond of" in fleet.object_to(ann, job, 40 * KLP)
    assert net.admin.token.balance(ann.me.address) == 10 * KLP  # it was only said
    assert "has objected" in fleet.object_to(ann, job, 40 * KLP, bond=True)
    assert net.admin.token.balance(ann.me.address) == 5 * KLP
    assert fleet.object_to(bob, job, 40 * KLP, bond=True) == ""


def test_from_the_terminal_by_what_the_home_was_told(work, tmp_path, capsys):
    net, job, server, (ann, _), _ = work
    fleet.enlist(server, job, [ann.me.address])
    said = fleet.Statement("digits", job, 1, "ann", 0.5, 0.6, "ab", "cd")
    wanted = fleet.Instructions("digits", "mind", round=2, escrow=job, said=said.signed(server.me.sign))
    peer = fleet.Post("server", secret=fleet.Home(tmp_path / "server", "server").secret()).peer
    assert fleet.Told(tmp_path / "ann" / "said.jsonl", "ann")(peer, wanted) == ""
    words = ["demand", "object", str(tmp_path / "ann"), "--deployment", str(tmp_path / "deployment.json")]
    words += ["--rpc", net.admin.rpc.where]
    for passes, line in ((0, "nothing to object to"), (9100, "nobody reported in time"), (0, "nothing to object to")):
        net.pass_time(passes)
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert not ended.value.code and line in capsys.readouterr().out


def test_what_a_leader_told_is_no_ground_to_lose_a_bond_by(work, tmp_path, capsys):
    net, job, server, (ann, bob), _ = work
    net.admin.fund(ann.me.address, tokens=10 * KLP)
    fleet.report_job(server, job, {bob.me.address: 100 * KLP})
    server_said = fleet.Statement("digits", job, 1, "ann", 0.5, 0.6, "ab", "cd").signed(server.me.sign)
    leader_said = fleet.Statement("digits", job, 2, "ann", 0.5, 0.6, "ab", "cd").signed(bob.me.sign)
    place = tmp_path / "ann" / "said.jsonl"
    words = ["demand", "object", str(tmp_path / "ann"), "--deployment", str(tmp_path / "deployment.json")]
    words += ["--rpc", net.admin.rpc.where]
    for lines, line in (([leader_said], "nothing to object to"), ([server_said, leader_said], "for a bond of")):
        place.write_text("".join(json.dumps(one) + "\n" for one in lines))
        with pytest.raises(SystemExit):
            main([*words, *(["--bond"] if len(lines) == 1 else [])])
        assert line in capsys.readouterr().out
    assert net.admin.token.balance(ann.me.address) == 10 * KLP


def test_a_device_that_is_not_noted_does_not_work(work):
    _, job, server, (ann, bob), _ = work
    fleet.enlist(server, job, [ann.me.address])
    wanted = fleet.Instructions("digits", "mind", escrow=job)
    for book, said in ((ann, ""), (bob, "notes nothing for")):
        paid = fleet.PaidOnly(book, payee=book.me.address)
        asker = wire.Peer(1, server.me.address, "localhost:1", bytes(32), b"")
        assert said in paid(asker, wanted) and (paid(asker, wanted) == "") == (not said)
        assert paid.jobs == ({job} if not said else set())


def test_a_home_is_needed(tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(FleetError, match="no device's home"):
        fleet.Home.open(tmp_path / "other", "other")
