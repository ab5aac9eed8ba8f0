"""`klopf lend` from the outside: a loan from its market's opening to its end, what could go wrong, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from klopf import chain, ledger
from klopf.ledger._abi import read_artifact
from tests.console.cli.test_ledger import Shell

ODD = Path(__file__).parents[2] / "ledger" / "finance" / "odd" / "Odd.json"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str, str]:
    """A network with a pool of KLP and another token, two for a KLP, that is two hours old; that token, and the key."""
    made = Shell(tmp_path_factory.mktemp("lend"))
    key, file = ledger.keys.new(), made.folder / "ledger.sqlite"
    ledger.keys.save(key, made.folder / "key.json", "correct horse", light=True)
    chain.create(file, chain_id=1337, dev=True).close()
    made("ledger", "deploy")
    made("ledger", "add-pack", "finance")
    odd = read_artifact(ODD)
    with ledger.connect(file, key, ledger.Deployment.load(made.folder / "deployment.json")) as l:
        token = ledger.keys.checksum(l.rpc.send(key, None, odd.creation(()))["contractAddress"])
        l.send(token, odd.functions["mint"].call_data((key.address, 10**24)))
        made("pool", "open", "KLP", token)
        first = made.json("pool", "list")[0]["first"] == "KLP"
        made("pool", "add", 1, *(("1000", "2000") if first else ("2000", "1000")))
        for _ in range(3):
            l.rpc.request("evm_increaseTime", hex(1801))
            made("pool", "mark", 1)
    made("lend", "open", token, "KLP", "--limit", "50", "--notice", "3600")
    return made, token, key.address


def test_a_loan_from_its_markets_opening_to_its_end(bank: tuple[Shell, str, str]) -> None:
    shell, _, me = bank
    (row,) = shell.json("lend", "list")
    assert (row["lends"], row["for"], row["limit %"], row["notice s"]) == ("ODD", "KLP", "50", 3600)
    assert not shell.json("lend", "supply", 1, "100", "--preview")["sent"]
    shell("lend", "supply", 1, "100")
    assert "locked 40 KLP" in shell("lend", "lock", 1, "40")
    seen = shell.json("lend", "show", 1)
    assert seen["owner"] == me and float(seen["may borrow"].split()[0]) == pytest.approx(40, rel=1e-6)
    shell("lend", "borrow", 1, "30")
    seen = shell.json("lend", "show", 1, me)
    assert float(seen["margin called below"]) == pytest.approx(1.5, rel=1e-3)  # 30 / (40 · 50 %)
    assert float(seen["sold below"]) == pytest.approx(1, rel=1e-3)  # 30 / (40 · 75 %)
    assert float(seen["price from"]) == pytest.approx(2) and not seen["may be sold now"]
    watch = ("watch-position", 1, me, "--once")
    assert shell.json(*watch)["state"] == "well"  # a quarter above where the margin is called
    warned = shell.run(*watch, "--within", 50)
    assert warned.returncode == 1 and "less than 50 % above" in warned.stdout
    for word in ("call", "clear"):
        assert "NotDue" in shell.refused("lend", word, 1, me)
    assert "may be sold" in shell.refused("lend", "liquidate", 1, me)
    assert "TooMuchDebt" in shell.refused("lend", "free", 1, "30")
    assert shell.json("lend", "withdraw", 1)["withdrawn"].startswith("69.99")  # all that is not lent
    shell("lend", "repay", 1, "10")
    assert float(shell.json("lend", "show", 1)["owed"].split()[0]) == pytest.approx(20, rel=1e-4)
    shell("lend", "repay", 1)
    shell("lend", "free", 1, "40")
    shell("lend", "withdraw", 1, "5")
    shell("lend", "withdraw", 1)
    assert "owes nothing" in shell.refused("lend", "repay", 1)
    assert "supplied nothing" in shell.refused("lend", "withdraw", 1)
    assert shell.json("ledger", "verify")["agrees"]


def test_what_it_refuses(bank: tuple[Shell, str, str]) -> None:
    shell, token, _ = bank
    assert "no market 2" in shell.refused("lend", "show", 2)
    assert "no market 2" in shell.refused("watch-position", 2, token)
    assert "more than 0" in shell.refused("watch-position", 1, token, "--every", 0)
    assert "percentage" in shell.refused("lend", "open", "KLP", token, "--limit", "much")
    assert "most_limit_bps" in shell.refused("lend", "open", "KLP", token, "--limit", "81")
    assert "an hour to 7 days" in shell.refused("lend", "open", "KLP", token, "--notice", "60")
    assert "no amount" in shell.refused("lend", "lock", 1, "0")


def test_a_market_that_asks_somebody_else_for_its_prices_is_shown_and_refused(bank: tuple[Shell, str, str]) -> None:
    """By what that says, a grain of collateral may be worth all that was supplied."""
    shell, token, _ = bank
    word = f"{10**48:064x}"  # any token is worth 10^12 of any other
    code = bytes.fromhex(f"604b600a5f39604b5ff37f{word}5f527f{word}60205260405ff3")
    where, key = (ledger.Deployment.load(shell.folder / "deployment.json"),
                  ledger.keys.load(shell.folder / "key.json", "correct horse"))  # fmt: skip
    with ledger.connect(shell.folder / "ledger.sqlite", key, where) as l:
        friend = ledger.keys.checksum(l.rpc.send(key, None, code)["contractAddress"])
        l.loans.open(ledger.finance.MarketTerms(token, l.token.address, friend))
    rows = shell.json("lend", "list")
    assert [row["valued by"] for row in rows] == ["the exchange", friend]
    for word in ("supply", "lock"):
        assert f"is worth what {friend} says" in shell.refused("lend", word, 2, "1")
    assert float(shell.json("lend", "show", 2)["price from"]) == 10**12
