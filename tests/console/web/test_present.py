"""A network is shown as it stands before its history has been read: nothing of it is wrong, and what is not known yet
is said to be so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from klopf import ledger
from klopf.console.web import _follow, _present
from klopf.console.web._follow import Follower
from klopf.console.web.views._lately import Lately
from klopf.errors import Unanswered
from klopf.ledger import KLP, events
from tests.console.web.network import HOSTILE, Small
from tests.console.web.test_follow import read


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    for _ in range(6):
        made.play()
    return made


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short history is read as a long one."""
    monkeypatch.setattr(_follow, "FEW", 0)
    monkeypatch.setattr(_follow, "BLOCKS", 5)


def told(follower: Follower) -> tuple[dict[str, object], dict[str, dict[str, list[object]]]]:
    state = json.loads(follower.said())
    return state, {name: view["rows"] for name, view in state["views"].items()}


def test_the_first_look_has_the_present_and_nothing_that_turns_out_otherwise(small: Small):
    follower = Follower(small.source)
    assert follower.tick()
    at_once = told(follower)[1]
    assert at_once["neurons"] and not at_once["links"], "who takes part comes first"
    assert follower.tick()
    first, rows = told(follower)
    assert at_once["neurons"].keys() == rows["neurons"].keys()
    assert first["block"] == first["tip"] == small.book.rpc.height() and not first["whole"] and first["behind"]
    bert = rows["neurons"][str(small.ids["bert"])]
    assert bert[:3] == [small.ids["bert"], HOSTILE, "fringe"] or bert[2] == "backbone"
    assert bert[3] is None and bert[5] is None and bert[6] is None and str(bert[7]).startswith("100")
    assert rows["links"] and rows["payments"] and not rows["auditors"]
    last, after = told(read(follower))
    assert last["whole"] and last["life"] == first["life"] and not last["behind"]
    for key in ("block", "epoch", "phase", "supply"):
        assert first[key] == last[key], key
    assert first["transactions"] is None and last["transactions"]
    for name, known in rows.items():
        for key, row in known.items():
            differ = [(a, b) for a, b in zip(row, after[name][key], strict=True) if a is not None and a != b]
            assert not differ, (name, key, differ)
    follower.close()


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_network_that_has_just_begun_looks_as_it_will(tmp_path: Path, epochs: int):
    made = Small(tmp_path)
    for _ in range(epochs):
        made.play()
    follower = Follower(made.source)
    follower.tick()
    first, _ = told(follower)
    last, _ = told(read(follower))
    assert not first["whole"] and last["whole"]
    assert (first["epoch"], first["phase"], first["supply"]) == (last["epoch"], last["phase"], last["supply"])
    follower.close()


def test_the_present_goes_on_while_the_history_is_read(small: Small):
    follower = Follower(small.source)
    for _ in range(3):
        follower.tick()
    before = told(follower)[0]
    small.play()
    follower.tick()
    after = told(follower)[0]
    assert before["block"] < after["block"] and after["read"] < after["block"] and not after["whole"]
    views, version = told(follower)[1], follower.version
    read(follower)
    while piece := follower.news.after(follower.life, version):
        version = piece.version
        for name, rows in json.loads(piece.said or "")["views"].items():
            for key, row in rows.items():
                views[name].pop(key, None) if row is None else views[name].__setitem__(key, row)
    whole = read(Follower(small.source))
    assert views == told(follower)[1] == told(whole)[1], "who heard all news knows what who comes now is told"
    assert [follower.memory.epoch(n) for n in range(1, 9)] == [whole.memory.epoch(n) for n in range(1, 9)]
    assert follower.memory.payments(small.ids["bert"]) == whole.memory.payments(small.ids["bert"])


def test_the_past_grows_as_it_is_read(small: Small):
    follower = Follower(small.source)
    epochs = []
    while follower.tick() or follower.behind:
        said = told(follower)[0]["epochs"]
        assert said == 0 or follower.memory.epoch(int(said)), "an epoch that is said to be there is"
        assert follower.memory.epoch(int(said) + 1) is None
        epochs.append(said)
    assert sorted(set(epochs)) == list(range(small.epoch)), epochs


def test_a_node_that_keeps_no_state_shows_the_history_as_it_is_read(small: Small, monkeypatch: pytest.MonkeyPatch):
    def gone(*asked: object) -> None:
        raise Unanswered("missing trie node")

    monkeypatch.setattr(ledger.Ledger, "at", gone)
    follower = Follower(small.source)
    follower.tick()
    assert told(follower)[0]["whole"] and not follower.trouble
    monkeypatch.undo()
    assert told(read(follower))[1] == told(read(Follower(small.source)))[1]


def test_a_node_that_names_ever_more_participants_ends_nothing(small: Small, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_present, "EVERYBODY", 1)
    follower = Follower(small.source)
    follower.tick()
    assert told(follower)[0]["whole"] and not follower.trouble, "it is shown as its history is read"
    assert told(read(follower))[1] == told(read(Follower(small.source)))[1]


class _Fails(Lately):
    title, columns, left = "Fails", (), 7

    def take(self, event: events.Event) -> None:
        self.left -= 1
        if not self.left:
            raise ValueError("has had enough")


def test_a_view_that_fails_is_told_and_takes_nothing_from_the_others(small: Small):
    follower = Follower(small.source)
    shown = follower.history
    shown.views = {"first": _Fails(shown), **shown.views, "last": _Fails(shown)}
    shown.rows |= {"first": {}, "last": {}}
    after, whole = told(read(follower)), told(read(Follower(small.source)))
    assert set(after[0]["broken"]) == {"first", "last"}  # type: ignore[call-overload]
    assert "ValueError: has had enough" in follower.shown.broken["first"]
    assert after[1] == whole[1] and after[0]["transactions"] == whole[0]["transactions"]


def test_a_ledger_as_it_stood(small: Small):
    before = small.book.rpc.height()
    small.book.fund(small.keys["anna"].address, tokens=7 * KLP)
    address = small.keys["anna"].address
    assert small.book.token.balance(address) - small.book.at(before).token.balance(address) == 7 * KLP
