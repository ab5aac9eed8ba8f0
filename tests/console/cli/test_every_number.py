"""Every number that the owner of the rules may change, of every pack, is proposed and read from the command line."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from klopf import chain, ledger
from klopf.ledger._pack import Contract, contracts
from tests.console.cli.test_ledger import Shell

DAY = 24 * 3600
SOURCES = Path(__file__).parents[3] / "contracts" / "src"
OWNS_NO_NUMBERS = {"Token", "Jobs", "Directory", "Schema"}  # getOwner; who decides a dispute, adds packs, agrees once


def test_whatever_asks_for_the_owner_of_the_rules_says_what_it_may_change() -> None:
    asks = {p.stem for p in SOURCES.rglob("*.sol") if re.search(r"onlyOwner|\.owner\(\)", p.read_text())}
    told = {name for name, c in contracts().items() if c.owners_terms is not Contract.owners_terms}
    assert asks - OWNS_NO_NUMBERS == told


def another(name: str, value: str) -> str:
    """Another value within the range of a number."""
    if name == "guardian":
        return "0x" + "11" * 20
    if "," in value:
        first, *rest = value.split(",")
        return ",".join([first, *(f"{Decimal(part) * 2:f}" for part in rest)])
    if name == "AuditTerms.most":
        return str(int(value) - 1)
    if name.startswith("per_") or name == "milestone":
        return f"{Decimal(value) * 2:f}"
    return f"{Decimal(value) + 1:f}"


def test_the_dao_changes_all_of_them(tmp_path: Path) -> None:
    shell, key = Shell(tmp_path), ledger.keys.new()
    ledger.keys.save(key, shell.folder / "key.json", "correct horse", light=True)
    file = shell.folder / "ledger.sqlite"
    chain.create(file, chain_id=1337, dev=True).close()
    shell("ledger", "deploy", "--governed", "--set", "Beacon.least=150", "--set", "fewest=30")

    def wait(seconds: int) -> None:
        with ledger.connect(file, key, ledger.Deployment.load(shell.folder / "deployment.json")) as l:
            l.rpc.request("evm_increaseTime", hex(seconds))
            l.rpc.request("evm_mine")

    before = shell.json("ledger", "status")["rules"]
    assert (before["Beacon.least"], before["AuditTerms.fewest"], before["Reserves.liquidity"]) == ("150", "30", "0")
    wanted = {name: another(name, value) for name, value in before.items()}
    assert all(wanted[name] != before[name] for name in before)
    shell("dao", "delegate")
    wait(2)
    sets = [word for name, value in wanted.items() for word in ("--set", f"{name}={value}")]
    proposal = shell.json("dao", "propose", "everything", *sets)["proposal"]
    (row,) = shell.json("dao", "list")
    assert sorted(line.partition(":")[0] for line in row["changes"]) == sorted(wanted)
    wait(DAY + 1)
    shell("dao", "vote", proposal, "for")
    wait(7 * DAY + 1)
    shell("dao", "queue", proposal)
    wait(2 * DAY + 1)
    shell("dao", "execute", proposal)
    with ledger.connect(file, key, ledger.Deployment.load(shell.folder / "deployment.json")) as l:
        l.clock.start()
        for _ in range(2):
            l.rpc.request("evm_increaseTime", hex(121))
            l.rpc.request("evm_mine")
            assert l.clock.advance()
        l.emission.roll()
    assert shell.json("ledger", "status")["rules"] == wanted
    assert shell.json("ledger", "verify")["agrees"]


def test_a_name_that_two_contracts_have_is_said_with_the_contracts() -> None:
    from klopf.console.cli.access import apply_changes
    from klopf.errors import LedgerError

    records = {"AuditTerms": ledger.AuditTerms(), "Other": ledger.AuditTerms(fewest=3)}
    with pytest.raises(LedgerError, match=r"say AuditTerms\.fewest or Other\.fewest"):
        apply_changes(["fewest=5"], records)
    changed = apply_changes(["Other.fewest=5", "Other.deposit=1.5"], records)
    assert changed == {"AuditTerms": ledger.AuditTerms(), "Other": ledger.AuditTerms(fewest=5, deposit=15 * 10**17)}
    with pytest.raises(LedgerError, match=r"there is no rule 'Nobody\.fewest'"):
        apply_changes(["Nobody.fewest=5"], records)
