"""Who may do what: the file's owner and mode decide, for the files beside it too; readers follow or are told."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf import chain
from klopf.errors import ReadOnlyChain

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")

AS_NOBODY = """
import fcntl, os, sys
from klopf import chain
from klopf.chain import Chain
import klopf.chain._chain, klopf.chain._verify, klopf.chain.machine._pyevm
from klopf.chain.rpc import Rpc
from klopf.errors import ChainError, ReadOnlyChain
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
path = sys.argv[1]
"""


def as_nobody(code: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY + code, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def path() -> Iterator[Path]:
    """A chain of root's in a folder that everybody may read, and only root may write."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = Path(folder) / "chain.db"
        chain.create(made, chain_id=1337).close()
        yield made


def test_a_file_without_write_permission(path: Path) -> None:
    path.chmod(0o444)
    said = as_nobody(
        """
with chain.open(path, read_only=True) as opened:
    print(opened.height)
try:
    with chain.open(path) as opened:
        opened.mine()
except ReadOnlyChain as error:
    print(error)
""",
        path,
    )
    height, advice = said.splitlines()
    assert height == "0" and "read_only" in advice and str(path) in advice


def test_a_run_as_root_does_not_lock_the_owner_out(path: Path) -> None:
    for name in (path.parent, path):
        os.chown(name, NOBODY, NOBODY)
    with chain.open(path) as opened:  # root
        opened.mine()
    assert Path(f"{path}-turn").stat().st_uid == NOBODY
    assert as_nobody("c = chain.open(path); c.mine(); print(c.height); c.close()", path) == "2"
    Path(f"{path}-turn").unlink()
    Path(f"{path}-turn").write_bytes(b"")  # as versions before left it: root's
    assert as_nobody("c = chain.open(path); c.mine(); print(c.height); c.close()", path) == "3"
    with chain.open(path) as opened:
        assert opened.verify() == 3


def test_a_group_shares_it(path: Path) -> None:
    os.chown(path.parent, 0, NOBODY)
    os.chown(path, 0, NOBODY)
    path.parent.chmod(0o2775)
    path.chmod(0o660)
    with chain.open(path) as opened:
        opened.mine()
        assert as_nobody("c = chain.open(path); c.mine(); print(c.height); c.close()", path) == "2"
        opened.mine()
    found = Path(f"{path}-turn").stat()
    assert found.st_gid == NOBODY and found.st_mode & 0o777 == 0o660


def test_the_right_file_is_named(path: Path) -> None:
    path.chmod(0o666)  # the folder is root's
    advice = as_nobody(
        """
try:
    with chain.open(path) as opened:
        opened.mine()
except ChainError as error:
    print(error)
""",
        path,
    )
    assert advice.startswith(f"{path.parent} cannot be written") or advice.startswith(f"{path}-turn cannot be written")


FOLLOW = """
with chain.open(path, read_only=True) as opened:
    print(opened.height, flush=True)
    for line in sys.stdin:
        print(opened.height, flush=True)
    print(opened.verify())
"""


def test_a_reader_that_may_write_nothing_follows(path: Path) -> None:
    path.chmod(0o644)
    command: list[Any] = [sys.executable, "-c", AS_NOBODY + FOLLOW, str(path)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdin is not None and reader.stdout is not None

    def height() -> int:
        reader.stdin.write("\n")  # type: ignore[union-attr]
        reader.stdin.flush()  # type: ignore[union-attr]
        return int(reader.stdout.readline())  # type: ignore[union-attr]

    assert int(reader.stdout.readline()) == 0
    with chain.open(path) as writer:
        for number in range(1, 4):
            writer.mine()
            assert height() == number
    assert height() == 3  # the writer has gone
    with chain.open(path) as writer:
        writer.mine()
        assert height() == 4
    reader.stdin.close()
    assert reader.stdout.readline() == "4\n"
    assert reader.wait(20) == 0


def test_a_reader_is_told_what_it_cannot_do(path: Path) -> None:
    with chain.open(path, read_only=True) as opened, pytest.raises(ReadOnlyChain, match="open for reading only"):
        opened.mine()
