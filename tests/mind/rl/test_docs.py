"""The page says what is there, and its examples run."""

from __future__ import annotations

import contextlib
import io
import os
import re
from dataclasses import fields
from pathlib import Path

from klopf.mind.rl import AGENTS, WORLDS, AgentSettings

PAGE = (Path(__file__).parents[3] / "docs" / "rl.md").read_text()


def test_agents_options_and_worlds_are_named() -> None:
    for name in (*AGENTS, *(f.name for f in fields(AgentSettings))):
        assert re.search(rf"`{name}[`=]", PAGE) or f"`{name} (" in PAGE, name
    for name in WORLDS:
        assert name in PAGE


def test_the_examples_run(tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec("\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.S)), {})
    finally:
        os.chdir(here)
