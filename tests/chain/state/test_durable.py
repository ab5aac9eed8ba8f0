"""What was acknowledged is kept: processes are killed, the disk fills up, the file cannot be written."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from klopf import chain
from klopf.chain.rpc import Rpc
from klopf.errors import ChainError, ReadOnlyChain
from tests.chain.state import writers


def kill_at_random(path: Path, folder: Path, kills: int, seed: int) -> int:
    """Kill writers ``kills`` times at random moments; returns how many transactions were acknowledged."""
    rng = random.Random(seed)
    allocation = {writers.account(n).address: 10**21 for n in range(4)}
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()
    made = writers.context()
    running = [writers.start(made, path, n, folder / f"{n}") for n in range(4)]
    try:
        for _ in range(kills):
            victim = rng.randrange(4)
            # nine of ten while they write, one at any moment after its start
            before = len(writers.hashes(folder / f"{victim}"))
            deadline = time.monotonic() + (10 if rng.random() < 0.9 else 0)
            while len(writers.hashes(folder / f"{victim}")) == before and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(rng.random() * 0.03)
            writers.kill(running[victim])
            running[victim] = writers.start(made, path, victim, folder / f"{victim}")
        deadline = time.monotonic() + 20
        while min(len(writers.hashes(folder / f"{n}")) for n in range(4)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        for process in running:
            writers.kill(process)
    acknowledged = [h for n in range(4) for h in writers.hashes(folder / f"{n}")]
    with chain.open(path) as opened:
        assert opened.verify() == opened.height
        lost = [h for h in acknowledged if opened.transaction_block(h) is None]
        assert lost == []
        # at most one transaction a kill was written but not acknowledged any more
        assert len(acknowledged) <= opened.height <= len(acknowledged) + kills + 4
    assert min(len(writers.hashes(folder / f"{n}")) for n in range(4)) >= 5, "a writer was starved"
    return len(acknowledged)


def test_50_kills_lose_nothing(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path / "chain.db", tmp_path, 50, seed=1) > 100


def test_kills_among_batches_lose_nothing(tmp_path: Path) -> None:
    path, rng, made = tmp_path / "chain.db", random.Random(3), writers.context()
    allocation = {writers.account(n).address: 10**21 for n in range(3)}
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()
    logs = [tmp_path / f"{n}" for n in range(3)]
    running = [writers.start(made, path, n, log, batches=True) for n, log in enumerate(logs)]
    try:
        for _ in range(15):
            victim = rng.randrange(3)
            before, deadline = len(writers.hashes(logs[victim])), time.monotonic() + 10
            while len(writers.hashes(logs[victim])) == before and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(rng.random() * 0.03)
            writers.kill(running[victim])
            running[victim] = writers.start(made, path, victim, logs[victim], batches=True)
    finally:
        for process in running:
            writers.kill(process)
    acknowledged = [h for log in logs for h in writers.hashes(log)]
    with chain.open(path) as opened:
        assert opened.verify() == opened.height
        waits = {transaction.hash for transaction in opened.waiting()}
        assert [h for h in acknowledged if opened.transaction_block(h) is None and h not in waits] == []
    assert len(acknowledged) > 100


@pytest.mark.slow
def test_200_kills_lose_nothing(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path / "chain.db", tmp_path, 200, seed=2) > 400


def test_writers_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    allocation = {writers.account(n).address: 10**21 for n in range(4)}
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()
    made = writers.context()
    running = [writers.start(made, path, n, tmp_path / f"{n}", seconds=2.5) for n in range(4)]
    for process in running:
        process.join(30)
        assert process.exitcode == 0
    sent = sorted(len(writers.hashes(tmp_path / f"{n}")) for n in range(4))
    assert sent[0] > 0.25 * sent[-1], f"unfair: {sent}"


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_8_processes_write_to_one_file(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "chain.db"
    allocation = {writers.account(n).address: 10**21 for n in range(8)}
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()
    made, heights = writers.context(), [0]
    running = [writers.start(made, path, n, tmp_path / f"{n}", seconds=seconds) for n in range(8)]
    with chain.open(path, read_only=True) as reader:
        while any(process.is_alive() for process in running):
            heights.append(reader.height)
            assert heights[-1] >= heights[-2]  # what a reader was told of stays
            time.sleep(0.01)
        for process in running:
            process.join(30)
            assert process.exitcode == 0
        sent = [writers.hashes(tmp_path / f"{n}") for n in range(8)]
        assert min(map(len, sent)) > 0.4 * max(map(len, sent)), f"unfair: {[*map(len, sent)]}"
        assert all(reader.transaction_block(tx_hash) is not None for hashes in sent for tx_hash in hashes)
        assert reader.height == reader.verify() == sum(map(len, sent))


def test_a_clock_that_is_set_back_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, moved = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + moved)
    for same_second in (False, True):
        path, sender = tmp_path / f"{same_second}.db", writers.account(0)
        with chain.create(path, chain_id=1337, allocation={sender.address: 9}, same_second=same_second) as opened:
            rpc, ahead = Rpc(opened), 0
            for nonce, moved in enumerate((0.0, -7200.0, -40_000_000.0, 0.0, 7200.0, 0.0)):
                fields = {"chainId": 1337, "nonce": nonce, "gas": 21000, "gasPrice": 0, "value": 1}
                opened.send(sender.sign_transaction({**fields, "to": sender.address}).raw_transaction)
                stamp = int(rpc.request("eth_getBlockByNumber", ["latest", False])["timestamp"], 16)
                assert stamp >= ahead + (not same_second) and stamp >= int(real() + moved)
                ahead = stamp
                pending = rpc.request("eth_getBlockByNumber", ["pending", False])["timestamp"]
                assert int(pending, 16) >= ahead + (not same_second)
            assert opened.verify() == 6
        with chain.open(path) as again:
            assert again.verify() == 6


def test_threads_share_an_open_chain(tmp_path: Path) -> None:
    allocation = {writers.account(n).address: 10**21 for n in range(8)}
    with chain.create(tmp_path / "chain.db", chain_id=writers.CHAIN_ID, allocation=allocation) as opened:

        def work(number: int) -> int:
            sender, rpc = writers.account(number), Rpc(opened)
            for nonce in range(15):
                fields = {"chainId": writers.CHAIN_ID, "nonce": nonce, "gas": 21000, "gasPrice": 0, "value": 1}
                opened.send(sender.sign_transaction({**fields, "to": sender.address}).raw_transaction)
                assert rpc.request("eth_getTransactionCount", [sender.address]) == hex(nonce + 1)
            return nonce

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [14] * 8
        assert opened.height == opened.verify() == 120
        with ThreadPoolExecutor(1) as pool:  # the connections of threads that have ended are closed
            pool.submit(opened.mine).result()
        assert len(opened._store._all) == 2


def test_a_forked_child_writes_beside_its_parent(tmp_path: Path) -> None:
    with chain.create(tmp_path / "chain.db", chain_id=writers.CHAIN_ID) as opened:
        opened.mine()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(20):
                    opened.mine()
                status = 0
            finally:
                os._exit(status)
        for _ in range(20):
            opened.mine()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert opened.height == opened.verify() == 41


OPEN_AND_CLOSE = "import sys; from klopf import chain; chain.open(sys.argv[1]).close()"


def open_and_close(path: Path) -> None:
    """In another process, which takes itself for the last one if nobody else holds the file."""
    subprocess.run([sys.executable, "-c", OPEN_AND_CLOSE, str(path)], check=True, timeout=60)


def test_a_process_that_opens_it_twice_keeps_its_locks(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with chain.create(path, chain_id=writers.CHAIN_ID) as first:
        first.mine()
        chain.open(path).close()  # POSIX: to close any descriptor of a file is to lose all one's locks on it
        with chain.open(path, read_only=True):
            open_and_close(path)
            for _ in range(5):
                first.mine()
    with chain.open(path) as again:
        assert again.height == again.verify() == 6


def test_a_forked_child_goes_on_when_its_parent_closes(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    opened = chain.create(path, chain_id=writers.CHAIN_ID)
    opened.mine()
    (heard, tell), (hear, told) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            opened.mine()
            os.write(tell, b"x")
            os.read(hear, 1)
            for _ in range(5):
                opened.mine()
            status = 0
        finally:
            os._exit(status)
    os.read(heard, 1)
    opened.close()
    open_and_close(path)
    os.write(told, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with chain.open(path) as again:
        assert again.height == again.verify() == 7


def test_without_locks_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    path = tmp_path / "chain.db"
    chain.create(path, chain_id=writers.CHAIN_ID).close()
    with monkeypatch.context() as broken:
        broken.setattr(fcntl, "lockf", refuse)
        with pytest.raises(ChainError, match=r"keeps no locks .*put the chain on a local disk"):
            chain.open(path)
    with chain.open(path) as opened:
        monkeypatch.setattr(fcntl, "flock", refuse)
        with pytest.raises(ChainError, match="keeps no locks"):
            opened.mine()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with chain.create(tmp_path / "chain.db", chain_id=1) as opened:
        run = opened._store.connection().execute
        assert run("PRAGMA journal_mode").fetchone() == ("wal",)
        assert run("PRAGMA synchronous").fetchone() == (2,)  # FULL


FULL_DISK = """
import os, resource, signal, sys
from klopf import chain
from klopf.errors import DiskFull
from tests.chain.state import writers
how, folder = sys.argv[1:]
path = folder + "/chain.db"
sender = writers.account(0)
with chain.create(path, chain_id=1337, allocation={sender.address: 1}) as opened:
    def send(nonce):
        data = bytes([0x60, 0, 0x60, 0, 0xF3]) + bytes(20_000)
        signed = sender.sign_transaction(
            {"chainId": 1337, "nonce": nonce, "gas": 5_000_000, "gasPrice": 0, "value": 0, "data": data})
        return opened.send(signed.raw_transaction)
    if how == "limit":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    else:
        with open(folder + "/ballast", "wb") as file:
            file.write(bytes(300_000))
    kept = []
    try:
        while True:
            kept.append(send(len(kept)))
    except DiskFull as error:
        print(error)
    assert kept, "there was no room to write anything"
    assert opened.height == len(kept)
    assert all(opened.transaction_block(h) is not None for h in kept)
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        os.unlink(folder + "/ballast")
    kept.append(send(len(kept)))   # room again: it goes on
    assert opened.verify() == len(kept)
