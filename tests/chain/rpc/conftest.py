"""A chain that is served by a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account

from klopf import chain

OWNER = Account.from_key(b"\x02" * 32)
CODE = """
import sys
from klopf import chain
page = ("http://localhost:3000",)
chain.serve(sys.argv[1], port=0, dev=sys.argv[2] == "dev", origins=page, ready=lambda u: print(u, flush=True))
"""


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Its file and its port; its one account, OWNER, has 10**18 wei. The page
    at http://localhost:3000 may ask it. With the parameter "dev" one for development."""
    path, kind = tmp_path / "served.db", getattr(request, "param", "ordinary")
    chain.create(path, chain_id=5, allocation={OWNER.address: 10**18}, dev=kind == "dev").close()
    process = subprocess.Popen([sys.executable, "-c", CODE, str(path), kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        yield str(path), int(url.rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def url(served: tuple[str, int]) -> str:
    """Its URL."""
    return f"http://127.0.0.1:{served[1]}"
