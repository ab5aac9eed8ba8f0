"""The index follows the chain and its reorganisations; the graph is the same for everybody who builds it."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from ledger_helpers import Net, Role, result

from klopf import ledger
from klopf.errors import LedgerError
from klopf.ledger import Graph, Index, Standing, events, graph


@pytest.fixture
def lively(net: Net) -> Net:
    a, b, c = (net.join(Role.NEURON) for _ in range(3))
    auditors = [net.join(Role.AUDITOR) for _ in range(3)]
    net.admin.clock.start()
    scores = {x: {n: result(n) for n in (a, b, c)} for x in auditors}
    net.epoch({a: {b: 40_000}, b: {a: 30_000, c: 9_000}, c: {a: 30_000, b: 30_000}}, scores=scores)
    net.clients[a].registry.knock(a)
    net.epoch({a: {b: 20_000}, c: {b: 10_000}})
    return net


def test_the_index_holds_the_history(lively: Net, tmp_path: Path) -> None:
    happened = list(ledger.history(lively.admin))
    with Index(tmp_path / "index.db") as index:
        assert index.follow(lively.admin) == 0
        assert list(index.events()) == happened
        assert len(index) == len(happened)
        assert index.height == lively.admin.rpc.height()
        lively.admin.token.transfer(lively.clients[1].me.address, 5)
    with Index(tmp_path / "index.db") as index:  # goes on where it was
        index.follow(lively.admin)
        assert list(index.events()) == list(ledger.history(lively.admin))


def test_pages_by_kind_and_by_participant(lively: Net, tmp_path: Path) -> None:
    happened = list(ledger.history(lively.admin))
    with Index(tmp_path / "index.db") as index:
        index.follow(lively.admin)
        heard = [e for e in happened if isinstance(e, events.settlement.Heard)]
        assert list(index.page(kind="Settlement.Heard").events) == heard
        first = index.page(kind="Settlement.Heard", limit=3)
        assert list(first.events) == heard[:3] and first.after is not None
        assert list(index.page(kind="Settlement.Heard", after=first.after).events) == heard[3:]
        about = index.page(participant=3).events
        assert {e.kind for e in about} >= {
            "Registry.Registered", "Stake.Staked", "Settlement.Posted", "Settlement.Heard", "Settlement.Claimed",
            "Settlement.Collected",
        }  # fmt: skip
        assert all(3 in (getattr(e, n, 0) for n in ("id", "listener", "speaker", "neuron")) for e in about)
        assert [e for e in index.page(participant=3, kind="Settlement.Heard").events] == [
            e for e in heard if 3 in (e.listener, e.speaker)
        ]


def test_a_reorganisation_is_followed(lively: Net, tmp_path: Path) -> None:
    request = lively.admin.rpc.request
    to = lively.clients[1].me.address
    with Index(tmp_path / "index.db") as index:
        snapshot = request("evm_snapshot")
        for n in (1, 2, 3):
            lively.admin.token.transfer(to, n)
        index.follow(lively.admin)
        before = list(index.events())
        assert [e.value for e in before[-3:]] == [1, 2, 3]
        assert request("evm_revert", snapshot)
        lively.admin.rpc._nonces.clear()
        for n in (7, 8):  # a shorter branch at first
            lively.admin.token.transfer(to, n)
        assert index.follow(lively.admin) == 3
        assert list(index.events()) == list(ledger.history(lively.admin))
        lively.admin.token.transfer(to, 9)
        lively.admin.token.transfer(to, 10)
        assert index.follow(lively.admin) == 0
        assert [e.value for e in list(index.events())[-4:]] == [7, 8, 9, 10]


def test_an_index_of_another_network_or_no_index_is_refused(lively: Net, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with Index(path) as index:
        index.follow(lively.admin)
        index._set("network", "1 0x 0x")
        with pytest.raises(LedgerError, match="another network"):
            index.follow(lively.admin)
    (tmp_path / "text").write_text("this is no database, but a long text " * 100)
    with pytest.raises(LedgerError, match="no index"):
        Index(tmp_path / "text")


def test_the_graph_tells_who_was_heard(lively: Net, tmp_path: Path) -> None:
    made = graph(ledger.history(lively.admin))
    assert made.epochs() == [1, 2]
    assert {(e.listener, e.speaker, e.weight) for e in made.at(2)} == {(1, 2, 20_000), (3, 2, 10_000)}
    assert made.listeners(2) == {1: {1: 40_000, 2: 20_000}, 3: {1: 30_000, 2: 10_000}}
    assert made.calls()[(1, 2)] == 20
    for p in lively.admin.registry.all():
        m = made.members[p.id]
        assert (m.role, m.standing, m.key, m.model) == (p.role, p.standing, p.key, p.model)
    assert made.members[1].standing is Standing.BACKBONE
    assert sum(m.earned for m in made.members.values()) == lively.admin.token.emitted()
    assert made.members[1].audits == [(1, True)]
    # whoever has the events has the graph
    with Index(tmp_path / "index.db") as index:
        index.follow(lively.admin)
        again = graph(index.events())
    assert again.canonical() == made.canonical() and again.hash() == made.hash()
    again.listening.pop()
    assert again.hash() != made.hash()


def test_a_snapshot_of_the_graph_is_minted_once(lively: Net) -> None:
    made = graph(ledger.history(lively.admin))
    id = lively.clients[1].snapshots.mint(made.hash(), made.block, "ipfs://somewhere")
    assert lively.admin.snapshots.get(id) == (made.hash(), made.block, "ipfs://somewhere")
    assert lively.admin.snapshots.id_of(made.hash()) == id == 1
    later = graph(ledger.history(lively.admin))  # the token is an event, but nobody was heard by it
    assert later.block > made.block and later.graphml() == made.graphml()
    with pytest.raises(LedgerError, match="exists already"):
        lively.clients[2].snapshots.mint(later.hash(), later.block)
    with pytest.raises(LedgerError, match="NotYet"):
        lively.clients[2].snapshots.mint(b"x" * 32, lively.admin.rpc.height() + 100)


def test_graphml_is_well_formed_whatever_a_model_is_called(lively: Net) -> None:
    made = graph(ledger.history(lively.admin))
    made.members[1].model = '</data><script>&"\x00\x1b'
    root = ElementTree.fromstring(made.graphml())
    space = "{http://graphml.graphdrawing.org/xmlns}"
    whole = root.find(f"{space}graph")
    assert whole is not None
    assert len(whole.findall(f"{space}node")) == 6
    edges = whole.findall(f"{space}edge")
    assert len(edges) == len(made.listening) == 7
    nodes = {n.get("id") for n in whole.findall(f"{space}node")}
    assert all(e.get("source") in nodes and e.get("target") in nodes for e in edges)
    declared = {k.get("id") for k in root.findall(f"{space}key")}
    assert {d.get("key") for d in whole.iter(f"{space}data")} <= declared
    assert Graph().graphml().count("<node") == 0


@pytest.mark.slow
def test_a_page_out_of_a_million_events_comes_at_once(lively: Net, tmp_path: Path) -> None:
    with Index(tmp_path / "index.db") as index:
        index.follow(lively.admin)
        row = index._db.execute("SELECT * FROM event WHERE kind = 'Settlement.Heard' LIMIT 1").fetchone()
        start = index.height + 1
        rows = ((start + n // 10, n % 10, *row[2:]) for n in range(1_000_000))
        index._db.execute("BEGIN")
        index._db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        index._db.executemany(
            "INSERT INTO about VALUES (?, ?, ?)", ((n % 1000, start + n // 10, n % 10) for n in range(1_000_000))
        )
        index._db.execute("COMMIT")
        assert len(index) > 1_000_000
        times = []
        for query in (
            {},
            {"kind": "Settlement.Heard"},
            {"participant": 77},
            {"participant": 77, "kind": "Settlement.Heard"},
        ):
            for place in (None, (start + 50_000, 3), (start + 99_000, 0)):
                began = time.perf_counter()
                page = index.page(**query, after=place, limit=100)
                times.append(time.perf_counter() - began)
                assert len(page.events) >= 10
        print(f"slowest page of 100 out of a million: {1000 * max(times):.1f} ms")
        assert max(times) < 0.05
