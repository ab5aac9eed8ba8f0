"""docs/wire.md says what is true, and the benchmark runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from klopf import wire
from klopf.wire import _axon, _dendrite, _frame
from klopf.wire._codes import LIMITS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/wire.md").read_text()


def test_the_example_prints_what_the_page_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (said,) = re.findall(r"^prints `(.*)`\.$", PAGE, re.M)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == said, done.stderr


def test_every_code_is_documented() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", PAGE, re.M)
    assert {name: int(number) for name, number in rows} == {code.name: code.value for code in wire.Code}


def test_every_public_name_and_limit_is_the_page_s() -> None:
    assert _axon.SERVICE in PAGE
    for domain in (_frame.REQUEST_DOMAIN, _frame.ANSWER_DOMAIN):
        assert domain.decode().replace("\0", "\\0") in PAGE and len(domain) == 21
    flow = wire.Flow()
    assert (flow.skew, flow.lifetime, flow.max_size, flow.share) == (11, 600, 64 << 20, 64)
    assert (LIMITS.head, LIMITS.payload, LIMITS.unary, LIMITS.tensors, LIMITS.rank) == (
        1 << 17,
        1 << 16,
        1 << 20,
        64,
        8,
    )
    assert (_axon.PATIENCE, _axon.SLOWEST) == (10, 1 << 20)
    for test in re.findall(r"`(test_\w+)`", PAGE):
        assert any(f"def {test}(" in p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    assert _dendrite.Dendrite.__init__.__kwdefaults__["retries"] == 4


def test_the_benchmark_runs() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bench/wire.py", "--quick"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"\(\d+\.\d\d\)", done.stdout)) == 12


def test_strangers_cannot_fill_the_log() -> None:
    code = (
        "import os; os.environ.pop('GRPC_VERBOSITY', None); from klopf import wire; print(os.environ['GRPC_VERBOSITY'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "NONE\n"
