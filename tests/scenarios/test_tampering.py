"""``klopf verify`` against everything that somebody could alter in the folder of a run that has ended: each in a copy
of its own, each named. The run has doubts, contradictions and auditors' pay, so that these are among it."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from klopf import chain, ledger, network
from klopf.errors import KlopfError
from klopf.ledger import events
from klopf.network import read_run, to_json

from .network import DOUBTS, finish, start

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]

Harm = Callable[[Path], None]


def receipt(field: str) -> Harm:
    """Another digit in the receipt with the most weight: one that somebody was surely paid by."""

    def harm(folder: Path) -> None:
        file = folder / "receipts.jsonl"
        lines = file.read_text().splitlines()
        place = max(range(len(lines)), key=lambda i: json.loads(lines[i])["weight"])
        one = json.loads(lines[place])
        text = str(one[field])
        at = max(0, len(text) - 3)
        one[field] = type(one[field])(text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :])
        file.write_text("\n".join([*lines[:place], json.dumps(one), *lines[place + 1 :]]) + "\n")

    return harm


def no_receipt(folder: Path) -> None:
    file = folder / "receipts.jsonl"
    lines = file.read_text().splitlines()
    lines.remove(max(lines, key=lambda line: json.loads(line)["weight"]))
    file.write_text("\n".join(lines) + "\n")


def sql(statement: str) -> Harm:
    def harm(folder: Path) -> None:
        with sqlite3.connect(folder / "ledger.sqlite") as db:
            assert db.execute(statement).rowcount
        db.close()

    return harm


def event(kind: type, gone: bool = False) -> Harm:
    """The last byte of the last event of a kind, or the event itself."""

    def harm(folder: Path) -> None:
        with read_run(folder).connect() as book:
            found = [e for e in ledger.history(book) if isinstance(e, kind)]
            place, block, index = book.address(found[-1].contract), found[-1].block, found[-1].log_index
        with sqlite3.connect(folder / "ledger.sqlite") as db:
            rows = db.execute("SELECT id, data, topic1 FROM log WHERE lower(hex(address)) = ?", (place[2:].lower(),))
            row = next(r for r in rows.fetchall() if r[0] // 2**20 == block and r[0] % 2**20 == index)
            if gone:
                db.execute("DELETE FROM log WHERE id = ?", row[:1])
            elif row[1]:
                db.execute("UPDATE log SET data = ? WHERE id = ?", (row[1][:-1] + bytes([row[1][-1] ^ 1]), row[0]))
            else:
                db.execute("UPDATE log SET topic1 = ? WHERE id = ?", (row[2][:-1] + bytes([row[2][-1] ^ 1]), row[0]))
        db.close()

    return harm


def cut(folder: Path) -> None:
    with chain.open(folder / "ledger.sqlite") as opened:
        opened.export(folder / "blocks.jsonl")
    lines = (folder / "blocks.jsonl").read_text().splitlines(keepends=True)
    (folder / "blocks.jsonl").write_text("".join(lines[:-40]))
    for file in folder.glob("ledger.sqlite*"):
        file.unlink()
    chain.rebuild(folder / "blocks.jsonl", folder / "ledger.sqlite").close()


def summary(*path: object, gone: bool = False) -> Harm:
    """Another value at a place of ``summary.json``, or nothing there."""

    def harm(folder: Path) -> None:
        file = folder / "summary.json"
        told = json.loads(file.read_text(), parse_float=Decimal)
        *way, last = path
        place = told
        for step in way:
            place = place[step]
        was = place[last]
        if gone:
            del place[last]
        else:
            place[last] = was + 1 if isinstance(was, int | Decimal) and not isinstance(was, bool) else f"{was}x"
        file.write_text(to_json(told) + "\n")

    return harm


def page(after: str, what: str, other: str) -> Harm:
    """Another word in ``report.html`` after a heading."""

    def harm(folder: Path) -> None:
        file = folder / "report.html"
        text = file.read_text()
        place = text.index(what, text.index(after) + len(after))
        file.write_text(text[:place] + other + text[place + len(what) :])

    return harm


def json_file(name: str, *path: object, value: object = None) -> Harm:
    def harm(folder: Path) -> None:
        file = folder / name
        told = json.loads(file.read_text())
        *way, last = path
        place = told
        for step in way:
            place = place[step]
        place[last] = value if value is not None else f"{place[last]}x"
        file.write_text(json.dumps(told, indent=1) + "\n")

    return harm


def last_byte(name: str) -> Harm:
    def harm(folder: Path) -> None:
        file = next(iter(sorted(folder.glob(name))))
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    return harm


def missing(name: str) -> Harm:
    return lambda folder: next(iter(sorted(folder.glob(name)))).unlink()


HARMS: dict[str, Harm] = {
    # receipts
    **{
        f"a receipt's {field}": receipt(field)
        for field in (
            "epoch", "listener", "speaker", "weight", "answers", "trail", "listener_signature", "speaker_signature",
        )
    },
    "a receipt left out": no_receipt,
    # the ledger's events
    **{
        f"an event {kind.__module__.rpartition('.')[2]}.{kind.__name__}": event(kind)
        for kind in (
            events.settlement.Heard, events.settlement.Claimed, events.settlement.Posted, events.settlement.Collected,
            events.audits.Revealed, events.audits.Concluded, events.challenges.Doubted, events.challenges.Shown,
            events.challenges.Upheld, events.challenges.Contradicted, events.audit_pay.Collected, events.stake.Slashed,
            events.token.Transfer, events.emission.Paid, events.registry.UtilityUpdated,
        )
    },
    "a doubt left out": event(events.challenges.Doubted, gone=True),
    "a contradiction left out": event(events.challenges.Contradicted, gone=True),
    "an auditor's pay left out": event(events.audit_pay.Collected, gone=True),
    # the rest of the ledger
    "a block's hash": sql("UPDATE block SET hash = zeroblob(32) WHERE number = (SELECT max(number) - 3 FROM block)"),
    "a transaction": sql(
        "UPDATE block SET raw = zeroblob(64) WHERE number = (SELECT max(number) FROM block WHERE raw NOT NULL)"
    ),
    "a value in storage": sql("UPDATE storage SET value = x'07' WHERE block = (SELECT max(block) FROM storage)"),
    "a contract's code": sql(
        "UPDATE code SET code = code || x'00' WHERE length(code) = (SELECT max(length(code)) FROM code)"
    ),
    "the last 40 blocks cut off": cut,
    # the summary
    **{
        f"a neuron's {field}": summary("neurons", 0, field)
        for field in ("earned", "heard", "standing", "audit", "slashed")
    },
    "an auditor's loss": summary("auditors", 0, "slashed"),
    **{f"a challenge's {field}": summary("challenges", 0, field) for field in ("auditor", "by", "outcome")},
    "a challenge left out": summary("challenges", 0, gone=True),
    **{f"a contradiction's {field}": summary("contradictions", 0, field) for field in ("neuron", "epoch")},
    "a contradiction left out of the summary": summary("contradictions", 0, gone=True),
    **{f"the ledger's {field}": summary("ledger", field) for field in ("supply", "transactions", "blocks")},
    "the network's accuracy": summary("accuracy", "network"),
    "the seconds": summary("seconds"),
    "the seed": summary("seed"),
    "no summary": missing("summary.json"),
    # the report
    "the report's challenges": page("<h2>Challenges</h2>", "pat", "ada"),
    "a figure of the report": page("<details>", "1", "9"),
    "no report": missing("report.html"),
    # what vouches for the rest
    "no anchor": missing("anchor.json"),
    "the anchor's block": json_file("anchor.json", "hash"),
    "the anchor's time": json_file("anchor.json", "seconds", value=1.5),
    "the anchor, unreadable": lambda folder: (folder / "anchor.json").write_text("{"),
    # what the run is made of
    "the settings": json_file("run.json", "seed", value=99),
    "the deployment": json_file("deployment.json", "treasury", value="0x" + "11" * 20),
    "the questions of the test": last_byte("test.npz"),
    "a neuron's data": last_byte("neurons/ada/data.npz"),
    "an auditor's data": last_byte("auditors/vera/data.npz"),
    "what was measured": last_byte("**/results/*.npz"),
}  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    place = tmp_path_factory.mktemp("tampering")
    (place / "network.toml").write_text(DOUBTS.format(seconds=40))
    finish(start(place / "network.toml", place / "run"))
    assert network.verify(place / "run") == []
    return place / "run"


def test_there_are_forty_at_least():
    assert len(HARMS) >= 40


@pytest.mark.parametrize("harm", HARMS)
def test_it_is_named(played, tmp_path, harm):
    folder = tmp_path / "run"
    shutil.copytree(played, folder)
    HARMS[harm](folder)
    try:
        found = network.verify(folder)
    except KlopfError as error:  # it cannot be read at all: said in a line
        found = [str(error)]
    assert found and all("\n" not in line for line in found)
