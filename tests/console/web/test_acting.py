"""Acting with a key: what is signed is what was shown, once, and only for the page itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf.console.web.acts import ACTS
from klopf.errors import KlopfError, LedgerError, Reverted
from klopf.ledger import KLP
from tests.console.web.acting import Governed, fill, nonce, post
from tests.console.web.network import get, served


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    return Governed(tmp_path_factory.mktemp("governed"))


@pytest.fixture(scope="module")
def open_page(net: Governed) -> Iterator[tuple[str, str]]:
    """A page's address, and the secret of its link."""
    desk = net.desk()
    with served(net.source, desk=desk) as url:
        yield url, desk.secret


def staked(net: Governed) -> int:
    return net.book.stake.account(net.ids["anna"]).staked


def preview(page: tuple[str, str], act: str = "stake", **given: object) -> dict[str, Any]:
    status, said = post(page[0], "/api/acts/preview", {"act": act, "given": fill(**given)}, page[1])
    assert status == 200 and isinstance(said, dict), said
    return said


def confirm(page: tuple[str, str], shown: dict[str, Any], **other: Any) -> tuple[int, Any]:
    asked = {"token": shown["token"], "digest": shown["digest"]} | other
    return post(page[0], "/api/acts/confirm", asked, page[1])


def test_what_is_shown_is_what_is_signed(net: Governed, open_page: tuple[str, str]):
    before, count = staked(net), nonce(net.book, net.keys["anna"])
    shown = preview(open_page, id=net.ids["anna"], amount="12.5")
    assert (shown["contract"], shown["function"], shown["to"]) == ("Stake", "stake", net.book.stake.address)
    assert [(a["name"], a["words"]) for a in shown["arguments"]] == [("id", "anna"), ("amount", "12.5 KLP")]
    assert shown["from"] == net.keys["anna"].address and shown["value"] == "0"
    assert staked(net) == before, "a look signs nothing"
    status, sent = confirm(open_page, shown)
    assert status == 200 and not sent["more"]
    found = net.book.rpc.request("eth_getTransactionByHash", sent["transaction"])
    assert (found["to"].lower(), found["input"]) == (shown["to"].lower(), shown["data"])
    assert int(found["from"], 16) == int(shown["from"], 16) and int(found["value"], 16) == 0
    assert staked(net) == before + 12_5 * KLP // 10 and nonce(net.book, net.keys["anna"]) == count + 1


