"""Bring anvil, the second chain that the ledger's tests run over, from npm into ``tests/.anvil``. Prints one line.

Without npm, or without the registry, it says so and exits 0: the tests that need anvil are then skipped.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parent / ".anvil"
PACKAGE = "@foundry-rs/anvil@1.7.1"


def binary() -> Path | None:
    """The anvil program itself (not npm's launcher, so that ending the process ends anvil), or None."""
    name = "anvil.exe" if sys.platform == "win32" else "anvil"
    for candidate in sorted(HOME.glob(f"node_modules/@foundry-rs/anvil-*/bin/{name}")):
        return candidate
    return None


def version() -> str:
    """The version that is installed, as npm names it."""
    package = HOME / "node_modules" / "@foundry-rs" / "anvil" / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.exists() else "unknown"


def main() -> int:
    """Install it where it is missing."""
    if binary() is not None:
        print(f"anvil {version()} is here already")
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print("no npm here: the tests over anvil will be skipped (install Node.js to run them)")
        return 0
    HOME.mkdir(exist_ok=True)
    (HOME / "package.json").write_text('{"private": true}\n')
    command = [npm, "install", "--loglevel=error", "--no-audit", "--no-fund", "--prefix", str(HOME), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print("the npm registry did not answer in 300 s: the tests over anvil will be skipped")
        return 0
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[0] if lines else f"npm exit status {done.returncode}"
        print(f"npm could not bring anvil ({reason}): the tests over anvil will be skipped")
        return 0
    if binary() is None:
        print(
            f"npm brought no anvil for {platform.system()} {platform.machine()}: the tests over anvil will be skipped"
        )
        return 0
    print(f"anvil {version()} installed in {HOME}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
