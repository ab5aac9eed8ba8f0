"""What a contributor is given: hooks that check what `make lint` checks, with nothing fetched."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOOKS = ROOT / ".pre-commit-config.yaml"


def test_the_hooks_are_valid_local_and_those_of_make_lint():
    program = Path(sys.executable).with_name("pre-commit")
    done = subprocess.run([program, "validate-config", HOOKS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = HOOKS.read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    assert set(re.findall(r"language: (\S+)", text)) == {"unsupported"}  # the machine's own: nothing is installed
    tools = re.findall(r"entry: \.venv/bin/(\S+)", text)
    lint = re.search(r"^lint:.*?\n\n", (ROOT / "Makefile").read_text(), re.S | re.M)
    assert lint and set(tools) <= set(re.findall(r"\$\(BIN\)/(\S+)", lint[0]))
