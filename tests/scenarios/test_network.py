"""The main job, end to end: a network is played, told, verified; then its books are tampered with."""

import json
import re
import shutil
import sqlite3
from decimal import Decimal

import pytest

from klopf import chain, ledger
from klopf.ledger import events
from klopf.network import explain, read_run, to_json

from .network import finish, klopf, start, write_network

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A finished run: its folder and its summary."""
    place = tmp_path_factory.mktemp("network")
    summary = finish(start(write_network(place), place / "run"))
    return place / "run", summary


@pytest.fixture
def copy(played, tmp_path):
    """A copy of the run folder to do harm to."""
    shutil.copytree(played[0], tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def history(played):
    with read_run(played[0]).connect() as book:
        return list(ledger.history(book))


def by_name(rows):
    return {row["name"]: row for row in rows}


def test_the_summary_has_its_shape(played):
    folder, summary = played
    assert summary == json.loads((folder / "summary.json").read_text(), parse_float=Decimal)
    assert set(summary) == {"seed", "seconds", "accuracy", "neurons", "auditors", "disputes", "ledger"}
    assert set(summary["accuracy"]) == {"network", "best_neuron", "linear"}
    for row in summary["neurons"]:
        assert set(row) == {"name", "model", "honest", "standing", "heard", "audit", "earned", "slashed"}
    for row in summary["auditors"]:
        assert set(row) == {"name", "honest", "slashed"}
    assert set(summary["ledger"]) == {"transactions", "blocks", "supply"}


def test_together_they_know_more_than_any_of_them_alone(played):
    accuracy = played[1]["accuracy"]
    assert accuracy["network"] > accuracy["best_neuron"]
    assert accuracy["network"] > accuracy["linear"] - Decimal("0.08")


def test_who_lives_off_others_is_silenced_and_earns_next_to_nothing(played):
    rows = by_name(played[1]["neurons"])
    assert {name for name, row in rows.items() if row["standing"] == "backbone"} == {"ada", "ben", "cleo"}
    assert rows["fred"]["standing"] == rows["lars"]["standing"] == "silent"
    paid = sum(row["earned"] for row in rows.values())
    assert paid > 1000
    assert rows["fred"]["earned"] + rows["lars"]["earned"] < Decimal("0.03") * paid


def test_every_payment_is_explained_down_to_its_receipts(played, history):
    run = read_run(played[0])
    wanted = {}
    for e in history:
        if isinstance(e, events.settlement.Collected) and e.emitted:
            wanted[e.id, e.epoch] = e.emitted
    paid = {name: row["earned"] for name, row in by_name(played[1]["neurons"]).items()}
    told = {name: Decimal(0) for name in paid}
    for name in paid:
        for epoch in range(1, run.settings.epochs + 1):
            found = explain(run, name, epoch)
            assert found.ended and found.emission == Decimal(wanted.get((found.id, epoch), 0)).scaleb(-18)
            heard = sum(r.stake * Decimal(r.counted) for r in found.receipts)
            assert (found.emission > 0) <= (heard > 0), "nobody is paid whom nobody with stake heard"
            assert bool(found.transactions) == bool(found.emission or found.receipts or found.audited)
            assert found.because, "there is always a reason"
            told[name] += found.amount
    assert told == paid
    silent = explain(run, "lars", run.settings.epochs)
    assert silent.standing == "silent" and silent.amount == 0 and not silent.passed
    done = klopf("explain", played[0], "ada", "2")
    assert done.returncode == 0 and f"ada (#{explain(run, 'ada', 2).id}) in epoch 2 of scenario" in done.stdout
    wrong = klopf("explain", played[0], "nobody", "2")
    assert wrong.returncode == 2 and "choose one of ada, ben" in wrong.stderr
    late = klopf("explain", played[0], "ada", "99")
    assert late.returncode == 2 and "choose 1 to" in late.stderr


def test_nothing_is_kept_about_who_has_fallen_silent(played):
    silent = {m.id for m in read_run(played[0]).members if m.name in ("fred", "lars")}
    for name in ("ada", "ben", "cleo"):
        known = json.loads((played[0] / "neurons" / name / "state/4/listener.json").read_text())["ears"]
        assert known and not silent & {int(id) for id in known}
    known = json.loads((played[0] / "requesters/requester/state/4.json").read_text())["listener"]["ears"]
    assert known and not silent & {int(id) for id in known}


def test_only_the_dishonest_auditor_loses_stake(played):
    slashed = {row["name"]: row["slashed"] for row in played[1]["auditors"]}
    assert slashed["xeno"] > 0
    assert slashed["vera"] == slashed["walt"] == 0


def test_balances_add_up_to_the_supply_to_the_last_unit(played, history):
    balances: dict[str, int] = {}
    for event in history:
        if isinstance(event, events.token.Transfer):
            balances[event.sender] = balances.get(event.sender, 0) - event.value
            balances[event.to] = balances.get(event.to, 0) + event.value
    minted = -balances.pop("0x" + "0" * 40)
    with read_run(played[0]).connect() as book:
        assert sum(balances.values()) == minted == book.token.supply()
        for address, balance in balances.items():
            assert book.token.balance(address) == balance
    assert Decimal(minted).scaleb(-18) == played[1]["ledger"]["supply"]


def test_answers_are_paid_for_and_what_is_not_used_stays_in_escrow(history):
    deposited = sum(e.amount for e in history if isinstance(e, events.vouchers.Deposited))
    reserved = sum(e.amount for e in history if isinstance(e, events.vouchers.Reserved))
    received = sum(e.amount for e in history if isinstance(e, events.vouchers.Redeemed))
    assert 0 < received <= reserved < deposited


def test_the_report_stands_alone_and_gives_every_payment_its_reason(played, history):
    page = (played[0] / "report.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']?https?:""", page)
    assert "<script" not in page
    epoch, paid = 0, set()
    for e in history:
        if isinstance(e, events.clock.Opened):
            epoch = e.epoch
        elif isinstance(e, events.vouchers.Redeemed):
            paid.add((epoch, e.neuron))
        elif isinstance(e, events.settlement.Collected) and e.emitted > 0:
            paid.add((e.epoch, e.id))
    assert page.count("<details>") == len(paid)
    assert page.count("<svg") == 2
    for name in ("ada", "fred", "vera", "requester"):
        assert name in page


