"""Conservation and solvency of the money, proven; and each proof is refuted where a bug is planted."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def proofs(contracts: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("proofs", contracts / "proofs.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_every_proof_has_a_bug_that_it_must_refute(proofs: ModuleType, contracts: Path) -> None:
    """And every bug is a change of one place of the sources as they are, and of a check that there is."""
    assert {bug.proof for bug in proofs.BUGS} == set(proofs.PROOFS)
    assert {path.stem for path in (contracts / "proofs").glob("*Proof.sol")} == set(proofs.PROOFS)
    for bug in proofs.BUGS:
        assert (contracts / "src" / bug.source).read_text().count(bug.old) == 1, bug
        assert f"function {bug.check}(" in (contracts / "proofs" / f"{bug.proof}.sol").read_text(), bug


def test_what_has_no_answer_is_named_and_nothing_else_may_be_without(proofs: ModuleType, contracts: Path) -> None:
    for check in proofs.OPEN:
        contract, _, name = check.partition(".")
        assert f"function check_{name}(" in (contracts / "proofs" / f"{contract}Proof.sol").read_text()
    assert {bug.old for bug in proofs.BUGS} >= set(proofs.OPEN_BUGS)
    page = (contracts.parent / "docs" / "contracts.md").read_text()
    table = {line.split("`")[1]: line for line in page.split("## Proofs")[1].split("\n") if line.startswith("| `")}
    for check in proofs.OPEN:  # and the page says so
        contract, _, name = check.partition(".")
        assert f"`{name}`" in table[contract].partition("no answer")[2]

    def row(what: str, asked: str, measured: str) -> dict[str, object]:
        return {"what": what, "asked": asked, "measured": measured, "unit": "", "holds": asked == measured}

    planted = proofs.row_of(next(bug for bug in proofs.BUGS if bug.check == "check_redeem"))
    fine = [row("Token.burn", "proven", "proven"), row("Jobs.paySplit", "proven", "unknown")]
    assert proofs.wrong([*fine, row(planted, "refuted", "unknown")]) == []
    for bad in (
        row("Token.burn", "proven", "unknown"), row("Jobs.paySplit", "proven", "refuted"),
        row(planted, "refuted", "proven"), row("Vouchers.redeem", "proven", "proven"),
    ):  # fmt: skip
        assert len(proofs.wrong([*fine, bad])) == 1


@pytest.mark.slow
@pytest.mark.extras
@pytest.mark.timeout(3600)
def test_all_but_what_is_open_is_proven_and_every_bug_refuted(proofs: ModuleType, contracts: Path) -> None:
    if not all(map(shutil.which, ("halmos", "node"))) or not (contracts / "node_modules").is_dir():
        pytest.skip("halmos, node or the contracts' npm packages are not installed; see contracts/proofs.py")
    assert proofs.wrong(proofs.results(quick=False)) == []
