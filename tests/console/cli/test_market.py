"""`klopf market` from the outside: a device that is sold, auctioned and wanted, and what it refuses."""

from __future__ import annotations

import pytest

from klopf import chain, ledger
from tests.console.cli.test_ledger import Shell

DAY = 24 * 3600


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, int]:
    """A network with the pack, whose owner (key.json) has a device, and somebody with money (other.json)."""
    made = Shell(tmp_path_factory.mktemp("market"))
    people = {name: ledger.keys.new() for name in ("key", "other")}
    for name, key in people.items():
        ledger.keys.save(key, made.folder / f"{name}.json", "correct horse", light=True)
    file = made.folder / "ledger.sqlite"
    chain.create(file, chain_id=1337, dev=True).close()
    made("ledger", "deploy")
    made("ledger", "add-pack", "finance")
    with ledger.connect(file, people["key"], ledger.Deployment.load(made.folder / "deployment.json")) as l:
        l.fund(people["other"].address, tokens=1000 * ledger.KLP)
        device = l.devices.mint(ledger.keys.new(), 4, 1, 1024, bytes(32))
    return made, device


def later(shell: Shell, days: int) -> None:
    where = ledger.Deployment.load(shell.folder / "deployment.json")
    with ledger.connect(shell.folder / "ledger.sqlite", deployment=where) as l:
        l.rpc.request("evm_increaseTime", hex(days * DAY))


def test_a_device_is_sold_auctioned_and_wanted(fair: tuple[Shell, int]) -> None:
    shell, device = fair
    thing, other = f"device:{device}", ("--key", "other.json")
    assert not shell.json("market", "offer", thing, "10", "--falls-to", "4", "--preview")["sent"]
    assert shell.json("market", "offer", thing, "10")["offer"] == 1
    (row,) = shell.json("market", "list")
    assert (row["what"], row["KLP"], row["how"]) == (thing, "10", "fixed")
    assert not shell.json("market", "buy", 1, "--preview", *other)["sent"]
    shell("market", "buy", 1, *other)
    assert "sold, or over" in shell.refused("market", "buy", 1)
    assert shell.json("market", "offer", thing, "20", "--auction", "--days", "1", *other)["offer"] == 2
    assert "least bid that counts is 20" in shell.refused("market", "bid", 2, "19")
    shell("market", "bid", 2, "20")
    shell("market", "bid", 2, "30")
    shell("market", "collect")
    assert "NotTraded" in shell.refused("market", "settle", 2)
    later(shell, 2)
    shell("market", "settle", 2)
    assert shell.json("market", "want", "device:any", "5", *other)["request"] == 1
    assert not shell.json("market", "fill", 1, device, "--preview")["sent"]
    shell("market", "fill", 1, device)
    assert shell.json("market", "list") == [] and len(shell.json("market", "list", "--all")) == 3
    shell("market", "want", "device:any", "5")
    shell("market", "cancel", 2)
    assert shell.json("ledger", "verify")["agrees"]


def test_what_it_refuses(fair: tuple[Shell, int]) -> None:
    shell, _ = fair
    assert "nothing that is traded" in shell.refused("market", "offer", "car:1", "10")
    assert "nothing that is traded" not in shell.refused("market", "offer", "model:1:5", "10")
    assert "up to 100" in shell.refused("market", "want", "model:1:101", "10")
    assert "falls to less" in shell.refused("market", "offer", "device:1", "10", "--falls-to", "11")
    assert "no offer 9" in shell.refused("market", "buy", 9)
    assert "no request 9" in shell.refused("market", "fill", 9, 1)
    assert "sold or over" in shell.refused("market", "cancel", 9)
    assert "no bid of yours" in shell.refused("market", "collect")
