"""`klopf reward` from the outside: shares that earn, a payment, what comes of both, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from klopf import chain, ledger
from klopf.ledger._abi import read_artifact
from tests.console.cli.test_ledger import Shell

ODD = Path(__file__).parents[2] / "ledger" / "finance" / "odd" / "Odd.json"
DAY = 24 * 3600


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str]:
    """A network whose owner (key.json) has a pool and has set both rates; the owner's address."""
    made = Shell(tmp_path_factory.mktemp("reward"))
    key, file = ledger.keys.new(), made.folder / "ledger.sqlite"
    ledger.keys.save(key, made.folder / "key.json", "correct horse", light=True)
    chain.create(file, chain_id=1337, dev=True).close()
    made("ledger", "deploy")
    made("ledger", "add-pack", "finance")
    odd = read_artifact(ODD)
    with ledger.connect(file, key, ledger.Deployment.load(made.folder / "deployment.json")) as l:
        token = ledger.keys.checksum(l.rpc.send(key, None, odd.creation(()))["contractAddress"])
        l.send(token, odd.functions["mint"].call_data((key.address, 10**24)))
        for which in (0, 1):
            l.reserves.set_rate(which, 100 * ledger.KLP)
    made("pool", "open", "KLP", token)
    made("pool", "add", 1, "1000", "1000")
    return made, key.address


def later(shell: Shell, days: int) -> None:
    where = ledger.Deployment.load(shell.folder / "deployment.json")
    with ledger.connect(shell.folder / "ledger.sqlite", deployment=where) as l:
        l.rpc.request("evm_increaseTime", hex(days * DAY))


def test_shares_and_payments_earn(town: tuple[Shell, str]) -> None:
    shell, me = town
    shell("reward", "weight", 1, 2)
    assert shell.json("reward", "stake", 1, "--preview")["a day KLP"] == "100"
    shell("reward", "stake", 1)
    seen = shell.json("reward", "pay", me, "500", "rent", "--preview")
    assert (seen["gets KLP"], seen["burnt KLP"], seen["comes back at most"]) == ("495", "5", "2.5")
    shell("reward", "pay", me, "500", "rent")
    later(shell, 2)
    assert shell.json("reward", "claim")["KLP"] != "0"  # of the day: it began to vest a day ago
    later(shell, 120)
    shell("reward", "claim")
    said = shell.json("reward", "show", me)
    assert said["liquidity, a day"] == "100" and said["pool 1"].startswith("weight 2")
    assert any("2.5 for circulation, 0 to claim" in str(value) for value in said.values())
    shell("reward", "unstake", 1)
    assert shell.json("ledger", "verify")["agrees"]


def test_what_it_refuses(town: tuple[Shell, str]) -> None:
    shell, me = town
    assert "0 shares of pool 1" in shell.refused("reward", "unstake", 1, "5")
    assert "TooSmall" in shell.refused("reward", "pay", me, "0.001")
    assert "from 0 to 65535" in shell.refused("reward", "weight", 1, 65536)
    assert "no amount" in shell.refused("reward", "stake", 1, "many")
