"""Ledgers that lie, go and come back; readers that never read; run folders and texts of strangers."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from klopf import ledger
from klopf.console.web import _news, _serve
from klopf.console.web._follow import Follower
from klopf.console.web._news import News
from klopf.console.web._server import WAITING, Page
from klopf.console.web._text import clean
from klopf.console.web.views._lately import Lately
from klopf.errors import LedgerError
from klopf.ledger import events
from tests.console.web.network import TOKEN, Small
from tests.console.web.test_follow import read


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    made.play()
    return made


@pytest.mark.parametrize("field,value", [("phase", 99), ("epoch", 2**70), ("epoch", None)])
def test_a_ledger_that_says_what_cannot_be_is_told_and_ends_nothing(
    small: Small, monkeypatch: pytest.MonkeyPatch, field: str, value: Any
):
    true = ledger.history

    def lies(*asked: Any) -> Any:
        for event in true(*asked):
            yield replace(event, **{field: value}) if isinstance(event, events.clock.Opened) else event

    monkeypatch.setattr(ledger, "history", lies)
    follower = Follower(small.source)
    read(follower)
    if field == "phase":
        assert follower.state()["phase"] == "99"
    if value is None:
        assert "says what cannot be" in follower.trouble and not follower.tick()
    json.loads(follower.said())
    follower.close()


def test_a_piece_that_breaks_off_is_not_counted_twice(small: Small, monkeypatch: pytest.MonkeyPatch):
    true, follower, left = ledger.history, Follower(small.source), [3]

    def breaks(*asked: Any) -> Any:
        for at, event in enumerate(true(*asked)):
            if at == 5 and left[0]:
                left[0] -= 1
                raise LedgerError("event 5 cannot be read")
            yield event

    monkeypatch.setattr(ledger, "history", breaks)
    for _ in range(40):
        follower.tick()
    monkeypatch.setattr(ledger, "history", true)
    whole = read(Follower(small.source))
    assert left == [0] and not follower.trouble
    assert follower.state()["transactions"] == whole.state()["transactions"]
    assert follower.state()["views"] == whole.state()["views"]


def test_a_run_made_anew_in_the_same_place_is_seen(tmp_path: Path):
    old = Small(tmp_path)
    old.play()
    follower = read(Follower(old.source))
    before, life = follower.state(), follower.life
    reader = follower.version
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    assert follower.tick() and follower.trouble, "it is away"
    new = Small(tmp_path)
    follower.source = new.source  # of a run folder, `again` reads it
    read(follower)
    after = follower.state()
    assert not follower.trouble and after["block"] < before["block"]
    assert after["views"] == read(Follower(new.source)).state()["views"]
    again = follower.news.after(life, reader)
    assert again is not None and again.said is None, "whoever knows the old one asks for everything"


def test_who_never_reads_costs_one_piece():
    news, text = News(), "x" * 100_000
    for version in range(1, 2_000):
        news.put("life", version, text + str(version))
    assert news.after("life", 1) == _news.Piece("life", 1_999, None), "too long ago"
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    held = [news.after("life", 1_998) for _ in range(200)]
    for version in range(2_000, 2_400):
        news.put("life", version, text + str(version))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert all(piece is not None and piece.said for piece in held)
    assert grown < 2 * _news.LETTERS, "two hundred of them, too"


def test_a_reader_that_is_behind_gets_every_piece_in_order(small: Small):
    async def reads() -> list[str]:
        page = Page(small.source, TOKEN, 1)
        read(page.follower)
        for _ in range(20):
            page.follower._publish({})
        stream = page._stream(page.follower.life, 0)
        got = [await anext(stream) for _ in range(page.follower.version + 1)]
        await stream.aclose()  # type: ignore[attr-defined]
        assert page._readers == 0
        page.follower.close()
        return got

    ids = [int(piece.split("\n")[0].rpartition(".")[2]) for piece in asyncio.run(reads())[1:]]
    assert ids == list(range(1, len(ids) + 1))


def test_who_asks_to_have_everything_explained_at_once_is_told_to_wait(small: Small):
    from starlette.requests import Request

    async def asks() -> int:
        page = Page(small.source, TOKEN, 1)
        page._waiting = WAITING
        scope = {"type": "http", "path_params": {"neuron": "1", "epoch": "1"}, "headers": []}
        answer = await page.explain(Request(scope))
        page.follower.close()
        return answer.status_code

    assert asyncio.run(asks()) == 503


def test_texts_are_short_and_do_not_turn_what_is_beside_them():
    assert clean("\u202egnp\u2066.\u200f") == "gnp."
    assert clean("a\x00\x1b[31m\nb") == "a  [31m b"
    assert clean("\ud800").encode() == b"\xef\xbf\xbd"
    assert len(clean("x" * 10**6)) == 300 and len(clean([dict.fromkeys(map(str, range(10**4)), 1.0)])[0]) == 64
    assert len(clean({str(key): ["row"] for key in range(1_000)})) == 1_000, "rows are not cut"
    assert clean("\u795e\u7ecf\u5143 \u0645\u06cc\u200c\u062e") == "\u795e\u7ecf\u5143 \u0645\u06cc\u200c\u062e"


def test_what_a_stranger_calls_itself_is_cut_wherever_it_is_said(small: Small):
    source = replace(small.source, name="\u202e" * 9 + "n" * 10**6, names={small.ids["anna"]: "a\u202e" * 10**5})
    follower = read(Follower(source))
    assert len(follower.said()) < 20_000 and "\u202e" not in json.dumps(follower.state(), ensure_ascii=False)
    assert "\u202e" not in (follower.memory.epoch(1) or "")


class _Long(Lately):
    title, columns = "Long", ()

    def take(self, event: events.Event) -> None:
        self.put("1", ["y" * 10**6])


def test_what_a_view_says_is_cut(small: Small, monkeypatch: pytest.MonkeyPatch):
    follower = Follower(small.source)
    shown = follower.history
    shown.views["long"], shown.rows["long"] = _Long(shown), {}
    read(follower)
    assert len(shown.rows["long"]["1"][0]) == 300  # type: ignore[arg-type]


KEPT = {"port": 4_000, "token": TOKEN}


@pytest.mark.parametrize("said", [
    "", "[]", "null", "{", json.dumps(KEPT | {"port": True}), json.dumps(KEPT | {"port": "4000"}),
    json.dumps(KEPT | {"port": 70_000}), json.dumps(KEPT | {"token": "short"}), json.dumps(KEPT | {"token": 7}),
    json.dumps(KEPT | {"token": "\x1b]0;evil\x07" + TOKEN}), json.dumps(KEPT | {"token": TOKEN + "\n"}),
    json.dumps(KEPT | {"token": TOKEN + "&x=" + "y"}), json.dumps(KEPT | {"more": "z" * 10_000}),
])  # fmt: skip
def test_a_senseless_memory_of_a_run_folder_is_none(tmp_path: Path, said: str):
    (tmp_path / "page.json").write_text(said)
    (tmp_path / "page.json").chmod(0o600)
    assert _serve._kept(tmp_path) == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_token_that_others_could_read_is_no_token_any_more(tmp_path: Path):
    _serve._keep(tmp_path, 4_000, TOKEN)
    assert _serve._kept(tmp_path) == KEPT
    assert stat.S_IMODE((tmp_path / "page.json").stat().st_mode) == 0o600
    (tmp_path / "page.json").chmod(0o644)
    assert _serve._kept(tmp_path) == {}
    (tmp_path / "page.json").unlink()
    os.mkfifo(tmp_path / "page.json")
    assert _serve._kept(tmp_path) == {}, "and nobody waits for a pipe"
