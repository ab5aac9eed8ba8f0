"""The room's page tells the truth: its example runs, and it names every JSON-RPC method."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from klopf import chain
from klopf.chain.rpc import Rpc

PAGE = Path(__file__).parents[2] / "docs" / "chain.md"


def test_the_example_prints_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = re.search(r"```python\n(.*?)```\n\nprints `(.*?)` and `(.*?)`", PAGE.read_text(), re.DOTALL)
    assert example is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example[1], {})
    assert printed.getvalue().split("\n")[:2] == [example[2], example[3]]


def test_every_method_is_named(tmp_path: Path) -> None:
    text = PAGE.read_text()
    section = text[text.index("## JSON-RPC") : text.index("## Machines")]
    with chain.create(tmp_path / "chain.db", chain_id=1, dev=True) as opened:
        methods = set(Rpc(opened).methods)
    named = set()
    for prefix, listed in re.findall(r"`(\w+_)`: ([^.`]*)", section):
        named |= {
            prefix + name for name in re.findall(r"\b[a-z]\w+\b", re.sub(r"\(.*?\)", "", listed, flags=re.DOTALL))
        }
    elsewhere = {"eth_subscribe", "eth_unsubscribe", "eth_simulateV1"}  # a websocket's, and one that is not offered
    named |= set(re.findall(r"`(eth_\w+)`", section)) - elsewhere
    assert methods == named


@pytest.mark.slow
def test_the_benchmark_runs() -> None:
    command = [sys.executable, str(PAGE.parents[1] / "bench" / "chain.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "transfer, embedded" in done.stdout and "start" in done.stdout
