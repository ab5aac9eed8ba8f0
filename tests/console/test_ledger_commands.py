"""`klopf ledger` and `klopf dao` from the outside: deploy, look, pay, stake, vote, verify; and what they refuse."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

from klopf.console import main


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


class Shell:
    """A folder with a key, in which commands run: in this process, for the imports take longest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"KLOPF_PASSPHRASE": "correct horse", "KLOPF_KEY": "key.json"}

    def run(self, *arguments: object) -> Done:
        out, err, status = io.StringIO(), io.StringIO(), 0
        kept, here = dict(os.environ), Path.cwd()
        for name in ("KLOPF_PASSPHRASE", "KLOPF_KEY", "KLOPF_RPC"):
            os.environ.pop(name, None)
        os.environ.update(self.environment)
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main([str(a) for a in arguments])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(kept)
        return Done(status, out.getvalue(), err.getvalue())

    def __call__(self, *arguments: object) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: object):  # type: ignore[no-untyped-def]
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: object) -> str:
        done = self.run(*arguments)
        assert done.returncode == 2, done
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("klopf: "), done.stderr
        return lines[0]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A governed network with one registered neuron."""
    from klopf import ledger

    made = Shell(tmp_path_factory.mktemp("shell"))
    key = ledger.keys.new()
    ledger.keys.save(key, made.folder / "key.json", "correct horse", light=True)
    made("ledger", "deploy", "--governed", "--set", "seats=3", "--set", "emission=12.5")
    with ledger.connect(
        made.folder / "ledger.sqlite", key, ledger.Deployment.load(made.folder / "deployment.json")
    ) as l:
        l.registry.register(ledger.Role.NEURON, model="a model", endpoint="127.0.0.1:1", certificate=b"c")
    return made


def test_status_balance_send_and_stake(shell: Shell) -> None:
    status = shell.json("ledger", "status")
    assert (status["epoch"], status["supply"]) == (0, "600000000")
    assert [p["model"] for p in status["participants"]] == ["a model"]
    other = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    before = int(shell.json("ledger", "balance")["klp"])
    shell("ledger", "send", other, "1.000000000000000001")
    assert shell.json("ledger", "balance", other)["klp"] == "1.000000000000000001"
    assert "1.000000000000000001 KLP" in shell("ledger", "balance", other)
    shell("ledger", "stake", 1, 150)
    shell("ledger", "unstake", 1, 20)
    assert "NotThawed" in shell.refused("ledger", "unstake", 1)
    found = shell.json("ledger", "status")["participants"][0]
    assert (found["stake"], found["standing"]) == ("130", "fringe")
    assert float(shell.json("ledger", "balance")["klp"]) == pytest.approx(before - 151)
    assert "fringe" in shell("ledger", "status")


def test_history_and_graph(shell: Shell) -> None:
    records = shell.json("ledger", "history", "--participant", 1, "--index", "index.db")
    assert records[0]["kind"] == "Registered" and records[0]["model"] == "a model"
    assert [r["kind"] for r in shell.json("ledger", "history", "--kind", "Registered", "--index", "index.db")] == [
        "Registered"
    ]
    assert len(shell.json("ledger", "history", "--limit", 2)) == 2
    assert "Registered" in shell("ledger", "history")
    root = ElementTree.fromstring(shell("ledger", "graph"))
    assert len(list(root.iter("{http://graphml.graphdrawing.org/xmlns}node"))) == 1
    minted = shell.json("ledger", "graph", "--out", "graph.graphml", "--mint", "--place", "here")
    assert minted["token"] == 1 and (shell.folder / "graph.graphml").exists()
    assert "choose from" in shell.refused("ledger", "history", "--kind", "Nonsense")


def test_votes(shell: Shell) -> None:
    assert "you" in shell("dao", "delegate")
    time.sleep(1.1)  # votes count from the second after
    proposal = shell.json("dao", "propose", "Seven seats", "--set", "seats=7")["proposal"]
    (listed,) = shell.json("dao", "list")
    assert (listed["proposal"], listed["state"], listed["description"]) == (proposal, "pending", "Seven seats")
    assert "Seven seats" in shell("dao", "list")
    for command in (("vote", proposal[:8], "for"), ("queue", proposal), ("execute", proposal)):
        assert "Governor" in shell.refused(
            "dao", *command
        )  # its time has not come; see tests/ledger/test_governance.py
    shell("dao", "cancel", proposal)
    assert shell.json("dao", "list")[0]["state"] == "canceled"
    assert "0 proposals begin with" in shell.refused("dao", "vote", "5x", "for")
    assert "--set" in shell.refused("dao", "propose", "nothing")


def test_verify(shell: Shell) -> None:
    assert shell.json("ledger", "verify") == {"agrees": True, "differences": []}
    (shell.folder / "bad.jsonl").write_text("{}\n")
    assert "line 1 of bad.jsonl" in shell.refused("ledger", "verify", "--receipts", "bad.jsonl")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("ledger", "send", "0x12", "1"), "no address"),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "1e-19"), "no amount of KLP"),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "-1"), ""),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "999999999"), "InsufficientBalance"),
        (("ledger", "stake", "77", "1"), "Unregistered"),
        (("ledger", "deploy"), "exists"),
        (
            ("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "seets=1"),
            "there is no rule 'seets'",
        ),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "seats=x"), "whole number"),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "kappa=0"), "kappa"),
        (("ledger", "status", "--deployment", "none.json"), "cannot read none.json"),
        (("ledger", "status", "--rpc", "none.db"), "none.db"),
        (("ledger", "status", "--rpc", "ws://x"), "no RPC URL"),
        (("ledger", "balance", "--key", "none.json"), "no key file"),
        (("ledger", "send", "x"), ""),
    ],
)
def test_what_cannot_be_done_gets_one_line(shell: Shell, arguments: tuple[str, ...], line: str) -> None:
    assert line in shell.refused(*arguments)
    assert not (shell.folder / "d2.json").exists() and not (shell.folder / "c2.db").exists()


def test_a_wrong_passphrase_and_no_key(shell: Shell) -> None:
    wrong = Shell(shell.folder)
    wrong.environment = shell.environment | {"KLOPF_PASSPHRASE": "wrong"}
    assert "wrong passphrase" in wrong.refused("ledger", "stake", 1, 1)
    del wrong.environment["KLOPF_KEY"]
    assert "needs a key" in wrong.refused("ledger", "stake", 1, 1)
