"""The pages say what is there, and their examples run."""

from __future__ import annotations

import contextlib
import io
import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from klopf.console import make_app
from klopf.mind import LEARNERS, Settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "mind.md").read_text()
RIVALS = (DOCS / "mind" / "rivals.md").read_text()


def test_every_learner_has_its_section() -> None:
    headings = " ".join(re.findall(r"^#+ (.*)$", RIVALS + PAGE, re.M)).lower()
    for name in LEARNERS:
        assert name in headings, name


def test_every_setting_is_named() -> None:
    for field in fields(Settings):
        assert f"`{field.name}`" in PAGE + RIVALS or f"`{field.name}=" in PAGE + RIVALS, field.name


def test_every_benchmark_is_named() -> None:
    for name in ("regression", "permuted", "binary-tasks", "class-incremental", "growth", "speed"):
        assert name in PAGE
        assert make_app("bench")["bench"][name] is not None


@pytest.mark.parametrize("number", range(len(re.findall(r"```python\n", PAGE))))
def test_each_example_runs_by_itself(number: int, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(blocks[number], {})
    finally:
        os.chdir(here)


def test_no_placeholder_is_left() -> None:
    assert not re.search(r"^[A-Z_]{5,}$", PAGE, re.M)


STAGES = (DOCS / "mind-stages.md").read_text()


@pytest.mark.parametrize("number", range(len(re.findall(r"```python\n", STAGES))))
def test_the_stages_examples_run(number: int) -> None:
    exec(re.findall(r"```python\n(.*?)```", STAGES, re.S)[number], {})


INTERFACES = (DOCS / "mind-interfaces.md").read_text()


@pytest.mark.parametrize("number", range(len(re.findall(r"```python\n", INTERFACES))))
def test_the_interfaces_examples_run(number: int) -> None:
    pytest.importorskip("river")
    pytest.importorskip("sklearn")
    exec(re.findall(r"```python\n(.*?)```", INTERFACES, re.S)[number], {})