def test_a_confirmation_counts_once(net: Governed, open_page: tuple[str, str]):
    shown = preview(open_page, id=net.ids["anna"], amount=1)
    before, count, answers = staked(net), nonce(net.book, net.keys["anna"]), []
    threads = [threading.Thread(target=lambda: answers.append(confirm(open_page, shown)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]
    assert confirm(open_page, shown)[0] == 409, "and not later either"
    assert staked(net) == before + KLP and nonce(net.book, net.keys["anna"]) == count + 1


@pytest.mark.parametrize("what", [
    {"digest": "0" * 64}, {"digest": None}, {"digest": ["x"]}, {"token": "x"}, {"token": None}, {"token": {"a": 1}},
])  # fmt: skip
def test_another_confirmation_than_what_was_shown_signs_nothing(
    net: Governed, open_page: tuple[str, str], what: dict[str, Any]
):
    shown, count = preview(open_page, id=net.ids["anna"], amount=1), nonce(net.book, net.keys["anna"])
    assert confirm(open_page, shown, **what)[0] == 409
    if "digest" in what:
        assert confirm(open_page, shown)[0] == 409, "a wrong guess uses it up"
    assert nonce(net.book, net.keys["anna"]) == count


def test_arguments_that_are_sent_along_with_a_confirmation_change_nothing(net: Governed, open_page: tuple[str, str]):
    before, shown = staked(net), preview(open_page, id=net.ids["anna"], amount=1)
    other = {"act": "withdraw", "given": fill(id=2, amount=400), "data": "0x", "to": net.operator.address}
    assert confirm(open_page, shown, **other)[0] == 200
    assert staked(net) == before + KLP


def test_what_would_be_another_transaction_by_now_is_refused(net: Governed):
    desk, token = net.desk("bert"), net.own["bert"].token
    token.approve(net.book.stake.address, 0)
    step = desk.preview("stake", fill(id=net.ids["bert"], amount=2))
    assert step["function"] == "approve" and step["more"], "the first of two"
    assert [a["words"] for a in step["arguments"]] == ["Stake", "without limit"]
    token.approve(net.book.stake.address, 2**256 - 1)  # elsewhere, with the same key
    with pytest.raises(LedgerError, match="another transaction now"):
        desk.confirm(step["token"], step["digest"])
    step = desk.preview("stake", fill(id=net.ids["bert"], amount=2))
    assert step["function"] == "stake" and not step["more"]
    desk.confirm(step["token"], step["digest"])


@pytest.mark.parametrize("header", [
    {"origin": "http://evil.example"}, {"origin": None}, {"origin": "null"}, {"origin": "http://localhost:1"},
    {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"host": "evil.example"},
    {"content_type": "text/plain"}, {"content_type": "application/x-www-form-urlencoded"}, {"content_type": None},
    {"klopf_unlocked": ""}, {"klopf_unlocked": "x" * 32}, {"klopf_unlocked": "\xe9"},
    {"cookie": ""},
])  # fmt: skip
def test_only_the_page_itself_with_its_link_acts(net: Governed, open_page: tuple[str, str], header: dict[str, Any]):
    url, secret = open_page
    shown, count = preview(open_page, id=net.ids["anna"], amount=1), nonce(net.book, net.keys["anna"])
    asked = {"act": "stake", "given": fill(id=net.ids["anna"], amount=1)}
    assert post(url, "/api/acts/preview", asked, secret, **header)[0] in (401, 403)
    right = {"token": shown["token"], "digest": shown["digest"]}
    assert post(url, "/api/acts/confirm", right, secret, **header)[0] in (401, 403)
    assert get(f"{url}/api/acts/confirm?token={shown['token']}&digest={shown['digest']}")[0] == 405
    assert nonce(net.book, net.keys["anna"]) == count


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"[" * 9_000, b'{"a":"' + b"x" * 20_000 + b'"}', b"\xff"])
def test_what_is_no_question_is_refused(open_page: tuple[str, str], body: bytes):
    for path in ("preview", "confirm"):
        assert post(open_page[0], f"/api/acts/{path}", body, open_page[1])[0] == 400


@pytest.mark.parametrize("given", [
    fill(id="1", amount="0"), fill(id="1", amount="-1"), fill(id="1", amount="1e3"), fill(id="1", amount="9" * 40),
    fill(id="0", amount="1"), fill(id="4294967296", amount="1"), fill(id="\u0661", amount="1"), fill(id="1"),
    fill(id="1", amount="1", more="1"), {"id": 1, "amount": 1}, [], None, fill(id="x" * 3_000, amount="1"),
])  # fmt: skip
def test_a_form_is_filled_as_it_must_be(net: Governed, given: Any):
    with pytest.raises(LedgerError):
        net.desk().preview("stake", given)


def test_what_the_ledger_would_refuse_is_said_before_it_is_signed(net: Governed):
    with pytest.raises(Reverted, match="owner"):
        net.desk().preview("unstake", fill(id=net.ids["bert"], amount=1))
    with pytest.raises(Reverted):
        net.desk().preview("stake", fill(id=net.ids["anna"], amount=10**9))


def test_a_page_without_a_key_has_nothing_to_act_with(net: Governed):
    with served(net.source) as url:
        assert json.loads(get(f"{url}/api/acts")[1]) == {"address": "", "acts": []}
        assert post(url, "/api/acts/preview", {"act": "stake", "given": {}}, "x")[0] in (404, 405)


def test_the_acts_are_offered_to_whoever_has_the_link(open_page: tuple[str, str], net: Governed):
    url, secret = open_page
    assert json.loads(get(f"{url}/api/acts")[1])["acts"] == []
    offered = json.loads(get(f"{url}/api/acts", klopf_unlocked=secret)[1])["acts"]
    there = net.book.deployment.addresses  # nothing of finance: the network has none
    assert [one["name"] for one in offered] == [act for act in ACTS if ACTS.load(act).needs in there]
    assert "stake" in [one["name"] for one in offered] and "fund" not in [one["name"] for one in offered]


