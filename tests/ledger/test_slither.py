"""Every finding of Slither above informational is answered in docs/contracts.md."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.extras
def test_every_finding_is_answered(contracts: Path) -> None:
    slither = shutil.which("slither")
    if slither is None or shutil.which("node") is None or not (contracts / "node_modules").is_dir():
        pytest.skip("slither, node or the contracts' npm packages are not installed; see contracts/slither.py")
    spec = importlib.util.spec_from_file_location("run_slither", contracts / "slither.py")
    assert spec is not None and spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    found = tool.findings(slither)
    text = (contracts.parent / "docs" / "contracts.md").read_text()
    table = re.findall(r"^\| (High|Medium|Low) \| `([a-z-]+)` \| (\d+) \|", text, re.M)
    assert {(impact, check): int(count) for impact, check, count in table} == dict(found)
