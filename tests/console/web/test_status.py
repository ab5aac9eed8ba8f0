"""The figures of the page are those of ``klopf status --json`` and of ``klopf verify`` at the same block."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from klopf import ledger, network, peers
from klopf.console import main, web
from klopf.console.web import _follow
from klopf.console.web._follow import Follower
from klopf.network._folder import Run
from klopf.network._schema import Schema
from klopf.network._settings import NetworkSettings
from tests.console.web.network import Small
from tests.console.web.test_follow import read


def run_folder(small: Small, folder: Path) -> Path:
    """The folder of a run whose ledger is that of ``small``."""
    settings = NetworkSettings.model_validate(
        {
            "name": "small", "data": {"file": "digits"}, "neuron": [{"name": "anna"}, {"name": "bert"}],
            "auditor": [{"name": "vera"}],
            "ledger": {"file": Path(small.where).name},
        }
    )  # fmt: skip
    task = peers.Classes(("no", "yes"), ("x",))
    schema = Schema.model_validate(
        {"task": "classes", "target": "y", "features": [{"name": "x", "kind": "number"}], "names": ["no", "yes"]},
        strict=False,
    )
    members = tuple(
        network.Member(small.ids[name], name, "neuron", f"neurons/{name}", "mind", True) for name in small.ids
    )
    Run(folder, settings, members, task, small.where, schema).write()
    small.deployment.save(folder / "deployment.json")
    (folder / "receipts.jsonl").write_text("")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("run"))
    for _ in range(4):
        made.play()
    made.own["anna"].stake.unstake(made.ids["anna"], 10**18)
    return made


@pytest.fixture(scope="module")
def folder(small: Small) -> Path:
    return run_folder(small, Path(small.where).parent)


@pytest.mark.parametrize("few", [0, 64], ids=["after a first look", "at once"])
def test_the_page_says_what_status_says(
    folder: Path, small: Small, few: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(_follow, "FEW", few)
    follower = read(Follower(web.of_run(folder)))
    state = json.loads(follower.said())
    follower.close()
    capsys.readouterr()
    with pytest.raises(SystemExit, match="0"):
        main(["status", str(folder), "--json"])
    said = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert state["block"] == said["ledger"]["blocks"] == small.book.rpc.height()
    assert state["transactions"] == said["ledger"]["transactions"]
    assert Decimal(state["supply"]) == said["ledger"]["supply"]
    rows = {state["names"][id]: row for id, row in state["views"]["neurons"]["rows"].items()}
    assert sorted(rows) == sorted(one["name"] for one in said["neurons"])
    for one in said["neurons"]:
        _, _, standing, heard, audit, earned, slashed, _ = rows[one["name"]]
        assert (standing, Decimal(earned), Decimal(slashed)) == (one["standing"], one["earned"], one["slashed"])
        assert Decimal(str(heard)) == Decimal(str(one["heard"])) and audit == one["audit"]


def test_the_page_says_what_verify_finds(folder: Path, small: Small):
    differences = ledger.verify(small.book, small.receipts)
    assert not differences, "all that follows is what the events come to"
    follower = read(Follower(web.of_run(folder)))
    state = json.loads(follower.said())
    follower.close()
    book = small.book
    assert state["block"] == book.rpc.height()
    assert int(Decimal(state["supply"]) * 10**18) == book.token.supply()
    now = book.clock.now()
    assert (state["epoch"], state["phase"]) == (now.epoch, now.phase.name.lower())
    for one in book.registry.all():
        row = state["views"]["neurons"]["rows"][str(one.id)]
        assert (row[1], row[2]) == (one.model[:300], one.standing.name.lower())
        assert int(Decimal(row[7]) * 10**18) == one.stake