def test_a_dispute_is_answered_with_the_listeners_own_receipt(tmp_path: Path):
    net = Governed(tmp_path)
    which = net.dispute(tmp_path / "receipts.jsonl")
    given = fill(**dict(zip(("epoch", "listener", "speaker"), which, strict=True)))
    with pytest.raises(LedgerError, match="--receipts"):
        net.desk().preview("answer", given)
    desk = net.desk(receipts=tmp_path / "receipts.jsonl")
    shown = desk.preview("answer", given)
    assert (shown["contract"], shown["function"]) == ("Disputes", "answer")
    assert [one["words"] for one in shown["arguments"][1:3]] == ["anna", net.source.names[which[2]]]
    desk.confirm(shown["token"], shown["digest"])
    found = net.book.disputes.get(*which)
    assert found is not None and not found.open
    with pytest.raises(LedgerError, match="has ended"):
        desk.preview("answer", given)


def test_a_job_is_approved_and_paid_out_step_by_step(net: Governed):
    desk, bert, job = net.desk(), net.keys["bert"].address, net.job()
    shown = desk.preview("approve", fill(job=job))
    assert shown["function"] == "report" and shown["about"] == [
        f"60 KLP for {bert}, with what was noted before",
        "40 KLP of 100 KLP go back to the payer".replace(" of 100 KLP", " of 100"),
    ]
    desk.confirm(shown["token"], shown["digest"])
    net.pass_time(3_601)
    before, functions = net.book.token.balance(bert), []
    for _ in range(2):
        shown = desk.preview("close", fill(job=job))
        functions.append(shown["function"])
        assert desk.confirm(shown["token"], shown["digest"])["more"] == (len(functions) == 1)
    assert functions == ["payMany", "giveBack"] and net.book.jobs.left(job) == 0
    assert net.book.token.balance(bert) == before + 60 * KLP
    other = net.job(noted=0)
    with pytest.raises(LedgerError, match="nothing was noted"):
        desk.preview("approve", fill(job=other))
    shown = desk.preview("approve", fill(job=other, due=f"{bert} 30\n\n{net.operator.address} 2.5"))
    assert shown["arguments"][2]["words"] == "30 KLP, 2.5 KLP"


def test_no_more_is_paid_for_gas_than_was_shown(tmp_path: Path):
    class Priced(Governed):
        base_fee = 10**9

    net = Priced(tmp_path)
    desk, anna = net.desk(), net.keys["anna"].address
    shown = desk.preview("vote", fill(proposal=net.proposal, support="against"))
    assert 0 < float(shown["cost"]) < float(shown["most"])
    before = net.book.rpc.balance(anna)
    desk._shown[shown["token"]] = _cheaper(desk._shown[shown["token"]])
    with pytest.raises(KlopfError, match=r"more now|KLOPF_MAX_GAS_PRICE"):
        desk.confirm(shown["token"], shown["digest"])
    assert net.book.rpc.balance(anna) == before
    shown = desk.preview("vote", fill(proposal=net.proposal, support="against"))
    desk.confirm(shown["token"], shown["digest"])
    paid = before - net.book.rpc.balance(anna)
    assert 0 < paid <= float(shown["most"]) * 10**18 and net.votes()["against"] == 300_400 * KLP


def _cheaper(shown: Any) -> Any:
    """As if the node had asked for a tenth when it was shown."""
    from dataclasses import replace

    return replace(shown, fee=shown.fee // 10)


def test_no_key_is_in_the_page_or_a_log(net: Governed, capfd: pytest.CaptureFixture[str]):
    desk = net.desk()
    secrets = (net.keys["anna"]._private.secret.hex(), net.keys["anna"].words())
    with served(net.source, desk=desk) as url:
        page = (url, desk.secret)
        said = [get(f"{url}{path}", klopf_unlocked=desk.secret)[1] for path in ("/", "/api/state", "/api/acts")]
        shown = preview(page, id=net.ids["anna"], amount=1)
        said += [json.dumps(shown), json.dumps(confirm(page, shown)), json.dumps(confirm(page, shown))]
    out, err = capfd.readouterr()
    for text in (*said, out, err, repr(vars(desk))):
        assert not any(one in text for one in secrets)
    assert desk.secret not in out + err + "".join(said)
