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


@pytest.mark.slow
@pytest.mark.extras
@pytest.mark.timeout(3600)
def test_all_is_proven_and_every_bug_refuted(proofs: ModuleType, contracts: Path) -> None:
    if not all(map(shutil.which, ("halmos", "node"))) or not (contracts / "node_modules").is_dir():
        pytest.skip("halmos, node or the contracts' npm packages are not installed; see contracts/proofs.py")
    wrong = [row for row in proofs.results(quick=False) if not row["holds"]]
    assert not wrong
