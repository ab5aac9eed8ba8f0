"""The recipes of CONTRIBUTING are taken from the package in examples/plugin, which is tested."""

import importlib
import inspect
import re
from pathlib import Path
from textwrap import dedent

import pytest

from klopf import checks
from klopf.audit import AuditTask
from klopf.console import Command
from klopf.console.web import View
from klopf.doors import Door
from klopf.ledger.packs import Pack
from klopf.mind import Problem, Stage
from klopf.mind.kernels.part import Life, Rule
from klopf.network import Panel
from klopf.peers import Model
from klopf.twin import Sector

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"^<!-- (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.S | re.M)


@pytest.mark.parametrize(("place", "block"), BLOCKS, ids=[f"{i} {place}" for i, (place, _) in enumerate(BLOCKS)])
def test_a_recipe_shows_what_is_there(place, block):
    """In order; a line of three dots leaves something out."""
    text, at = (ROOT / place).read_text(), 0
    for part in re.split(r"^\.\.\.\n", block, flags=re.M):
        found = text.find(part, at)
        assert found >= 0, f"{place} does not have, in this place:\n{part}"
        at = found + len(part)


def test_there_is_a_recipe_for_each_point():
    groups = set(re.findall(r'^\[project.entry-points."(klopf\.\w+)"\]', PAGE, re.M))
    shown = set(re.findall(r'"(klopf\.\w+)"\]', (ROOT / "examples/plugin/pyproject.toml").read_text()))
    points = {
        found
        for path in (ROOT / "src/klopf").rglob("*.py")
        for found in re.findall(r'= Point\(\s*"(klopf\.\w+)"', path.read_text())
        if path.name != "extensions.py"
    }
    assert points <= groups == shown


def _recipe(base):
    """The longest block of code in the docstring of a base class."""
    blocks = re.findall(r"::\n\n((?: +.*\n|\n)+)", inspect.getdoc(base) + "\n")
    return dedent(max(blocks, key=len))


@pytest.mark.parametrize(
    "base", [AuditTask, Command, Door, Life, Model, Pack, Panel, Problem, Rule, Sector, Stage, View]
)
def test_a_recipe_says_where_everything_is_imported_from(base):
    text = _recipe(base)
    names = {name for line in re.findall(r"^ *from klopf\S* import (.+)$", text, re.M) for name in line.split(", ")}
    assert re.search(rf"\({base.__name__}\)", text) and base.__name__ in names
    for line in re.findall(r"^ *from klopf\S* import .+$", text, re.M):
        exec(line.strip())


@pytest.mark.parametrize(("base", "name"), [(Rule, "AdaGrad"), (Life, "Unheard")])
def test_the_recipe_of_a_rule_and_of_a_life_keep_their_promises(base, name, tmp_path, monkeypatch):
    (tmp_path / f"recipe_{name.lower()}.py").write_text(_recipe(base))
    monkeypatch.syspath_prepend(tmp_path)
    check = checks.check_rule if base is Rule else checks.check_life
    check(f"recipe_{name.lower()}:{name}")


def test_the_recipe_of_a_stage_keeps_its_promises(tmp_path, monkeypatch):
    (tmp_path / "recipe_stage.py").write_text(_recipe(Stage))
    monkeypatch.syspath_prepend(tmp_path)
    checks.check_stage(importlib.import_module("recipe_stage").Changes(3))
