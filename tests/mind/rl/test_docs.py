"""The page says what is there, and its examples run."""

from __future__ import annotations

import contextlib
import io
import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from klopf.mind.rl import AGENTS, WORLDS, AgentSettings

PAGE = (Path(__file__).parents[3] / "docs" / "rl.md").read_text()


def test_agents_options_and_worlds_are_named() -> None:
    for name in (*AGENTS, *(f.name for f in fields(AgentSettings))):
        assert re.search(rf"`{name}[`=]", PAGE) or f"`{name} (" in PAGE, name
    for name in WORLDS:
        assert name in PAGE


@pytest.mark.parametrize("number", range(len(re.findall(r"```python\n", PAGE))))
def test_each_example_runs_by_itself(number: int, tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(re.findall(r"```python\n(.*?)```", PAGE, re.S)[number], {})
    finally:
        os.chdir(here)
