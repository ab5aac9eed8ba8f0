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


def test_the_example_of_ppo_learns_and_its_units_are_reborn(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gymnasium")
    assert runpy.run_path(str(ROOT / "examples/torch_ppo.py"))["main"](6 * 1024) > 60
    said = capsys.readouterr().out
    assert "policy.2.weight" in said and "left alone: policy.4: its units are the model's output" in said
    births = [int(one) for one in re.findall(r", (\d+) units were reborn", said)]
    assert births and births[-1] > 0


def test_the_lines_for_stable_baselines_find_its_units_and_have_some_reborn() -> None:
    pytest.importorskip("stable_baselines3")
    page = (ROOT / "docs/torch.md").read_text().split("## PPO of others")[1]
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.S | re.M)
    names: dict = {}
    exec(compile(code, "docs/torch.md", "exec"), names)
    layers = [one.layer for one in names["rule"].heard]
    assert [layer.units for layer in layers] == [64] * 4 and names["rule"].births > 0
    heard = {listener for layer in layers for listener in layer.listeners}
    assert {"policy.action_net", "policy.value_net"} < heard
