"""What the page and the example for PyTorch's users say is what happens."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from klopf.extras import missing

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.extras, pytest.mark.skipif(bool(missing("torch")), reason='needs pip install "klopf[torch]"')
]  # fmt: skip


def test_the_page_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/torch.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```\n\nprints `2`", page, re.S | re.M)
    exec(compile(code, "docs/torch.md", "exec"), {})
    assert capsys.readouterr().out == "2\n"


def test_the_page_names_every_rule() -> None:
    from klopf.mind import torch as room

    page = (ROOT / "docs/torch.md").read_text()
    rules = [
        name
        for name in room.__all__
        if isinstance(getattr(room, name), type) and issubclass(getattr(room, name), room.Rule)
    ]
    assert len(rules) == 7 and all(f"`{name}`" in page for name in rules if name != "Rule")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples/torch_loop.py"))["main"](2)
    said = capsys.readouterr().out
    assert "task 2: " in said and "4.weight" in said