def test_status_and_verify(played):
    folder = played[0]
    status = klopf("status", folder, "--json")
    assert (
        by_name(json.loads(status.stdout, parse_float=Decimal)["neurons"])["ada"]["earned"]
        == by_name(played[1]["neurons"])["ada"]["earned"]
    )
    assert json.loads(status.stdout)["accuracy"] == json.loads((folder / "summary.json").read_text())["accuracy"]
    assert "backbone" in klopf("status", folder).stdout
    verified = klopf("verify", folder, "--json")
    none = {"opened": 0, "answered": 0, "upheld": 0}
    expected = {"agrees": True, "differences": [], "notes": [], "disputes": none}
    assert (verified.returncode, json.loads(verified.stdout)) == (0, expected)


def test_no_secret_is_in_any_log(played):
    folder = played[0]
    for file in folder.rglob("log.txt"):
        text = file.read_text()
        assert "scenario" not in text
        assert "PRIVATE KEY" not in text
    for file in folder.rglob("*key*.json"):
        assert "ciphertext" in file.read_text()


# ---- tampering


def differences(folder):
    done = klopf("verify", folder)
    assert done.returncode == 1, (done.stdout, done.stderr)
    return done.stdout


def most_heard(lines):
    """Place of the receipt with the most weight: one that somebody was surely paid by."""
    return max(range(len(lines)), key=lambda i: json.loads(lines[i])["weight"])


