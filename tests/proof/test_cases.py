"""Cases from the outside: a neuron shows what it pledged by its folder, auditors look at it by the chain alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from eth_hash.auto import keccak

from klopf import chain, ledger
from klopf.errors import NotProven
from klopf.ledger import KLP, CaseTerms, Parameters, Role
from klopf.ledger._deployment import USUAL
from klopf.ledger.evidence import Challenges, Said, Statement, answer_hash
from klopf.ledger.proof import Cases, State
from klopf.peers import create_model, values_of
from klopf.proof import cases, model
from tests.console.cli.test_ledger import Shell

RNG = np.random.default_rng(0)
GOOD = model.Layers.of([RNG.normal(size=(5, 3)), RNG.normal(size=(2, 5))], [np.zeros(5), np.zeros(2)], "relu")
CHEAP = model.Layers.of([RNG.normal(size=(2, 3)), RNG.normal(size=(2, 2))], [np.zeros(2), np.zeros(2)], "relu")
TERMS = CaseTerms(rate=1_000_000, answer_seconds=600, judge_seconds=600)
RULES = Parameters(listen_seconds=100, claim_seconds=100, thaw_seconds=10_000, audit_seats=1, audit_quorum=1)


class Story:
    """A neuron, two auditors, a chain in a file and keys in files, for the commands."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.shell, self.kind = Shell(folder), kind
        self.file = folder / "ledger.sqlite"
        chain.create(self.file, chain_id=1337, dev=True).close()
        admin = ledger.keys.new()
        made = ledger.deploy(self.file, admin, RULES, cases=TERMS, packs=(*USUAL, "evidence", "proof"))
        made.save(folder / "deployment.json")
        self.book = ledger.connect(self.file, admin, made)
        self.keys, self.ids = {}, {}
        for name, role in (("neuron", Role.NEURON), ("first", Role.AUDITOR), ("second", Role.AUDITOR)):
            key = self.keys[name] = ledger.keys.new()
            ledger.keys.save(key, folder / f"{name}.json", "correct horse", light=True)
            self.book.fund(key.address, tokens=10_000 * KLP)
            own = ledger.Ledger(self.book.rpc, made, key)
            self.ids[name] = own.registry.register(
                role, endpoint="127.0.0.1:1", model="m", certificate=name.encode() * 9
            )
            own.stake.stake(self.ids[name], 1000 * KLP)
        ledger.keys.save(admin, folder / "key.json", "correct horse", light=True)
        self.committed = model.Committed.of(GOOD, proofs=8)
        self.committed.save(folder / "committed")
        self.book.clock.start()

    def epochs(self, count: int) -> None:
        for _ in range(2 * count):
            self.wait(101)
            self.book.clock.advance()

    def wait(self, seconds: int) -> None:
        self.book.rpc.request("evm_increaseTime", hex(seconds))
        self.book.rpc.request("evm_mine")

    def signed(self, folder: Path, layers: model.Layers) -> tuple[Statement, bytes]:
        """What the neuron signs for the first auditor, who asked as auditors do, by ``layers``."""
        card = self.committed.card
        model.Committed.of(layers).save(folder)
        answers = create_model(f"committed:{folder}", cases.task_of(self.kind, card), 0)
        question = RNG.normal(size=(1, 3)).astype(np.float32)
        values = values_of(answers.answer(question)[0])
        pairs = ((bytes(keccak(cases.to_bytes(question[0]))), answer_hash(values)),)
        epoch, name = self.book.clock.now().epoch, bytes.fromhex(card.identity)
        said = Said(epoch, self.ids["neuron"], self.ids["first"], name, pairs)
        digest = said.digest(self.book.client(Challenges).domain)
        return Statement(said, self.keys["neuron"].sign(digest), 0, values), cases.to_bytes(question[0])

    def opened(self, folder: Path, layers: model.Layers) -> str:
        self.shell("proof", "case", "pledge", "committed", "--key", "neuron.json")
        self.epochs(1)
        statement, question = self.signed(folder, layers)
        self.epochs(2)
        ledger.Ledger(self.book.rpc, self.book.deployment, self.keys["first"]).client(Cases).open(statement, question)
        (row,) = self.shell.json("proof", "case", "list")
        assert (row["state"], row["neuron"]) == ("open", self.ids["neuron"])
        return str(row["case"])

    def state(self) -> str:
        return str(self.shell.json("proof", "case", "list")[0]["state"])


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_the_honest_answer_is_shown_and_stands(tmp_path: Path, kind: str) -> None:
    s = Story(tmp_path, kind)
    case = s.opened(tmp_path / "its", GOOD)
    assert "nothing to look at yet" in s.shell.refused("proof", "case", "judge", case)
    assert s.shell.json("proof", "case", "answer", "committed", "--key", "neuron.json") == {"answered": 1, "left": []}
    told = s.shell.json("proof", "case", "judge", case, "--answers", kind)
    assert told["shown"] and not told["why"]
    assert s.shell.json("proof", "case", "answer", "committed", "--key", "neuron.json")["answered"] == 0
    assert "NotDue" in s.shell.refused("proof", "case", "close", case)
    s.wait(600)
    s.shell("proof", "case", "close", case)
    assert s.state() == "stood" and s.book.stake.account(s.ids["neuron"]).slashed == 0
    assert ledger.verify(s.book, []) == []


