"""The documentation site: complete, and built without a warning."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def listed(page: Path) -> set[str]:
    """The pages that a page's tables of contents name."""
    tables = re.findall(r"^```{toctree}\n(.*?)^```", page.read_text(), re.S | re.M)
    lines = [line for table in tables for line in table.splitlines() if line and not line.startswith(":")]
    return {(page.parent / line).relative_to(DOCS).as_posix() for line in lines}


def test_every_page_is_in_a_table_of_contents():
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")}
    assert pages - {"index"} == listed(DOCS / "index.md") | listed(DOCS / "api/index.md")


def test_every_room_has_its_place_among_the_library_pages():
    shown = {
        name for page in (DOCS / "api").glob("*.md") for name in re.findall(r"automodule:: (\S+)", page.read_text())
    }
    home = ROOT / "src/klopf"
    rooms = {f"klopf.{path.stem}" for path in home.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"}
    assert rooms - {"klopf.__init__"} <= shown


@pytest.mark.extras  # it needs Sphinx
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", tmp_path / "trees", DOCS, tmp_path / "site"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "site/index.html").read_text()
    assert "must earn being listened to" in index
    outside = [
        found
        for page in (tmp_path / "site").rglob("*.html")
        for found in re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]*)"', page.read_text())
    ]
    assert not outside
