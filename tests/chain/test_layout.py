"""The room's files: none too long, no function too long, none that import each other, all imports absolute."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src"
FILES = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in (ROOT / "klopf" / "chain").rglob("*.py")}
KERNELS = {("klopf.chain.machine._interpreter", "run")}  # says why in its file


def test_files_and_functions_are_short() -> None:
    for name, path in FILES.items():
        text = path.read_text()
        assert len(text.splitlines()) <= 500, name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (name, node.name) not in KERNELS:
                assert (node.end_lineno or 0) - node.lineno < 120, f"{name}.{node.name}"


def imported(path: Path) -> set[str]:
    """Files of the room that a file imports, those for types only and inside functions included."""
    out = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                for module in (whole, f"{whole}.__init__", str(node.module), f"{node.module}.__init__"):
                    if module in FILES:
                        out.add(module)
                        break
    return out


def test_no_two_files_import_each_other() -> None:
    graph = {name: imported(path) for name, path in FILES.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " → ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())
