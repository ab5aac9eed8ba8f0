"""The house stands: floors, public surface, light imports."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = sorted(p.parent.name for p in (ROOT / "src/klopf").glob("*/__init__.py"))


def test_no_room_imports_upward():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_readme_and_an_explicit_surface(room):
    assert (ROOT / "src/klopf" / room / "README.md").read_text().startswith(f"# {room}")
    module = importlib.import_module(f"klopf.{room}")
    names = list(module.__all__)  # sorted, or constants before classes before functions as ruff sorts them
    by_kind = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert names in (sorted(names), sorted(names, key=str.lower), by_kind)
    for name in module.__all__:
        assert getattr(module, name) is not None


def fresh(code: str) -> str:
    """What a fresh interpreter prints for ``code``."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_klopf_loads_nothing_heavy():
    heavy = ["numpy", "numba", "sklearn", "scipy", "web3", "eth", "grpc", "rich", "pydantic", "starlette"]
    loaded = fresh(f"import sys, klopf; print([m for m in {heavy!r} if m in sys.modules])")
    assert loaded == "[]"


def test_a_mind_needs_neither_network_nor_chain():
    unwanted = ["grpc", "web3", "eth", "sklearn", "klopf.wire", "klopf.ledger", "klopf.chain"]
    loaded = fresh(
        f"import sys; from klopf import mind; mind.Mind; print([m for m in {unwanted!r} if m in sys.modules])"
    )
    assert loaded == "[]"
