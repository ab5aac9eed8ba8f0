"""Every command in the documentation exists, and every command is documented; words, links and names lead somewhere."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from klopf.console.cli.command import COMMANDS

ROOT = Path(__file__).parent.parent
KLOPF = Path(sys.executable).with_name("klopf")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WORD = re.compile(r"^[a-z][a-z-]*$")


def commands(page: Path) -> set[tuple[str, ...]]:
    """The klopf commands in a page's code: their words, without arguments."""
    text = page.read_text()
    code = (
        "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M))
        + "\n"
        + "\n".join(re.findall(r"`([^`\n]+)`", text))
    )
    found = set()
    for line in re.findall(r"^(?:\$ |KLOPF_PASSPHRASE=\S+ )?klopf ([^\n#|>]*)", code, re.M):
        words = (
            [w for w in line.split() if WORD.match(w)][: 2 if line.split()[0] in GROUPS else 1] if line.split() else []
        )
        if words and line.split()[0] == words[0]:
            found.add(tuple(words))
    return found


GROUPS = {
    "audit",
    "proof",
    "keys",
    "chain",
    "bench",
    "ledger",
    "dao",
    "demand",
    "store",
    "device",
    "check",
    "lend",
    "pool",
    "twin",
}


@pytest.fixture(scope="module")
def known() -> set[tuple[str, ...]]:
    from klopf.console import make_app

    app = make_app()
    names = {(name,) for name in app if not name.startswith("-")}
    for (group,) in list(names):
        if group in GROUPS:
            names |= {(group, name) for name in app[group] if not name.startswith("-")}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_documented_commands_exist(page, known):
    assert commands(page) <= known


def test_every_command_is_documented(known):
    documented = set().union(*(commands(page) for page in PAGES))
    ours = {name for name in known if name[0] in COMMANDS.shipped}  # not those of packages beside Klopf
    assert {name for name in ours if name[0] not in GROUPS or len(name) == 2} <= documented


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_names_the_two_commands_and_make_knows_them():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.M)


def test_the_readmes_python_example_runs():
    example = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.S | re.M)
    assert example
    subprocess.run([sys.executable, "-c", example[1]], check=True, capture_output=True, timeout=120)


CODE = re.compile(r"\b[RMPLAFDZGETC][0-9]{1,2}\b")


def spoken(path: Path) -> str:
    """What a file says to its readers: a page whole, a program's docstrings and comments."""
    text = path.read_text()
    if path.suffix == ".md":
        return text
    if path.suffix == ".sol":
        return "\n".join(re.findall(r"//[^\n]*|/\*.*?\*/", text, re.S))
    docstrings = [
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return "\n".join([*docstrings, *re.findall(r"#.*", text)])


def test_every_code_is_in_the_glossary():
    defined = set(re.findall(r"^\| ([A-Z][0-9]+) \|", (ROOT / "docs/glossary.md").read_text(), re.M))
    files = [*PAGES, *(ROOT / "src").rglob("*.py"), *(ROOT / "contracts/src").rglob("*.sol")]
    used = {(code, path) for path in files for code in CODE.findall(spoken(path))}
    unknown = sorted(f"{code} in {path.relative_to(ROOT)}" for code, path in used if code not in defined)
    assert not unknown, f"docs/glossary.md does not define {', '.join(unknown)}"
