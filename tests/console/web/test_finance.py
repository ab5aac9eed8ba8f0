"""Finance on the page: its figures are those of the contracts, of the commands and of ``klopf verify`` at the same
block; and whatever is done there is shown first as it is signed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from klopf import ledger
from klopf.console import main, web
from klopf.console.web._call import Call, told
from klopf.console.web._follow import Follower
from klopf.errors import LedgerError
from klopf.ledger import KLP
from tests.console.web.acting import fill, nonce
from tests.console.web.test_follow import read
from tests.console.web.test_status import run_folder
from tests.console.web.wealthy import ODD, SYMBOL, Wealthy


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Wealthy:
    return Wealthy(tmp_path_factory.mktemp("run"))


@pytest.fixture
def rows(net: Wealthy) -> dict[str, Any]:
    """Of each view, by key: heading and value of each column."""
    follower = read(Follower(net.source))
    state = json.loads(follower.said())
    follower.close()
    assert not state["broken"] and not state["trouble"] and state["block"] == net.book.rpc.height()
    return {
        name: {
            key: dict(zip((column["title"] for column in view["columns"]), row, strict=True))
            for key, row in view["rows"].items()
        }
        for name, view in state["views"].items()
    }  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], net: Wealthy, *command: str) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    folder = run_folder(net, Path(net.where).parent)
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--rpc", net.where, "--deployment", str(folder / "deployment.json"), "--json"])
    return json.loads(capsys.readouterr().out, parse_float=Decimal)


def units(text: str) -> int:
    return int(Decimal(text) * 10**18)


def test_the_figures_are_those_of_the_contracts_which_verify_agrees_with(net: Wealthy, rows: dict[str, Any]):
    book = net.book
    assert not ledger.verify(book, net.receipts), "all that follows is what the events come to"
    assert set(rows["pools"]) == {"1"}
    pool, held = rows["pools"]["1"], book.exchange.pool(net.pool)
    names = {book.token.address: "KLP", net.odd: f"{SYMBOL} {net.odd}"}
    assert [pool["first token"], pool["second token"]] == [names[token] for token in held.tokens]
    assert (units(pool["holds of it"]), units(pool["holds of it too"])) == held.reserves
    assert pool["kept of a swap"] == held.fee_bps / 10_000 and pool["swaps"] == 1
    market, row = book.loans.market(net.terms), rows["lending"]["1"]
    assert (units(row["supplied"]), units(row["lent"])) == (market.supplied, market.lent)
    assert row["a year costs"] == market.yearly / 10**18 and row["limit"] == net.terms.limit / 10**18
    assert (row["lends"], row["against"], units(row["locked"])) == ("KLP", names[net.odd], 1_000 * KLP)
    assert len(rows["loans"]) == 2
    for one, state in ((net.anna, "lends"), (net.bert, "owes")):
        position, row = book.loans.position(net.terms, one.me.address), rows["loans"][f"1 {one.me.address}"]
        assert units(row["supplied"]) == market.assets_of(position.supply_shares)
        assert units(row["owes"]) == market.debt_of(position.debt_shares) and row["state"] == state
        assert units(row["locked"]) == position.collateral
    venture, row = book.ventures.venture(net.venture), rows["ventures"]["1"]
    assert (units(row["goal"]), units(row["brought"]), units(row["spent"])) == (
        venture.terms.goal, venture.raised, venture.spent - venture.returned
    )  # fmt: skip
    anna, bert = net.anna.me.address, net.bert.me.address
    earned = sum(book.liquidity.earned(anna, week) for week in book.liquidity.weeks(anna))
    assert units(rows["rewards"][anna]["earned for pools"]) == earned > 0
    assert rows["rewards"][anna]["shares that earn"] == book.liquidity.staked(net.pool, anna) / 10**18
    burnt = sum(book.circulation.burnt(day, bert) for day in book.circulation.days(bert))
    assert units(rows["rewards"][bert]["burnt by paying"]) == burnt == 3 * KLP


def test_the_figures_are_those_of_the_commands(net: Wealthy, rows: dict[str, Any], capsys: pytest.CaptureFixture[str]):
    (pool,) = said(capsys, net, "pool", "list")
    row = rows["pools"]["1"]
    assert [Decimal(pool["holds"]), Decimal(pool["and"])] == [
        Decimal(row["holds of it"]), Decimal(row["holds of it too"])
    ]  # fmt: skip
    (market,) = said(capsys, net, "lend", "list")
    row = rows["lending"]["1"]
    assert [Decimal(market[name]) for name in ("supplied", "lent")] == [
        Decimal(row[name]) for name in ("supplied", "lent")
    ]
    assert Decimal(market["a year costs %"]) == pytest.approx(Decimal(row["a year costs"]) * 100, rel=Decimal("1e-3"))
    (venture,) = said(capsys, net, "invest", "list")
    row = rows["ventures"]["1"]
    assert Decimal(venture["raised"]) == Decimal(row["brought"]) == 250
    offers = said(capsys, net, "market", "list")
    assert [Decimal(one["KLP"]) for one in offers] == [Decimal(rows["offers"][key]["price"]) for key in ("o1", "o2")]


def test_the_page_and_status_agree_where_there_is_finance(net: Wealthy, capsys: pytest.CaptureFixture[str]):
    folder = run_folder(net, Path(net.where).parent)
    follower = read(Follower(web.of_run(folder)))
    state = json.loads(follower.said())
    follower.close()
    with pytest.raises(SystemExit, match="0"):
        main(["status", str(folder), "--json"])
    status = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert state["block"] == status["ledger"]["blocks"] and Decimal(state["supply"]) == status["ledger"]["supply"]
    assert state["transactions"] == status["ledger"]["transactions"]


DONE = [
    ("fund", {"venture": 1, "amount": "100"}, ["fund"], "7.5 % of the model"),
    ("swap", {"pool": 1, "token": "KLP", "amount": "10"}, ["approve", "swap"], "at least"),
    ("supply", {"market": 1, "amount": "50"}, ["approve", "supply"], "brings 50 KLP"),
    ("borrow", {"market": 1, "amount": "1"}, ["borrow"], "borrows 1 KLP"),
    ("lock", {"market": 1, "amount": "7"}, ["approve", "lock"], f"locks 7 {SYMBOL}"),
    ("repay", {"market": 1}, ["approve", "repay"], "owes 4"),
    ("take-out", {"market": 1}, ["withdraw"], "has supplied"),
    ("buy", {"offer": 1, "most": "90"}, ["approve", "buy"], "device 1 of"),
    ("bid", {"offer": 2, "amount": "95"}, ["bid"], "95 KLP for device 2"),
    ("take-back", {"venture": 1, "lot": 0}, ["refused"], "venture"),
]


@pytest.mark.parametrize(("act", "given", "functions", "about"), DONE, ids=[one[0] for one in DONE])
def test_each_act_shows_what_it_signs_and_signs_that(
    net: Wealthy, act: str, given: dict[str, Any], functions: list[str], about: str
):
    desk, me, signed = net.desk(), net.keys["bert"], []
    if functions == ["refused"]:
        with pytest.raises(LedgerError):
            desk.preview(act, fill(**given))
        return
    before, more = nonce(net.book, me), True
    while more:
        shown = desk.preview(act, fill(**given))
        assert shown["from"] == me.address and nonce(net.book, me) == before + len(signed), "a look sends nothing"
        if not signed:
            assert any(about.split(" of the ")[0] in line for line in shown["about"]), shown["about"]
        signed.append(shown["function"])
        more = desk.confirm(shown["token"], shown["digest"])["more"]
    assert signed == functions and nonce(net.book, me) == before + len(functions)


def test_shares_are_left_where_they_earn_and_rewards_claimed(net: Wealthy):
    desk = net.desk("anna")
    for act, function in (("stake-shares", "approve"), ("unstake-shares", "unstake"), ("claim-rewards", "claim")):
        net.pass_time(40 * 24 * 3600)
        shown = desk.preview(act, {} if act == "claim-rewards" else fill(pool=1))
        if shown["more"]:
            desk.confirm(shown["token"], shown["digest"])
            shown = desk.preview(act, fill(pool=1))
            function = "stake"
        assert shown["function"] == function
        desk.confirm(shown["token"], shown["digest"])
    assert net.book.liquidity.staked(net.pool, net.anna.me.address) == 0


def test_a_strangers_token_is_told_nothing_but_what_a_contract_of_the_network_may_take(net: Wealthy):
    approve = ODD.functions["approve"].call_data
    good = told(Call(net.odd, approve((net.book.loans.address, 5))), net.book, str)
    assert good["function"] == "approve" and good["arguments"][0]["words"] == "Loans" and good["to"] == net.odd
    for data, value in (
        (approve((net.keys["anna"].address, 5)), 0), (approve((net.book.loans.address, 5)), 1),
        (approve((net.book.loans.address, 5)) + b"x", 0), (approve((net.book.loans.address, 5))[:40], 0),
        (ODD.functions["transfer"].call_data((net.book.loans.address, 5)), 0), (b"", 0),
    ):  # fmt: skip
        with pytest.raises(LedgerError):
            told(Call(net.odd, data, value), net.book, str)
