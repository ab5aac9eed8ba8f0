"""The shipped artifacts are those of the sources; where npm's packages are there, a rebuild gives the same bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from klopf.ledger import _abi


def test_artifacts_are_fresh(contracts: Path) -> None:
    sources = _abi.build_record()["sources"]
    ours = {
        f"src/{p.relative_to(contracts / 'src')}": sha256(p.read_bytes()).hexdigest()
        for p in (contracts / "src").rglob("*.sol")
    }
    assert {path: digest for path, digest in sources.items() if path.startswith("src/")} == ours, "run `make contracts`"


def test_artifacts_are_fresh_for_the_locked_library(contracts: Path) -> None:
    lock = json.loads((contracts / "package-lock.json").read_text())["packages"]
    record = _abi.build_record()
    assert record["compiler"].startswith(lock["node_modules/solc"]["version"] + "+")
    assert record["settings"]["evmVersion"] == "cancun"
    library = contracts / "node_modules" / "@openzeppelin"
    if not library.is_dir():
        pytest.skip("the contracts' npm packages are not installed; run `make contracts`")
    for path, digest in record["sources"].items():
        if path.startswith("@"):
            assert sha256((contracts / "node_modules" / path).read_bytes()).hexdigest() == digest


def test_the_lock_file_names_no_machine(contracts: Path) -> None:
    text = (contracts / "package-lock.json").read_text()
    assert "resolved" not in text and "/work" not in text and "file:" not in text


@pytest.mark.slow
@pytest.mark.extras
def test_a_rebuild_gives_fresh_artifacts_of_the_same_bytes(contracts: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (contracts / "node_modules").is_dir():
        pytest.skip("node or the contracts' npm packages are not installed; run `make contracts`")
    subprocess.run([node, "build.mjs", "src", str(tmp_path / "out")], cwd=contracts, check=True, capture_output=True)
    shipped = Path(_abi.__file__).parent / "artifacts"
    made = {p.relative_to(tmp_path / "out"): p.read_bytes() for p in (tmp_path / "out").rglob("*.json")}
    assert made == {p.relative_to(shipped): p.read_bytes() for p in shipped.rglob("*.json")}


def test_contracts_stay_small_enough_to_read(contracts: Path) -> None:
    lengths = {p.name: len(p.read_text().splitlines()) for p in (contracts / "src").rglob("*.sol")}
    assert max(lengths.values()) <= 340, lengths