def test_a_cheaper_networks_answer_is_not_what_was_pledged(tmp_path: Path) -> None:
    s = Story(tmp_path, "numbers")
    case = s.opened(tmp_path / "its", CHEAP)
    s.shell("proof", "case", "answer", "committed", "--key", "neuron.json")
    judge = ("proof", "case", "judge", case, "--answers", "numbers")
    told = s.shell.run(*judge, "--dispute", "--key", "first.json")
    assert told.returncode == 1 and "answers something else than was signed" in told.stdout
    for name in ("first", "second"):
        assert s.shell.run(*judge, "--vote", "--key", f"{name}.json").returncode == 1
    assert "NoAuditStake" in s.shell.refused(*judge, "--vote", "--key", "neuron.json")
    s.wait(600)
    s.shell("proof", "case", "close", case)
    assert s.state() == "convicted" and s.book.stake.account(s.ids["neuron"]).slashed == 500 * KLP
    s.shell("proof", "case", "collect", case, "--key", "second.json")
    assert "NothingDue" in s.shell.refused("proof", "case", "collect", case, "--key", "second.json")
    assert ledger.verify(s.book, []) == []


def test_what_is_shown_may_be_anything_and_is_judged_in_a_line(tmp_path: Path) -> None:
    s = Story(tmp_path, "numbers")
    s.opened(tmp_path / "its", GOOD)
    own = ledger.Ledger(s.book.rpc, s.book.deployment, s.keys["neuron"]).client(Cases)
    (opened,) = cases.due(own, s.ids["neuron"], 0, s.book.rpc.height())
    own.answer([opened.id], b"no proof at all")
    said = own.said(0, s.book.rpc.height())
    pledged, answered = said[0], said[-1]
    assert "no answer with a proof" in cases.judged(own, "numbers", pledged, opened, answered)
    other = model.Committed.of(CHEAP)
    for bad in (
        other.prove(np.zeros(3)).to_bytes(),
        s.committed.prove(np.zeros(3)).to_bytes(),
        s.committed.prove(np.frombuffer(opened.question, "<f4")).to_bytes()[:-1],
    ):
        own._ledger.rpc.request("evm_mine")
        assert cases.judged(_Says(own, bad), "numbers", pledged, opened, _Shown(bad))
    good = s.committed.prove(np.frombuffer(opened.question, "<f4")).to_bytes()
    assert cases.judged(_Says(own, good), "numbers", pledged, opened, _Shown(good)) == ""
    assert "did not come with" in cases.judged(_Says(own, b"else"), "numbers", pledged, opened, _Shown(good))
    with pytest.raises(NotProven, match="no question of 3 numbers"):
        cases.question_of(_Asked(b"123"), s.committed.card)
    s.wait(10)
    assert s.state() == "answered" and State.ANSWERED


def test_a_network_without_cases_says_so(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    key = ledger.keys.new()
    ledger.keys.save(key, tmp_path / "key.json", "correct horse", light=True)
    chain.create(tmp_path / "ledger.sqlite", chain_id=1337, dev=True).close()
    shell("ledger", "deploy")
    assert "this network has no cases" in shell.refused("proof", "case", "list")


class _Asked:
    def __init__(self, question: bytes) -> None:
        self.question = question


class _Shown:
    def __init__(self, data: bytes) -> None:
        self.shown = bytes(keccak(data))


class _Says:
    """A case whose answer came with ``data``."""

    def __init__(self, own: Cases, data: bytes) -> None:
        self.own, self.data = own, data

    def beside(self, event: object) -> bytes:
        return self.data if isinstance(event, _Shown) else self.own.beside(event)
