"""The picture is that of the house as it is, and the walks name what exists."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/architecture.md"
STEP = re.compile(r"`([\w/]+\.(?:py|sol))`((?:,?(?: and)?\s+`[A-Za-z_][\w.]*`)+)")
WALKS = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.S | re.M)


def test_the_picture_is_fresh():
    spec = importlib.util.spec_from_file_location("floors", ROOT / "docs/floors.py")
    floors = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(floors)
    drawn = floors.draw(floors.floors())
    assert drawn == (ROOT / "docs/floors.svg").read_text(), "draw it again: python docs/floors.py"


def defined(file: Path) -> set[str]:
    """The functions, classes and methods of a Python file, and the functions and contracts of a Solidity one."""
    if file.suffix == ".sol":
        return set(re.findall(r"^\s*(?:function|contract|event) (\w+)", file.read_text(), re.M))
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{one.name}" for one in node.body if hasattr(one, "name")}
    return found


@pytest.mark.parametrize(("title", "text"), WALKS, ids=[title for title, _ in WALKS])
def test_every_file_and_function_of_a_walk_exists(title, text):
    for place in re.findall(r"`([\w/]+\.(?:py|sol))`", text):
        assert (ROOT / "src/klopf" / place).exists() or (ROOT / place).exists(), f"{title}: there is no {place}"
    steps = [(place, name) for place, names in STEP.findall(text) for name in re.findall(r"`([\w.]+)`", names)]
    assert len(steps) >= 8, f"{title}: a walk goes through at least eight functions"
    for place, name in steps:
        file = ROOT / "src/klopf" / place if (ROOT / "src/klopf" / place).exists() else ROOT / place
        assert name in defined(file), f"{title}: {place} has no {name}"
