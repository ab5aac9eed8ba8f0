"""The wheel as a user gets it: built, and used beside nothing but what it asks for.

Nothing is fetched. What the wheel asks for is linked, package by package, from where the tests run.
"""

import os
import re
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


def needed(requires: list[str], extra: str = "") -> set[str]:
    """The names of all distributions that these requirements bring, through those of theirs."""
    found: set[str] = set()
    ahead = [(Requirement(line), extra) for line in requires]
    while ahead:
        wanted, asked = ahead.pop()
        if (wanted.marker and not wanted.marker.evaluate({"extra": asked})) or wanted.name in found:
            continue
        found.add(wanted.name)
        lines = distribution(wanted.name).requires or []
        ahead += [(Requirement(line), one) for line in lines for one in (wanted.extras or {""})]
    return found


def link(name: str, site: Path) -> None:
    """Make one installed distribution importable from ``site``."""
    installed = distribution(name)
    for top in {Path(str(file)).parts[0] for file in installed.files or []} - {"..", "__pycache__"}:
        source = Path(str(installed.locate_file(top)))
        if source.exists() and not (site / top).exists():
            (site / top).symlink_to(source)


@pytest.fixture(scope="module")
def user(tmp_path_factory) -> Path:
    """The folder of programs of an environment with the wheel and what it asks for, and nothing else."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place / "dist"]
    plain = {**os.environ, "KLOPF_COMPILED": "0"}  # kernels in a wheel: tests/mind/test_first_call.py
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, env=plain)
    (wheel,) = (place / "dist").glob("*.whl")
    venv.create(place / "env", with_pip=False, symlinks=True)
    (site,) = (place / "env").glob("lib/python*/site-packages")
    beside = ["--ignore-installed", "--no-deps", "--no-index", "--prefix", place / "env"]  # the tests' own Klopf stays
    install = [sys.executable, "-m", "pip", "install", "-q", *beside, wheel]
    subprocess.run(install, check=True, capture_output=True)
    (metadata,) = site.glob("klopf-*.dist-info/METADATA")
    for name in needed(re.findall(r"^Requires-Dist: (.*)", metadata.read_text(), re.M)):
        link(name, site)
    return place / "env/bin"


def python(user: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([user / "python", "-I", "-c", code], capture_output=True, text=True, check=False)


def test_the_wheel_learns(user):
    code = "from klopf import mind; m = mind.Mind(2, 2, hidden=(4,)); m.learn_one([0.0, 1.0], 1); print(m.steps)"
    done = python(user, code)
    assert done.stdout.strip() == "1", done.stderr


def test_it_brings_nothing_of_chains_networks_or_tests(user):
    code = "import importlib.util as u; print([m for m in {!r} if u.find_spec(m)])"
    unwanted = ["web3", "eth", "grpc", "sklearn", "scipy", "pydantic", "pytest", "mypy", "gymnasium", "matplotlib"]
    assert python(user, code.format(unwanted)).stdout.strip() == "[]"


def klopf(user: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command. Its script names the Python that installed it, so the user's is named here."""
    return subprocess.run(
        [user / "python", "-I", user / "klopf", *arguments], capture_output=True, text=True, check=False
    )


def test_the_command_helps(user):
    done = klopf(user, "--help")
    assert done.returncode == 0, done.stderr
    for command in ("run", "verify", "bench", "learn"):
        assert command in done.stdout


@pytest.mark.parametrize(
    ("extra", "command"), [("network", ("status", "somewhere")), ("rl", ("learn", "CartPole-v1", "--steps", "10"))]
)
def test_a_missing_extra_is_one_line_that_names_it(user, extra, command):
    done = klopf(user, *command)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and f"klopf[{extra}]" in done.stderr, done.stderr


def test_a_missing_extra_is_an_error_that_names_it(user):
    for room in ("chain", "ledger", "wire", "peers", "audit", "network"):
        done = python(user, f"import klopf.{room} as room\nfor name in room.__all__: getattr(room, name)")
        assert "klopf[network]" in done.stderr.splitlines()[-1], done.stderr
