"""A demand is found by the ledger and applied for there: nobody hands a card to anybody."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import replace
from hashlib import sha256

import pytest

from klopf import fleet, ledger
from klopf.console import main
from klopf.console.cli import finding
from klopf.errors import FleetError
from tests.conftest import end
from tests.fleet.test_demand import written
from tests.fleet.test_survives import KLOPF, table
from tests.ledger.conftest import KLP, embedded, secret

PRICE, DAY = 100 * KLP, 86_400


@pytest.fixture
def network(tmp_path, monkeypatch):
    net, payer = embedded(), secret(5)
    net.admin.deployment.save(tmp_path / "deployment.json")
    net.admin.fund(payer.address, tokens=500 * KLP)
    monkeypatch.setattr("klopf.console.cli.demand.load_key", lambda path: payer)
    monkeypatch.setenv("KLOPF_RPC", net.admin.rpc.where)
    yield net


def raw(number: int) -> bytes:
    """Of the key ``secret(number)``, its 32 bytes."""
    return sha256(b"klopf test key %d" % number).digest()


def ran(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def post(tmp_path, *more: object) -> int:
    words = ["--price", "100", "--deployment", tmp_path / "deployment.json", *more]
    return ran("demand", "post", written(tmp_path, 0.99, 2), tmp_path / "load", *words)


def book(net, key=None):
    return ledger.connect(net.admin.rpc.where, key, net.admin.deployment)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_devices_find_a_demand_apply_for_it_and_are_paid(network, tmp_path, capsys):
    net, where = network, ["--deployment", tmp_path / "deployment.json"]
    assert post(tmp_path, "--announce") == 0
    with book(net, secret(9)) as gone:  # has applied, and answers nobody
        net.admin.fund(gone.me.address)
        fleet.apply_for(gone, fleet.Post("gone", secret=raw(9)).card(), 1)
    devices = []
    try:
        for number in range(2):
            data = table(tmp_path / f"d{number}.csv", 300 + 300 * number, 600 + 300 * number)
            words = ["demand", "serve", tmp_path / f"d{number}", "--data", data, "--job", 1, *where]
            devices.append(subprocess.Popen([*KLOPF, *map(str, words)], stdout=subprocess.PIPE, text=True))
        for device in devices:
            assert device.stdout and "serves 300 records" in device.stdout.readline()
        capsys.readouterr()
        assert ran("demand", "run", tmp_path / "load", "--announced", 2, "--json") == 1  # goal .99 is not met
        said = json.loads(capsys.readouterr().out)
    finally:
        for device in devices:
            end(device)
    keys = {fleet.Card.read(tmp_path / f"d{i}" / "card.json").peer.key for i in range(2)}
    assert set(said["shares"]) == keys and "reported" in said["what"]
    assert ran("demand", "find", *where, "--json") == 0
    assert json.loads(capsys.readouterr().out) == []  # it is over
    ran("demand", "status", tmp_path / "load")
    assert "reported on" in capsys.readouterr().out
    net.pass_time(2 * DAY)
    ran("demand", "run", tmp_path / "load", "--announced", 2)
    ran("demand", "status", tmp_path / "load")
    assert "0 are there still" in capsys.readouterr().out
    for key in keys:
        assert net.admin.token.balance(key) == pytest.approx(PRICE * said["shares"][key], rel=1e-12)
    assert ledger.verify(net.admin, []) == []


def test_what_is_announced_is_listed_until_it_is_over_and_said_once(network, tmp_path, capsys):
    net, where = network, ["--deployment", tmp_path / "deployment.json"]
    assert ran("demand", "find", *where) == 0 and "no demand" in capsys.readouterr().out
    assert post(tmp_path) == 0
    assert ran("demand", "find", *where) == 0 and "no demand" in capsys.readouterr().out  # it is not announced
    made = fleet.DemandFolder(tmp_path / "load")
    with book(net, ledger.Key(made.secret())) as server:
        for _ in range(2):
            fleet.announce(server, made.post().card(), 1, "digits: class\x1b[2J by mind" + "é" * 300)
        count = net.admin.registry.count()
        one = fleet.server_of(server, 1)
        assert one.peer.key == made.post().card().peer.key and one.peer.certificate == made.post().peer.certificate
    assert ran("demand", "find", *where) == 0
    told = capsys.readouterr().out
    assert "digits: class" in told and "\x1b" not in told and net.admin.registry.count() == count
    net.pass_time(8 * DAY)
    assert ran("demand", "find", *where) == 0 and "no demand" in capsys.readouterr().out
    assert ledger.verify(net.admin, []) == []


def test_who_applies_is_called_by_its_key_and_may_name_whom_to_pay(network, tmp_path):
    net, payee = network, "0x" + "ab" * 20
    assert post(tmp_path, "--announce") == 0
    for number in (7, 8):
        with book(net, secret(number)) as worker:
            net.admin.fund(worker.me.address)
            place = fleet.Post("ann", secret=raw(number))
            fleet.apply_for(worker, place.card(payee if number == 7 else ""), 1)
            fleet.apply_for(worker, place.card(payee if number == 7 else ""), 1)
    cards = fleet.applicants(net.admin, 1)
    assert [card.name for card in cards] == [secret(7).address, secret(8).address]
    assert [card.payee.lower() for card in cards] == [payee, secret(8).address.lower()]
    assert fleet.applicants(net.admin, 2) == []
    with book(net, secret(8)) as worker:  # works for another one now
        fleet.apply_for(worker, fleet.Post("ann", secret=raw(8)).card(), 2)
    assert len(fleet.applicants(net.admin, 1)) == len(fleet.applicants(net.admin, 2)) == 1


def test_a_neuron_applies_with_another_key(network):
    with book(network, secret(6)) as neuron:
        network.admin.fund(neuron.me.address)
        neuron.registry.register(ledger.Role.REQUESTER, model="a neuron's own")
        with pytest.raises(FleetError, match="use a new home"):
            fleet.apply_for(neuron, fleet.Post("ann", secret=raw(6)).card(), 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "whom to work for"),
        (("--job", 5), "give --deployment"),
        (("--job", 5, "--name", "ann", "--deployment", "deployment.json"), "no --name"),
        (("--job", 5, "--deployment", "deployment.json"), "no demand that is announced"),
        (("--job", 5, "--server", "card.json"), "whom to work for"),
    ],
)
def test_a_job_that_cannot_be_worked_for_is_a_line(network, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    assert ran("demand", "serve", "ann", "--data", "mine.csv", *more) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "ann").exists()


def test_jobs_of_a_unit_hide_no_demand_and_nobody_announces_anothers_job(network, tmp_path):
    net = network
    assert post(tmp_path, "--announce") == 0
    payer, thief = secret(5), secret(40)
    with book(net, payer) as own:
        for _ in range(201):
            own.jobs.open(thief.address, 1, own.clock.now().time + 9000, 3600, bytes(32))
    with book(net, thief) as other:
        net.admin.fund(thief.address)
        fleet.announce(other, fleet.Post("server", secret=raw(40)).card(), 1, "mine")
        assert [one.job for one in fleet.demands(net.admin)] == [1]
        assert fleet.server_of(net.admin, 1).peer.key == fleet.DemandFolder(tmp_path / "load").post().peer.key
        for job in (0, 2, 999):
            with pytest.raises(FleetError, match="no demand that is announced"):
                fleet.server_of(net.admin, job)
        terms = fleet.DemandFolder(tmp_path / "load").terms()
        server = fleet.DemandFolder(tmp_path / "load").post().peer.key
        net.admin.fund(thief.address, tokens=KLP)
        other.jobs.open(server, 1, other.clock.now().time + 9000, 3600, terms)
    with book(net, payer) as own:  # terms are on the ledger for all to copy
        assert fleet.job_of(own, server, terms) == 1
        assert fleet.job_of(own, thief.address, terms) == 0


def test_a_demand_that_was_locked_and_not_announced_is_announced_by_the_same_command(network, tmp_path, capsys):
    assert post(tmp_path) == 0 and fleet.demands(network.admin) == []
    for _ in range(2):
        assert post(tmp_path, "--announce") == 0
    assert [one.job for one in fleet.demands(network.admin)] == [1] and int(network.admin.jobs._read("count")) == 1
    words = ["--price", "90", "--deployment", tmp_path / "deployment.json", "--announce"]
    assert ran("demand", "post", tmp_path / "demand.toml", tmp_path / "load", *words) == 2
    assert "another demand or price" in capsys.readouterr().err


def test_who_cannot_be_paid_applies_in_vain_and_stops_nobody(network, tmp_path):
    net = network
    assert post(tmp_path, "--announce") == 0
    for number, payee in ((50, "0x" + "0" * 40), (51, net.admin.jobs.address), (52, "0x" + "cd" * 20)):
        with book(net, secret(number)) as worker:
            net.admin.fund(worker.me.address)
            here = fleet.Post("ann", secret=raw(number)).card().peer
            said = f"fleet device for job 1, paid to {payee}"
            worker.registry.register(ledger.Role.REQUESTER, model=said, certificate=here.certificate)
    cards = fleet.applicants(net.admin, 1)
    assert [card.payee for card in cards] == ["0x" + "cd" * 20]
    with book(net, ledger.Key(fleet.DemandFolder(tmp_path / "load").secret())) as server:
        with pytest.raises(FleetError, match="holds the pay"):
            fleet.enlist(server, 1, [net.admin.jobs.address])
        assert fleet.enlist(server, 1, [card.payee for card in cards]) == ["0x" + "cd" * 20]


def test_two_at_once_lock_one_price(network, tmp_path, capsys):
    settings = fleet.DemandSettings.read(written(tmp_path, 0.99, 2))
    made = fleet.DemandFolder.create(tmp_path / "load", settings, PRICE)
    with made.held():
        assert post(tmp_path, "--announce") == 2 and "another process" in capsys.readouterr().err
    assert post(tmp_path, "--announce") == 0 and int(network.admin.jobs._read("count")) == 1


@pytest.mark.timeout(120)
def test_who_lies_about_its_place_or_shows_anothers_certificate_is_passed_over():
    async def found() -> list[str]:
        server, honest = fleet.Post("server"), fleet.Post("honest")
        honest.knows(server.card())
        await honest.listen(lambda axon, known: None)
        places = ["", "127.0.0.1:1", "unix:/etc/passwd", "a" * 255, "127.0.0.1:99999", "[::1", "é:1", "host\n:1"]
        cards = []
        for number, place in enumerate(places):
            own = fleet.Post(f"d{number}").peer
            cards.append(fleet.Card(f"d{number}", replace(own, endpoint=place)))
        for name, der in (("none", b""), ("noise", bytes(4000)), ("others", honest.peer.certificate)):
            lie = replace(honest.peer, key=fleet.Post(name).peer.key, certificate=der, fingerprint=sha256(der).digest())
            cards.append(fleet.Card(name, lie))
        try:
            return [card.name for card in await fleet.answering(server, [*cards, honest.card()])]
        finally:
            await server.close()
            await honest.close()

    assert asyncio.run(found()) == ["honest"]


@pytest.mark.timeout(120)
def test_who_answered_once_and_is_gone_does_not_hold_up_the_next_start(network, tmp_path):
    assert post(tmp_path, "--announce") == 0
    made = fleet.DemandFolder(tmp_path / "load")
    place = made.path / "devices"
    place.mkdir()
    names = [fleet.Post("x").peer.key for _ in range(3)]
    for name in (*names, "by-hand"):
        fleet.Card(name, fleet.Post("x").peer).save(place / f"{name}.json")
    (made.path / "state.json").write_text(json.dumps({"values": {f"{names[0]}/a": 0.5}}))
    finding._forget(made, place, {names[1]})
    assert {file.stem for file in place.glob("*.json")} == {names[0], names[1], "by-hand"}


@pytest.mark.timeout(120)
def test_whoever_applied_and_is_gone_takes_nobodys_place(monkeypatch):
    monkeypatch.setattr("klopf.fleet._announced._MOST", 2)

    async def found() -> list[str]:
        server, here = fleet.Post("server"), [fleet.Post(f"d{i}") for i in range(3)]
        gone = [fleet.Post(f"gone{i}").card() for i in range(3)]
        try:
            for one in here:
                one.knows(server.card())
                await one.listen(lambda axon, known: None)
            return [card.name for card in await fleet.answering(server, [*gone, *(one.card() for one in here)])]
        finally:
            for one in (server, *here):
                await one.close()

    assert asyncio.run(found()) == ["d0", "d1"]
    assert asyncio.run(fleet.answering(fleet.Post("server"), [])) == []


@pytest.mark.parametrize(
    ("more", "said", "home"),
    [
        (("--payee", "ann"), "cannot be paid", True),
        (("--payee", "0x" + "0" * 40), "cannot be paid", True),
        (("--name", "../x"), "no name of a device", False),
        (("--host", "no.such.host.invalid"), "", True),
    ],
)
def test_what_cannot_be_served_is_one_line_and_nothing_else(tmp_path, more, said, home):
    fleet.Post("server").card().save(tmp_path / "server.json")
    (tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    words = [*KLOPF, "demand", "serve", "ann", "--data", "mine.csv", "--server", "server.json", *more]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 2 and said in ended.stderr and len(ended.stderr.splitlines()) == 1, ended.stderr
    assert (tmp_path / "ann").exists() == home


def test_who_objects_has_a_home(tmp_path, capsys):
    assert ran("demand", "object", tmp_path / "nowhere", "--deployment", tmp_path / "deployment.json") == 2
    assert "no device's home" in capsys.readouterr().err and not (tmp_path / "nowhere").exists()


def test_what_locks_no_price_is_not_announced(tmp_path, capsys):
    assert ran("demand", "post", written(tmp_path), tmp_path / "load", "--announce") == 2
    assert "give --price" in capsys.readouterr().err and not (tmp_path / "load").exists()
    assert ran("demand", "post", written(tmp_path), tmp_path / "load") == 0
    assert ran("demand", "run", tmp_path / "load", "--announced", "2") == 2
    assert "locks no price" in capsys.readouterr().err
    assert ran("demand", "run", tmp_path / "load", "--announced", "2", "--devices", tmp_path) == 2
    assert "one of the two" in capsys.readouterr().err