print("went on")
"""


@pytest.mark.parametrize("how", ["limit", "disk"])
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", FULL_DISK, how, str(tmp_path)]
    if how == "disk":  # a small disk of its own, in a namespace of its own
        mount = 'mount -t tmpfs -o size=1200k none "$0" && exec "$@"'
        command = ["unshare", "-rm", "sh", "-c", mount, str(tmp_path), *command]
        if (
            shutil.which("unshare") is None
            or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode
        ):
            pytest.skip("this machine does not let a test mount a disk")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.strip().splitlines()
    assert "send again" in first and last == "went on"


def test_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    sender = writers.account(0)
    chain.create(path, chain_id=writers.CHAIN_ID, allocation={sender.address: 5}).close()
    signed = sender.sign_transaction(
        {"chainId": 1337, "nonce": 0, "gas": 21000, "gasPrice": 0, "value": 1, "to": sender.address}
    )
    with chain.open(path, read_only=True) as opened:
        with pytest.raises(ReadOnlyChain, match="reading only"):
            opened.send(signed.raw_transaction)
        assert opened.provider().make_request("eth_getBalance", [sender.address, "latest"])["result"] == "0x5"  # type: ignore[arg-type]
        with chain.open(path) as writer:  # a reader sees what a writer adds
            writer.send(signed.raw_transaction)
        assert opened.height == 1
        assert opened.verify() == 1
