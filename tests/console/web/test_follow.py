"""A page's figures are those of the ledger, and what comes later costs what is new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from klopf import checks, ledger
from klopf.console.web import VIEWS
from klopf.console.web._follow import Follower
from klopf.network import Tally, plain
from tests.console.web.network import HOSTILE, Small


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    for _ in range(3):
        made.play()
    return made


def read(follower: Follower) -> Follower:
    while follower.tick() or follower.behind:
        pass
    return follower


@pytest.mark.parametrize("name", VIEWS.shipped)
def test_what_ships_passes_the_check(name):
    checks.check_view(VIEWS.load(name))


def test_figures_are_those_of_the_whole_history(small: Small):
    tally = Tally()
    for event in ledger.history(small.book):
        tally.take(event)
    follower = read(Follower(small.source))
    state = follower.state()
    assert not state["broken"] and not state["trouble"]
    assert state["transactions"] == tally.transactions == len({e.transaction for e in ledger.history(small.book)})
    assert state["supply"].startswith(str(small.book.token.supply() // 10**18))
    rows = state["views"]["neurons"]["rows"]
    for id, row in rows.items():
        known = tally.everybody[int(id)]
        assert row[1] == HOSTILE and row[5] == plain(known.earned)
        assert row[3] == round(tally.heard()[int(id)], 4)
    bert = rows[str(small.ids["bert"])]
    assert bert[5].startswith("3000.") and bert[7].startswith("100.")
    follower.close()


def test_pieces_come_to_the_same_as_one(small: Small, monkeypatch: pytest.MonkeyPatch):
    whole = read(Follower(small.source))
    monkeypatch.setattr("klopf.console.web._follow.BLOCKS", 3)
    pieces = read(Follower(small.source))
    assert pieces.version > whole.version
    own = {"version": 0, "life": ""}
    assert pieces.state() | own == whole.state() | own
    for epoch in (1, 2, 3):
        assert pieces.memory.epoch(epoch) == whole.memory.epoch(epoch)
    assert pieces.memory.payments(2) == whole.memory.payments(2)


def test_a_busy_stretch_is_read_in_pieces_that_end_with_a_block(small: Small, monkeypatch: pytest.MonkeyPatch):
    whole = read(Follower(small.source))
    monkeypatch.setattr("klopf.console.web._follow.PIECE", 0.0)  # each block is more than should be read at once
    pieces, heights = Follower(small.source), [-1]
    while pieces.tick() or pieces.behind:
        assert pieces.shown.height > heights[-1], "each is read once"
        heights.append(pieces.shown.height)
    blocks = {event.block for event in ledger.history(small.book)}
    assert len(heights) > len(blocks) > 10
    own = {"version": 0, "life": ""}
    assert pieces.state() | own == whole.state() | own
    assert pieces.memory.payments(2) == whole.memory.payments(2)


def test_a_chain_that_changes_while_a_busy_stretch_is_read_is_read_again(small: Small, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("klopf.console.web._follow.PIECE", 0.0)
    follower = Follower(small.source)
    book = follower._connected()
    real, asked = book.rpc.block_hash, list[int]()

    def changes(block: int) -> str:
        asked.append(block)
        return real(block) if len(asked) > 1 else "0x" + "22" * 32  # the first answer is another chain's

    monkeypatch.setattr(book.rpc, "block_hash", changes)
    follower.tick()
    assert follower.history.hash == "0x" + "22" * 32, "read as one, and looked at again"
    whole = read(Follower(small.source))
    assert read(follower).state()["views"] == whole.state()["views"]


def test_news_alone_come_to_the_same_as_everything_asked_again(small: Small):
    follower = read(Follower(small.source))
    before, version = follower.state(), follower.version
    assert not follower.tick(), "nothing happened"
    small.play()
    read(follower)
    views = {name: dict(view["rows"]) for name, view in before["views"].items()}
    while piece := follower.news.after(follower.life, version):
        version = piece.version
        for name, rows in json.loads(piece.said or "")["views"].items():
            for key, row in rows.items():
                assert views[name].get(key) != row, "only what is new is said"
                views[name].pop(key, None) if row is None else views[name].__setitem__(key, row)
    assert views == {name: view["rows"] for name, view in follower.state()["views"].items()}
    follower.close()


def test_an_epoch_is_shown_as_it_ended(small: Small):
    follower = read(Follower(small.source))
    said = json.loads(follower.memory.epoch(1) or "")
    assert said["links"] == [[small.ids["anna"], small.ids["bert"], 1.0]]
    heard = {row[0]: row[3] for row in said["neurons"]}
    assert heard[small.ids["bert"]] == 1.0 and heard[small.ids["anna"]] == 0.0
    assert follower.memory.epoch(small.epoch) is None, "it has not ended"


def test_a_ledger_that_is_not_there_is_told_and_no_error(small: Small, tmp_path: Path):
    from dataclasses import replace

    follower = Follower(replace(small.source, where=str(tmp_path / "gone.sqlite")))
    assert follower.tick() and follower.trouble
    assert not follower.tick(), "told once"
    follower.source = small.source
    read(follower)
    assert not follower.trouble and follower.state()["views"]["neurons"]["rows"]


def test_another_chain_in_the_same_place_is_read_from_its_beginning(small: Small, tmp_path: Path):
    follower = read(Follower(small.source))
    follower.history.hash = "0x" + "11" * 32
    small.play()
    follower.tick()
    assert read(follower).state()["views"] == read(Follower(small.source)).state()["views"]
