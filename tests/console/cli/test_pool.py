"""`klopf pool` from the outside: open, fill, look, swap, leave; what is shown is what comes; what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from klopf import ledger
from klopf.console.cli.coins import amount_of
from klopf.errors import LedgerError
from klopf.ledger._abi import FunctionABI, read_artifact
from klopf.ledger.finance import Coin
from tests.console.cli.test_ledger import Shell

ODD = Path(__file__).parents[2] / "ledger" / "finance" / "odd" / "Odd.json"


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A network with the pack and a filled pool of KLP and another token; that token's address."""
    made = Shell(tmp_path_factory.mktemp("pool"))
    key = ledger.keys.new()
    ledger.keys.save(key, made.folder / "key.json", "correct horse", light=True)
    made("ledger", "deploy")
    made("ledger", "add-pack", "finance")
    odd = read_artifact(ODD)
    with ledger.connect(
        made.folder / "ledger.sqlite", key, ledger.Deployment.load(made.folder / "deployment.json")
    ) as l:
        token = ledger.keys.checksum(l.rpc.send(key, None, odd.creation(()))["contractAddress"])
        l.send(token, odd.functions["mint"].call_data((key.address, 10**24)))
    assert "pool 1 of KLP" in made("pool", "open", "KLP", token)
    klp_first = made.json("pool", "list")[0]["first"] == "KLP"
    shown = made.json("pool", "add", 1, *(("100", "400") if klp_first else ("400", "100")))
    assert shown["sent"] and int(shown["shares"]) == 200 * 10**18 - 1000
    return made, token


def test_a_swap_is_shown_then_done(trading: tuple[Shell, str]) -> None:
    shell, token = trading
    seen = shell.json("pool", "swap", 1, "klp", "1", "--preview")
    assert not seen["sent"] and seen["gets"].startswith("3.948") and seen["kept by the pool"] == "0.003 KLP"
    key = ledger.keys.load(shell.folder / "key.json", "correct horse")
    with ledger.connect(
        shell.folder / "ledger.sqlite", key, ledger.Deployment.load(shell.folder / "deployment.json")
    ) as l:
        had = Coin(l, token).balance(key.address)
        done = shell.json("pool", "swap", 1, "KLP", "1")
        got = Coin(l, token).balance(key.address) - had
    assert done["sent"] and done["gets"] == seen["gets"] and amount_of(done["gets"].split()[0], 18) == got
    assert "every balance" in shell("ledger", "verify")


def test_prices_are_now_and_of_late(trading: tuple[Shell, str]) -> None:
    shell, token = trading
    found = shell.json("pool", "price", "KLP", token)
    assert float(found["now"]) == pytest.approx(4, rel=0.05) and found["low"] is None and found["high"] is None
    assert "none yet" in shell("pool", "price", token, "KLP")
    assert "TooYoung" in shell.refused("pool", "mark", 1)


def test_no_more_may_be_taken_than_was_shown(trading: tuple[Shell, str]) -> None:
    """Of the second amount much more is at hand than the price asks for: who moves the price has none of it."""
    shell, token = trading
    where = ledger.Deployment.load(shell.folder / "deployment.json")
    first = shell.json("pool", "list")[0]["tokens"].split()[0]
    shown = shell.json("pool", "add", 1, *(("90", "1") if first == token else ("1", "90")))["amounts"]
    taken = max(float(amount.split()[0]) for amount in shown)
    with ledger.connect(shell.folder / "ledger.sqlite", deployment=where) as l:
        me = ledger.keys.load(shell.folder / "key.json", "correct horse").address
        may = FunctionABI("allowance", ("address", "address"), ("uint256",))
        left = may.answer(l.rpc.call(token, may.call_data((me, l.exchange.address))))
    assert taken < 5 and left < 0.006 * taken * 10**18


def test_shares_are_given_up(trading: tuple[Shell, str]) -> None:
    shell, _ = trading
    part = shell.json("pool", "remove", 1, 10**18)
    assert part["sent"] and len(part["amounts"]) == 2
    assert "more than" in shell.refused("pool", "remove", 1, 10**21)
    assert not shell.json("pool", "remove", 1, "--preview")["sent"]


def test_what_it_refuses(trading: tuple[Shell, str]) -> None:
    shell, token = trading
    for amount in ("0", "1e3", "x", "0.0000000000000000001", "9" * 40):
        assert "no amount" in shell.refused("pool", "swap", 1, "KLP", amount, "--preview")
    assert "percentage" in shell.refused("pool", "swap", 1, "KLP", "1", "--slack", "100")
    assert "no pool 7" in shell.refused("pool", "swap", 7, "KLP", "1", "--preview")
    assert "AlreadyOpen" in shell.refused("pool", "open", token, "KLP")
    assert "no pool of" in shell.refused("pool", "price", "KLP", "0x" + "11" * 20)


def test_amounts_are_exact() -> None:
    assert amount_of("12.000001", 6) == 12_000_001
    with pytest.raises(LedgerError, match="no amount"):
        amount_of("12.0000001", 6)