@pytest.mark.parametrize("field", ["weight", "answers", "trail", "listener_signature", "speaker_signature"])
def test_one_changed_digit_of_a_receipt_is_named(copy, field):
    file = copy / "receipts.jsonl"
    lines = file.read_text().splitlines()
    chosen = most_heard(lines)
    receipt = json.loads(lines[chosen])
    text = str(receipt[field])
    at = max(0, len(text) - 3)
    changed = text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]
    receipt[field] = type(receipt[field])(changed)
    lines[chosen] = json.dumps(receipt)
    file.write_text("\n".join(lines) + "\n")
    assert "receipt" in differences(copy)


def test_a_missing_receipt_is_named(copy):
    file = copy / "receipts.jsonl"
    lines = file.read_text().splitlines()
    lines.pop(most_heard(lines))
    file.write_text("\n".join(lines) + "\n")
    assert "receipt" in differences(copy)


def test_one_changed_byte_of_an_event_is_named(copy):
    with sqlite3.connect(copy / "ledger.sqlite") as db:
        id, data = db.execute("SELECT id, data FROM log WHERE length(data) >= 32 ORDER BY id DESC LIMIT 1").fetchone()
        db.execute("UPDATE log SET data = ? WHERE id = ?", (data[:-1] + bytes([data[-1] ^ 1]), id))
    assert differences(copy).strip()


def test_altered_earnings_are_named(copy):
    file = copy / "summary.json"
    told = json.loads(file.read_text(), parse_float=Decimal)
    told["neurons"][0]["earned"] += 1
    name = told["neurons"][0]["name"]
    file.write_text(to_json(told) + "\n")
    assert f"summary.json neurons {name} earned: must be" in differences(copy)


def test_an_altered_report_is_named(copy):
    file = copy / "report.html"
    page = file.read_text()
    digit = next(m for m in re.finditer(r"\d", page[page.index("<details>") :]))
    place = page.index("<details>") + digit.start()
    file.write_text(page[:place] + str((int(page[place]) + 1) % 10) + page[place + 1 :])
    assert "report.html says something else than the ledger" in differences(copy)


@pytest.mark.parametrize("which", ["run.json", "test.npz", "neurons/ada/data.npz"])
def test_altered_settings_and_data_are_named(copy, which):
    file = copy / which
    content = file.read_bytes()
    changed = content.replace(b'"patience": 2', b'"patience": 3') if which == "run.json" else content[:-1] + b"x"
    file.write_bytes(changed if changed != content else content.replace(b'"seed": ', b'"seed": 1'))
    assert f"{which} was altered since the run ended" in differences(copy)


def test_blocks_cut_off_at_the_end_are_named(copy):
    with chain.open(copy / "ledger.sqlite") as opened:
        opened.export(copy / "blocks.jsonl")
    lines = (copy / "blocks.jsonl").read_text().splitlines(keepends=True)
    (copy / "blocks.jsonl").write_text("".join(lines[:-40]))
    for file in copy.glob("ledger.sqlite*"):
        file.unlink()
    chain.rebuild(copy / "blocks.jsonl", copy / "ledger.sqlite").close()
    assert f"the ledger ends with block {len(lines) - 41}; when the run ended it had reached" in differences(copy)


def test_a_missing_anchor_is_named(copy):
    (copy / "anchor.json").unlink()
    assert "anchor.json is missing" in differences(copy)


def test_a_cut_off_ledger_is_refused_in_one_line(copy):
    file = copy / "ledger.sqlite"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    for command in ("verify", "status"):
        done = klopf(command, copy)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
        assert done.stderr.startswith("klopf: ")


def test_a_registry_that_names_another_chain_is_refused_in_one_line(copy):
    deployment = json.loads((copy / "deployment.json").read_text())
    (copy / "deployment.json").write_text(json.dumps(deployment | {"chain_id": 1}))
    done = klopf("status", copy)
    assert done.returncode == 2
    assert "names another chain" in done.stderr
