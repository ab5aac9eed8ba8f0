"""What the documentation shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def test_the_example_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "ledger.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.S)
    assert example is not None
    monkeypatch.chdir(tmp_path)
    exec(compile(example.group(1), "docs/ledger.md", "exec"), {})
    printed = capsys.readouterr().out.split("\n")
    said = re.search(r"prints `(.*?)` and `(.*?)`", page)
    assert said is not None
    assert printed[:2] == list(said.groups())


def test_the_gas_table_is_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every operation of the table in docs. Payments within the same second save slots: up to a twentieth."""
    import importlib.util
    import tempfile

    monkeypatch.syspath_prepend(DOCS.parent / "bench")  # what benchmarks share stands there
    spec = importlib.util.spec_from_file_location("gas", DOCS.parent / "bench" / "gas.py")
    assert spec is not None and spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    with tempfile.TemporaryDirectory() as folder:
        measured = bench.play(Path(folder), 8)
    table = dict(re.findall(r"^(\S.*?)\s{2,}([\d,]+)$", (DOCS / "contracts.md").read_text(), re.M))
    grown = {name for name in table if name.endswith(" auditors")}  # which takes minutes: test_sortition.py, slow
    assert table.keys() - grown == measured.keys()
    for name, gas in measured.items():
        assert int(table[name].replace(",", "")) == pytest.approx(gas, rel=0.1), name
