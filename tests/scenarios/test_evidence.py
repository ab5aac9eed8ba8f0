"""A network in which answers to auditors are signed, in real processes: one auditor pads what it counted, one neuron
answers otherwise when it is asked again, and an honest auditor is killed. Everybody looks after himself."""

import json
import time

import pytest

from klopf import ledger
from klopf.ledger import events
from klopf.network import read_run

from .network import DOUBTS, finish, kill, klopf, start

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


def said(folder, kind):
    """What the contract has said so far of one kind."""
    if not (folder / "run.json").exists():
        return []
    with read_run(folder).connect() as book:
        return [e for e in ledger.history(book) if isinstance(e, kind)]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A finished run; both honest auditors were killed when the first question had been doubted."""
    place = tmp_path_factory.mktemp("doubts")
    (place / "network.toml").write_text(DOUBTS.format(seconds=60))
    run = start(place / "network.toml", place / "run")
    try:
        deadline = time.monotonic() + 600
        while not said(place / "run", events.challenges.Doubted):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        kill(place / "run", "auditors/vera")
        kill(place / "run", "auditors/walt")
    except BaseException:
        run.terminate()
        raise
    return place / "run", finish(run)


def test_the_auditor_that_lies_is_cut_and_no_honest_one(played):
    _, summary = played
    slashed = {row["name"]: row["slashed"] for row in summary["auditors"]}
    assert slashed["pat"] >= 400, "two fifths of its stake at least"
    assert slashed["vera"] == slashed["walt"] == 0
    upheld = [c for c in summary["challenges"] if c["outcome"] == "upheld"]
    assert upheld and {c["auditor"] for c in upheld} == {"pat"}
    assert all(c["by"] in ("vera", "walt") for c in upheld)
    honest = [c for c in summary["challenges"] if c["auditor"] != "pat"]
    assert {c["outcome"] for c in honest} <= {"shown"}, "whoever was killed came back and showed it"


def test_the_neuron_that_contradicts_itself_is_cut_and_no_honest_one(played):
    _, summary = played
    slashed = {row["name"]: row["slashed"] for row in summary["neurons"]}
    assert slashed["finn"] > 0 and slashed["ada"] == 0
    assert {c["neuron"] for c in summary["contradictions"]} == {"finn"}
    assert len({c["epoch"] for c in summary["contradictions"]}) == len(summary["contradictions"])


def test_whoever_doubts_a_liar_gains(played):
    folder, summary = played
    upheld = [c for c in summary["challenges"] if c["outcome"] == "upheld"]
    with read_run(folder).connect() as book:
        slashes = [e for e in ledger.history(book) if isinstance(e, events.stake.Slashed)]
        deposit = book.client(ledger.packs.pack_called("audit").contracts[1]).current().deposit
    pat = next(m.id for m in read_run(folder).members if m.name == "pat")
    taken = sum(e.from_staked + e.from_thawing for e in slashes if e.id == pat)
    assert taken // 2 > 2 * deposit * len(upheld), "each takes less: it is a part of what is left"


def test_the_books_and_the_run_folder_show_it(played):
    folder, summary = played
    done = klopf("verify", folder)
    assert done.returncode == 0, done.stdout
    report = (folder / "report.html").read_text()
    assert "<h2>Challenges</h2>" in report and "signed two contrary answers" in report
    held = sorted(int(file.stem) for file in (folder / "auditors/vera/openings").glob("*.json"))
    assert len(held) <= 2, "openings that nobody may doubt any more are forgotten"
    for file in folder.rglob("log.txt"):
        assert "Traceback" not in file.read_text(), file
    assert json.dumps(summary, default=str)
