"""Forecasts that a proposal carried before its vote are scored by what came of it."""

import json
import math
from pathlib import Path

import pytest

from klopf import chain, dao, ledger
from klopf.dao.talk import Talk
from klopf.errors import DaoError
from tests.console.cli.test_ledger import Shell

STATEMENT, ROOT, MODEL_HASH = "1" * 32, "2" * 64, "3" * 64
WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
DAY = 24 * 3600


def test_scores_are_least_for_who_says_what_comes():
    for share in (0.2, 0.5, 0.9):
        means = {p: dao.scored(p / 100, share, 1 - share) for p in range(1, 100)}
        assert min(means, key=lambda p: means[p].brier) == min(means, key=lambda p: means[p].log) == round(100 * share)
    half = dao.scored(0.5, 7, 2)
    assert half.brier == pytest.approx(0.25) and half.log == pytest.approx(math.log(2))
    for forecast, for_, against in ((0.0, 1, 1), (1.0, 1, 1), (0.5, 0, 0), (float("nan"), 1, 1), (0.5, -1, 2)):
        with pytest.raises(DaoError, match="above 0 and below 1"):
            dao.scored(forecast, for_, against)


def test_a_description_carries_what_was_put_into_it():
    text = "Twelve seats | " + dao.marks(STATEMENT, ROOT, MODEL_HASH, {dao.MODEL: 0.7123, WHO: 1.0})
    assert dao.carried(text) == dao.Carried(STATEMENT, ROOT, MODEL_HASH, {dao.MODEL: 0.712, WHO: 0.999})
    with pytest.raises(DaoError, match="at most 32"):
        dao.marks(STATEMENT, ROOT, MODEL_HASH, {f"{WHO[:-2]}{i:02d}": 0.5 for i in range(33)})


@pytest.mark.parametrize(
    "forecasts",
    [
        "",
        "model:0.7",
        "model:1.000",
        "model:0.000",
        "model:0.700,model:0.800",
        "model:0.700,",
        "0x12:0.500",
        "x" * 5000,
    ],
)
def test_what_is_not_whole_is_nothing(forecasts):
    assert dao.carried(f"x #statement={STATEMENT} #votes={ROOT} #model={MODEL_HASH} #forecasts={forecasts}") is None
    assert dao.carried("nothing") is None


def test_from_the_forecast_to_its_score(tmp_path: Path):
    shell, key = Shell(tmp_path), ledger.keys.new()
    ledger.keys.save(key, tmp_path / "key.json", "correct horse", light=True)
    chain.create(tmp_path / "ledger.sqlite", chain_id=1337, dev=True).close()
    shell("ledger", "deploy", "--governed")

    def wait(seconds):
        with ledger.connect(tmp_path / "ledger.sqlite", key, ledger.Deployment.load(tmp_path / "deployment.json")) as l:
            l.rpc.request("evm_increaseTime", hex(seconds))
            l.rpc.request("evm_mine")

    shell("dao", "start", "SEATS", "How many seats?")
    name = shell.json("dao", "ask", "SEATS", "Seven seats are enough.")["statement"]
    shell("dao", "vote-on", "SEATS", name, "agree")
    shell("dao", "foretell", "SEATS", name[:5], 40)
    shell("dao", "foretell", "SEATS", name[:5], 80)
    assert "klopf: " in shell.refused("dao", "foretell", "SEATS", name[:5], 100)
    draft = shell("dao", "draft", "SEATS", name).strip()
    assert shell.json("dao", "draft", "SEATS", name)["foretold"] == {key.address: 0.8}
    lie = f"{WHO}:0.010"
    shell("dao", "delegate")
    wait(2)
    proposal = shell.json("dao", "propose", f"{draft},{lie}", "--set", "seats=7")["proposal"]
    assert "no proposal with a forecast has been voted on" in shell("dao", "scores", "SEATS")
    wait(DAY + 1)
    shell("dao", "vote", proposal, "for")
    assert shell.json("dao", "scores", "SEATS") == []  # it is still open
    wait(8 * DAY)
    rows = shell.json("dao", "scores", "SEATS")
    mine = next(row for row in rows if row["by"] == key.address)
    assert (
        mine["share"] == 1.0 and mine["brier"] == pytest.approx(0.04) and mine["log"] == pytest.approx(-math.log(0.8))
    )
    assert {row["by"] for row in rows} == {key.address, f"model of {key.address}"}  # nobody is said to have said more
    assert {row["by"] for row in shell.json("dao", "scores")} == {f"model of {key.address}"}
    assert json.loads((tmp_path / "SEATS" / "said.jsonl").read_text().splitlines()[2])["percent"] == 40
    assert "0.040" in shell("dao", "scores", "SEATS")


def test_many_names_keep_nobody_from_drafting(tmp_path, capsys, klopf):
    talk = Talk.create(tmp_path / "talk", "Seats")
    member, *fakes = (ledger.Key(n.to_bytes(32, "big")) for n in range(1, 42))
    name = talk.ask(member, "Twelve are enough.")
    talk.vote(member, name, 1)
    for key in (*fakes, member):
        talk.foretell(key, name, 60)
    assert klopf("dao", "draft", str(talk.folder), name) == 0
    held = dao.carried(capsys.readouterr().out)
    assert held is not None and len(held.forecasts) == dao.MOST and held.forecasts[member.address] == 0.6
