"""The house stands: floors, no circles, small files, public surface, light imports."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
ROOMS = sorted(p.parent.name for p in (SRC / "klopf").glob("*/__init__.py"))
LONGEST_FUNCTION, LONGEST_FILE = 120, 500


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def written(*folders: str) -> list[Path]:
    """Every Python file in ``folders`` that somebody wrote: all but what ``wire/_pb`` generates."""
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py") if "_pb" not in p.parts)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


def test_no_room_imports_upward():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def source(path: Path, node: ast.ImportFrom) -> str:
    """The module that ``from ... import`` in a file names, relative or not."""
    above = path.relative_to(SRC).parts[: -node.level or None] if node.level else ()
    return ".".join((*above, *((node.module,) if node.module else ())))


def imported(path: Path, files: dict[str, Path]) -> set[str]:
    """The modules among ``files`` that a file imports: at its top, inside functions and for types only."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{source(path, node)}.{alias.name}" for alias in node.names}
            found |= whole if whole <= set(files) else whole | {source(path, node)}
    return found & set(files) - {module(path)}


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules each of which leads to every other one of its group."""

    def led_to(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            ahead += (new := imports[ahead.pop()] - seen)
            seen |= new
        return seen

    reach = {one: led_to(one) for one in imports}
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in imports if a in reach[a]}
    return sorted((set(group) for group in groups), key=sorted)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [{"b", "c"}]


def test_no_two_files_need_each_other():
    """Not even for types: what two files both need is a third one below them, an abstract class or a plain record."""
    files = {module(path): path for path in written("src")}
    found = [sorted(group) for group in circles({one: imported(path, files) for one, path in files.items()})]
    assert not found, f"{found[0]} import each other: move what both need into a file below them, or pass it in"


def test_imports_say_the_whole_name():
    relative = [
        f"{name(path)}:{node.lineno}"
        for path in written("src")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative, f"write `from klopf.room.file import ...`: {', '.join(relative)}"


def is_kernel(path: Path) -> bool:
    """Compiled whole by Numba, which joins passes only where it can see them; or a machine's loop that says so."""
    why = " ".join((ast.get_docstring(tree(path)) or "").split())
    return path.name.startswith("_k_") or "kernels" in path.parts or "is one long function on purpose" in why


def test_no_function_is_too_long_to_read():
    long = [
        f"{name(path)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1}"
        for path in written("src", "bench", "tests", "examples")
        if not is_kernel(path)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long, f"more than {LONGEST_FUNCTION} lines in one function: {'; '.join(long)}"


def test_a_long_file_says_why_it_is_one_file():
    long = [
        f"{name(path)} has {lines}"
        for path in written("src", "bench", "tests", "examples")
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
        if "One file because" not in " ".join((ast.get_docstring(tree(path)) or "").split())
    ]
    assert not long, f"split it, or say in its docstring 'One file because ...': {'; '.join(long)}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_readme_and_an_explicit_surface(room):
    assert (SRC / "klopf" / room / "README.md").read_text().startswith(f"# {room}")
    module = importlib.import_module(f"klopf.{room}")
    names = list(module.__all__)  # sorted, or constants before classes before functions as ruff sorts them
    by_kind = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert names in (sorted(names), sorted(names, key=str.lower), by_kind)
    for name in module.__all__:
        assert getattr(module, name) is not None


def said_in_public(path: Path) -> set[str]:
    """The names without underscore that a file defines at its top or, in a room's ``__init__``, passes on."""
    found: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and path.name == "__init__.py" and source(path, node).startswith("klopf"):
            used = {one.id for one in ast.walk(tree(path)) if isinstance(one, ast.Name)}
            found |= {alias.asname or alias.name for alias in node.names} - used
    return {one for one in found if not one.startswith("_")}


# The console's files are public by their names only: what it offers is commands. So are the kernels, but for what rules
# and lives from outside are made of.
PUBLIC = {
    module(path): path
    for path in written("src")
    if not any(part.startswith("_") for part in module(path).split("."))
    if not module(path).startswith(("klopf.console.", "klopf.mind.kernels.")) or module(path).endswith(".part")
}


def test_what_is_public_is_in_all_and_nothing_else():
    for one, path in PUBLIC.items():
        listed = set(getattr(importlib.import_module(one), "__all__", ()))
        assert said_in_public(path) <= listed, (
            f"{one}: {sorted(said_in_public(path) - listed)} can be reached and are not in __all__: "
            "name them there or begin them with an underscore"
        )


def test_public_names_are_added_and_removed_on_purpose():
    """Others build on them. docs/public-names.txt has them all, as of this release."""
    lines = (ROOT / "docs/public-names.txt").read_text().splitlines()
    known = {line for line in lines if line and not line.startswith("#")}
    now = {
        f"{one}.{public}"
        for one, path in PUBLIC.items()
        for public in getattr(importlib.import_module(one), "__all__", ())
    }
    added, removed = sorted(now - known), sorted(known - now)
    assert now == known, f"if this is meant, change docs/public-names.txt: add {added}, remove {removed}"


def fresh(code: str) -> str:
    """What a fresh interpreter prints for ``code``."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_klopf_loads_nothing_heavy():
    heavy = ["numpy", "numba", "sklearn", "scipy", "web3", "eth", "grpc", "rich", "pydantic", "websockets"]
    loaded = fresh(f"import sys, klopf; print([m for m in {heavy!r} if m in sys.modules])")
    assert loaded == "[]"


def test_a_mind_needs_neither_network_nor_chain():
    unwanted = ["grpc", "web3", "eth", "sklearn", "klopf.wire", "klopf.ledger", "klopf.chain"]
    loaded = fresh(
        f"import sys; from klopf import mind; mind.Mind; print([m for m in {unwanted!r} if m in sys.modules])"
    )
    assert loaded == "[]"
