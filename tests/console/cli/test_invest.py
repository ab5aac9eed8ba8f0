"""`klopf invest` from the outside: a venture from its opening to what goes back, its model, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from klopf import chain, ledger
from tests.console.cli.test_ledger import Shell

DAY = 24 * 3600


@pytest.fixture(scope="module")
def founding(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, dict[str, str]]:
    """A network with the pack, and a founder (key.json), an investor and a verifier."""
    made = Shell(tmp_path_factory.mktemp("invest"))
    people = {name: ledger.keys.new() for name in ("key", "investor", "verifier")}
    for name, key in people.items():
        ledger.keys.save(key, made.folder / f"{name}.json", "correct horse", light=True)
    file = made.folder / "ledger.sqlite"
    chain.create(file, chain_id=1337, dev=True).close()
    made("ledger", "deploy")
    made("ledger", "add-pack", "finance")
    with ledger.connect(file, people["key"], ledger.Deployment.load(made.folder / "deployment.json")) as l:
        for name in ("investor", "verifier"):
            l.fund(people[name].address, tokens=5000 * ledger.KLP)
    (made.folder / "plan.md").write_text("a model of pumps")
    return made, {name: key.address for name, key in people.items()}


def later(shell: Shell, days: int) -> None:
    where = ledger.Deployment.load(shell.folder / "deployment.json")
    with ledger.connect(shell.folder / "ledger.sqlite", deployment=where) as l:
        l.rpc.request("evm_increaseTime", hex(days * DAY))


def test_a_venture_from_its_opening_to_what_goes_back(founding: tuple[Shell, dict[str, str]]) -> None:
    shell, who = founding
    opening = ("invest", "open", "1000", "plan.md", who["verifier"], "--parts", "600, 400", "--run", "30")
    assert not shell.json(*opening, "--preview")["sent"] and shell.json("invest", "list") == []
    assert shell.json(*opening)["venture"] == 1
    seen = shell.json("invest", "fund", 1, "750", "--preview", "--key", "investor.json")
    assert seen["shares of the model %"] == "37.5"
    assert seen["before two thirds agree to more, lost at most"] == "450 KLP"
    shell("invest", "fund", 1, "750", "--key", "investor.json")
    assert "10 to 250 KLP" in shell.refused("invest", "fund", 1, "251")
    shell("invest", "fund", 1, "250")
    assert shell.json("invest", "spend", 1, "200", "plan.md", "--use", "data")["job"] == 1
    assert "NotReleased" in shell.refused("invest", "spend", 1, "401", "plan.md")
    assert "WrongState" in shell.refused("invest", "collect", 1)
    shell("invest", "agree", 1, 0, "--key", "investor.json")
    seen = shell.json("invest", "show", 1)
    assert (seen["parts released"], seen["may be spent now"], seen["in the account"]) == (2, "800", "800")
    assert seen["jobs"] == [{"job": 1, "for": "data", "KLP": "200", "open": True}]
    later(shell, 8)
    shell("invest", "collect", 1)  # nobody reported
    assert "NotNow" in shell.refused("invest", "back", 1, 0)
    later(shell, 60)
    for lot in (0, 1):
        shell("invest", "back", 1, lot)
    assert [lot["back"] for lot in shell.json("invest", "show", 1)["lots"]] == [True, True]
    assert shell.json("ledger", "verify")["agrees"]


def test_what_it_refuses(founding: tuple[Shell, dict[str, str]], tmp_path: Path) -> None:
    shell, who = founding
    assert "no venture 9" in shell.refused("invest", "show", 9)
    assert "no model 1" in shell.refused("invest", "license", 1)
    assert "come to 900 KLP" in shell.refused(
        "invest", "open", "1000", "plan.md", who["verifier"], "--parts", "600,300"
    )
    assert "cannot read" in shell.refused("invest", "open", "1000", "none.md", who["verifier"])
    assert "up to 100" in shell.refused("invest", "open", "10", "plan.md", who["verifier"], "--founder", "101")
    assert "TermOutOfRange" in shell.refused("invest", "open", "1000", "plan.md", who["key"])
    (shell.folder / "deed.json").write_text(json.dumps({"venture": 1}))
    assert "no signed deed" in shell.refused("invest", "mint", "deed.json")
    assert shell.json("invest", "models") == []
