"""The recipes of CONTRIBUTING are taken from the package in examples/plugin, which is tested."""

import re
from pathlib import Path

import pytest

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
