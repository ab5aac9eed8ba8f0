"""A copy takes the place of a chain: after a kill, with its log still there; and only where nobody has it open."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from klopf import chain
from klopf.errors import ChainError, DamagedFile
from tests.chain.state import writers

HOLD = "import sys; from klopf import chain; c = chain.open(sys.argv[1]); print(c.height, flush=True); sys.stdin.read()"


def made(path: Path) -> None:
    allocation = {writers.account(n).address: 10**21 for n in range(4)}
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()


def test_after_a_kill(tmp_path: Path) -> None:
    context, path = writers.context(), tmp_path / "chain.db"
    made(path)
    for round in range(8):
        copy, log = tmp_path / f"copy{round}", tmp_path / f"log{round}"
        running = writers.start(context, path, 0, log)
        try:
            deadline = time.monotonic() + 20
            while len(writers.hashes(log)) < 5 + 3 * round:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            with chain.open(path, read_only=True) as reader:
                reader.snapshot(copy)
            time.sleep(0.05)
        finally:
            writers.kill(running)
        assert Path(f"{path}-wal").exists()
        if round % 2:
            path.write_bytes(path.read_bytes()[:5000])  # and the file itself is damaged
        height = chain.restore(copy, path)
        assert not Path(f"{path}-wal").exists()
        with chain.open(path) as again, chain.open(copy, read_only=True) as kept:
            assert again.height == again.verify() == height == kept.height
            again.mine()
    path.unlink()
    assert chain.restore(tmp_path / "copy0", path) > 0  # also where there is none


def test_a_copy_put_beside_a_foreign_log_says_how(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    made(path)
    with chain.open(path) as opened:
        opened.mine()
        log = Path(f"{path}-wal").read_bytes()
    for name in ("", "-wal"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    path.write_bytes(
        b"SQLite format 3\0" + (4096).to_bytes(2, "big") + bytes(10) + (99).to_bytes(4, "big") + bytes(4096)
    )
    Path(f"{path}-wal").write_bytes(log[: len(log) // 2])
    with pytest.raises(DamagedFile, match="klopf chain restore COPY"):
        chain.open(path)


def test_not_under_the_feet_of_those_who_have_it_open(tmp_path: Path) -> None:
    path, copy = tmp_path / "chain.db", tmp_path / "copy.db"
    made(path)
    with chain.open(path) as opened:
        opened.snapshot(copy)
        opened.mine()
        with pytest.raises(ChainError, match="is open"):
            chain.restore(copy, path)
        assert opened.height == 1
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None and other.stdout is not None
    assert other.stdout.readline() == "1\n"
    with pytest.raises(ChainError, match="is open"):
        chain.restore(copy, path)
    other.stdin.close()
    other.wait(20)
    with pytest.raises(ChainError, match="are one file"):
        chain.restore(path, path)
    copy.write_bytes(copy.read_bytes()[:9000])
    with pytest.raises(DamagedFile):
        chain.restore(copy, path)
    with chain.open(path) as opened:
        assert opened.height == opened.verify() == 1
    assert sorted(p.name for p in tmp_path.glob("*chain*")) == ["chain.db", "chain.db-turn"]  # no drafts are left


def test_the_mode_stays(tmp_path: Path) -> None:
    path, copy = tmp_path / "chain.db", tmp_path / "copy.db"
    made(path)
    with chain.open(path) as opened:
        opened.snapshot(copy)
    path.chmod(0o640)
    chain.restore(copy, path)
    assert path.stat().st_mode & 0o777 == 0o640
