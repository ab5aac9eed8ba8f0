"""Run Slither over src/ with the compiler of package.json, which comes from npm, not from the network.

``pip install slither-analyzer`` (AGPL: a tool of its own environment, no dependency of Klopf), then
``python contracts/slither.py``. Prints how many findings each detector has in our own sources, above informational; the
answers are in docs/contracts.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
OUTPUT = ["abi", "devdoc", "userdoc", "evm.methodIdentifiers"]
"""Slither reads the syntax tree: no code is made of it, which would take minutes (``solc.cjs`` says there is none)."""


def sources(files: Iterable[Path]) -> dict[str, str]:
    """These sources and all that they import, by path, the libraries included."""
    found: dict[str, str] = {}
    waiting = [str(p.relative_to(HERE)) for p in files]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        file = HERE / ("node_modules" if path.startswith("@") else ".") / path
        found[path] = file.read_text()
        for target in re.findall(r'^import[^;]*?"([^"]+)";', found[path], re.M | re.S):
            waiting.append(target if target.startswith("@") else os.path.normpath(Path(path).parent / target))
    return found


def findings(slither: str) -> Counter[tuple[str, str]]:
    """(impact, detector) and how often, in our own sources. RuntimeError where Slither failed."""
    settings = {
        "evmVersion": "cancun",
        "viaIR": True,
        "optimizer": {"enabled": True, "runs": 200},
        "outputSelection": {"*": {"*": OUTPUT, "": ["ast"]}},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in (all_ := sources(sorted((HERE / "src").rglob("*.sol")))).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        content = {path: {"content": text} for path, text in all_.items()}
        (folder / "input.json").write_text(
            json.dumps({"language": "Solidity", "sources": content, "settings": settings})
        )
        command = [slither, "input.json", "--compile-force-framework", "solc-json", "--solc", str(HERE / "solc.cjs")]
        command += ["--exclude-informational", "--exclude-optimization", "--filter-paths", "@openzeppelin"]
        done = subprocess.run([*command, "--json", "out.json"], cwd=folder, capture_output=True, text=True)
        if not (folder / "out.json").exists():
            raise RuntimeError(f"slither failed: {done.stderr[-500:]}")
        report = json.loads((folder / "out.json").read_text())
    return Counter((r["impact"], r["check"]) for r in report["results"]["detectors"])


def main() -> None:
    slither = shutil.which("slither")
    if slither is None:
        sys.exit("slither is not installed: pip install slither-analyzer, in an environment of its own")
    for (impact, check), count in sorted(findings(slither).items()):
        print(f"{impact:<8}{check:<22}{count:>4}")


if __name__ == "__main__":
    main()
