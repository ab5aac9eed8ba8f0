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
from klopf.console.cli.ledger import _without_receipts


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

    def artifact(self, name: str) -> Path:
        """A shipped artifact."""
        import klopf.ledger

        return next((Path(klopf.ledger.__file__).parent / "artifacts").rglob(f"{name}.json"))

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
    assert records[0]["kind"] == "Registry.Registered" and records[0]["model"] == "a model"
    kind = "Registry.Registered"
    assert [r["kind"] for r in shell.json("ledger", "history", "--kind", kind, "--index", "index.db")] == [kind]
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
    assert listed["changes"] == ["seats: 3 -> 7"] and listed["calls"][0]["data"].startswith("0x")
    assert "seats: 3 -> 7" in shell("dao", "list")
    for command in (("vote", proposal[:8], "for"), ("queue", proposal), ("execute", proposal)):
        assert "is pending: its vote begins at 20" in shell.refused("dao", *command)
    shell("dao", "cancel", proposal)
    assert shell.json("dao", "list")[0]["state"] == "canceled"
    assert "0 proposals begin with" in shell.refused("dao", "vote", "5x", "for")
    assert "--set" in shell.refused("dao", "propose", "nothing")


def test_terms_of_the_economy(shell: Shell) -> None:
    rules = shell.json("ledger", "status")["rules"]
    assert rules["rewards"] == "100000,125000,150000,175000,200000,250000,300000,350000"
    assert (rules["seats"], rules["emission"], rules["per_core"], rules["milestone"]) == (
        "3", "12.5", "0.000001", "1000000"
    )  # fmt: skip
    assert "halving_cycles=1095" in shell("ledger", "status", "--rules")
    before = len(shell.json("dao", "list"))
    changes = ("--set", "halving_cycles=1460", "--set", "rewards=1,2,3,4,5,6,7,8.5", "--set", "seats=9")
    proposal = shell.json("dao", "propose", "Halve every four years", *changes)["proposal"]
    assert len(shell.json("dao", "list")) == before + 1
    shell("dao", "cancel", proposal)
    assert "needs 8 values" in shell.refused("dao", "propose", "x", "--set", "rewards=1,2")
    assert "thresholds" in shell.refused("dao", "propose", "x", "--set", "cap=5")
    about = shell.json("dao", "propose", "Vote faster", "--set", "voting_period=86400")["proposal"]
    assert shell.json("dao", "list")[-1]["changes"] == ["voting_period: 604800 -> 86400"]
    shell("dao", "cancel", about)
    assert "nothing would change" in shell.refused("dao", "propose", "x", "--set", "halving_cycles=1095")


def test_nothing_is_sent_to_where_it_would_be_lost(shell: Shell) -> None:
    for name, address in json.loads((shell.folder / "deployment.json").read_text())["addresses"].items():
        assert f"is the network's own {name}" in shell.refused("ledger", "send", address, "1")


def test_what_is_only_missing_is_one_line_where_no_receipts_were_given() -> None:
    missing = [f"receipt of epoch {n}: must be among those, is missing or altered" for n in range(1_200)]
    (line,) = _without_receipts(missing)
    assert line.startswith("1,200 receipts") and "all the rest follows from the events" in line and "--receipts" in line
    assert _without_receipts([*missing, "balance of a: must be 1, is 2"])[0] == "balance of a: must be 1, is 2"
    assert _without_receipts([]) == []


def test_verify(shell: Shell) -> None:
    assert shell.json("ledger", "verify") == {"agrees": True, "differences": []}
    (shell.folder / "bad.jsonl").write_text("{}\n")
    assert "line 1 of bad.jsonl" in shell.refused("ledger", "verify", "--receipts", "bad.jsonl")
    (shell.folder / "none.jsonl").write_text("")
    assert shell.json("ledger", "verify", "--receipts", "none.jsonl", "none.jsonl")["agrees"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("ledger", "send", "0x12", "1"), "no address"),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "1e-19"), "no amount of KLP"),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "1_000"), "no amount of KLP"),
        (("ledger", "send", "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "1"), "wrong letter"),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "-1"), ""),
        (("ledger", "send", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "999999999"), "InsufficientBalance"),
        (("ledger", "stake", "77", "1"), "Unregistered"),
        (("ledger", "stake", "4294967296", "1"), "uint32"),
        (("ledger", "history", "--limit", "0"), "at least 1"),
        (("ledger", "history", "--index", "none/i.db"), "there is no folder"),
        (("ledger", "history", "--index", "key.json"), "name another file"),
        (("ledger", "deploy"), "exists"),
        (
            ("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "seets=1"),
            "there is no rule 'seets'",
        ),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "seats=x"), "whole number"),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "kappa=0"), "kappa"),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--set", "audit_seats=300"), "uint8"),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--guardian", "0x123"), "--governed"),
        (("ledger", "deploy", "--deployment", "d2.json", "--rpc", "c2.db", "--lab", "0x123"), "no address"),
        (("ledger", "status", "--deployment", "none.json"), "cannot read none.json"),
        (("ledger", "status", "--rpc", "none.db"), "none.db"),
        (("ledger", "status", "--rpc", "ws://x"), "no RPC URL"),
        (("ledger", "balance", "--key", "none.json"), "no key file"),
        (("ledger", "send", "x"), ""),
    ],
)
def test_what_cannot_be_done_gets_one_line(shell: Shell, arguments: tuple[str, ...], line: str) -> None:
    assert line in shell.refused(*arguments)
    assert not (shell.folder / "d2.json").exists() and not list(shell.folder.glob("c2.db*"))


def test_a_wrong_passphrase_and_no_key(shell: Shell) -> None:
    wrong = Shell(shell.folder)
    wrong.environment = shell.environment | {"KLOPF_PASSPHRASE": "wrong"}
    assert "wrong passphrase" in wrong.refused("ledger", "stake", 1, 1)
    del wrong.environment["KLOPF_KEY"]
    assert "needs a key" in wrong.refused("ledger", "stake", 1, 1)


def test_devices_and_an_epoch_settled(shell: Shell) -> None:
    from klopf import ledger

    device, poor = ledger.keys.new(), ledger.keys.new()
    ledger.keys.save(device, shell.folder / "device.json", "correct horse", light=True)
    ledger.keys.save(poor, shell.folder / "poor.json", "correct horse", light=True)
    arguments = ("device.json", "--cores", 4, "--memory", 2048)
    asked = shell("ledger", "device", *arguments, "--request", "birth.json", "--key", "poor.json")
    assert "to be carried" in asked
    assert poor.address in shell("ledger", "carry", "birth.json")
    assert "InvalidSigner" in shell.refused("ledger", "carry", "birth.json")
    assert "KeyInUse" in shell.refused("ledger", "device", *arguments)
    assert "no signed request" in shell.refused("ledger", "carry", "key.json")
    assert "StillOpen" in shell.refused("ledger", "settle", 1)
    (shell.folder / "none.jsonl").write_text("")
    assert shell.json("ledger", "dispute", "none.jsonl") == shell.json("ledger", "answer", "none.jsonl") == []
    assert "is final" in shell.refused("dao", "upgrade", "Stake", shell.artifact("Stake"), "mine")
    assert "no artifact" in shell.refused("dao", "upgrade", "Lens", "key.json", "mine")


def test_a_dispute_from_both_ends(tmp_path: Path) -> None:
    from klopf import ledger
    from klopf.ledger import KLP, Receipt, ReceiptTree, Role, SignedReceipt

    shell = Shell(tmp_path)
    keys = [ledger.keys.new() for _ in range(2)]
    for key, name in zip(keys, ("key.json", "speaker.json"), strict=True):
        ledger.keys.save(key, shell.folder / name, "correct horse", light=True)
    shell("ledger", "deploy", "--set", "dispute_seconds=20", "--set", "listen_seconds=1", "--set", "claim_seconds=1")
    book = ledger.Deployment.load(shell.folder / "deployment.json")
    with ledger.connect(shell.folder / "ledger.sqlite", keys[0], book) as l:
        l.fund(keys[1].address, tokens=200 * KLP)
        other = ledger.Ledger(l.rpc, book, keys[1])
        ids = l.registry.register(Role.REQUESTER), other.registry.register(Role.NEURON, certificate=b"c")
        other.stake.stake(ids[1], 100 * KLP)
        l.clock.start()
        receipt = Receipt(1, *ids, 5, 0, b"t" * 32)
        tree, digest = ReceiptTree([receipt]), receipt.digest(l.domain)
        signed = SignedReceipt(receipt, keys[0].sign(digest), keys[1].sign(digest), tree.proof(receipt))
        l.settlement.post(ids[0], tree.root, bytes(32))
        for _ in range(2):
            time.sleep(1.1)
            assert l.clock.advance()
    ledger.save_receipts(shell.folder / "receipts.jsonl", [signed])
    (row,) = shell.json("ledger", "dispute", "receipts.jsonl", "--key", "speaker.json")
    assert row["is"] == "disputed"
    assert "NotDue" in shell.json("ledger", "dispute", "receipts.jsonl", "--uphold")[0]["is"]
    assert shell.json("ledger", "answer", "receipts.jsonl") == [{"epoch": 1, "listener": ids[0], "speaker": ids[1]}]
    assert shell.json("ledger", "balance", "--key", "speaker.json")["klp"] == "100"
    assert shell.json("ledger", "settle", 1) == {"epoch": 1, "waiting": list(ids)}
    assert shell.json("ledger", "verify", "--receipts", "receipts.jsonl")["agrees"]


def test_the_network_moves(shell: Shell) -> None:
    moved = shell.json("ledger", "migrate", "--to", "new.db", "--moved", "moved.json", "--claims", "claims.jsonl")
    assert moved["klp"] == "600000000"
    assert "exists" in shell.refused("ledger", "migrate", "--to", "new.db", "--moved", "moved.json")
    there = ("--rpc", "new.db", "--deployment", "moved.json")
    assert shell.json("ledger", "balance", *there)["klp"] == "0"
    assert shell.json("ledger", "restore", "claims.jsonl", *there) == {"restored": 1}
    before = shell.json("ledger", "balance")["klp"]
    # what is at stake comes with it
    assert float(shell.json("ledger", "balance", *there)["klp"]) == pytest.approx(float(before) + 150)
    shell("ledger", "restore", "claims.jsonl", "--everybody", *there)
    assert shell.json("ledger", "verify", *there)["agrees"]
