"""Nobody hears of a transaction before the disk has it: not who sent it, not who reads, not another process."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf import chain
from klopf.chain._patience import TooLong
from klopf.chain.rpc import Rpc, _desk
from klopf.chain.rpc._desk import Desk
from klopf.chain.state import _database, _log
from klopf.chain.state._turn import Turn
from klopf.errors import DiskFull
from tests.chain.state import writers


class Disk:
    """In place of ``os.fdatasync``: waits until it is told to go on, or fails."""

    def __init__(self) -> None:
        self.asked, self.go, self.count = threading.Event(), threading.Event(), 0
        self.fails = False
        self._real = os.fdatasync

    def __call__(self, descriptor: int) -> None:
        self.count += 1
        self.asked.set()
        assert self.go.wait(20)
        if self.fails:
            raise OSError(errno.EIO, "Input/output error")
        self._real(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    slow = Disk()
    slow.go.set()
    monkeypatch.setattr(os, "fdatasync", slow)
    yield slow
    slow.go.set()


def transfer(number: int, nonce: int) -> bytes:
    fields = {"chainId": writers.CHAIN_ID, "nonce": nonce, "gas": 21000, "gasPrice": 0, "value": 1}
    sender = writers.account(number)
    return bytes(sender.sign_transaction({**fields, "to": writers.account(7).address}).raw_transaction)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[chain.Chain]:
    allocation = {writers.account(n).address: 10**21 for n in range(4)}
    with chain.create(tmp_path / "chain.db", chain_id=writers.CHAIN_ID, allocation=allocation) as made:
        yield made


def test_what_the_disk_has_not_got_is_not_there_yet(
    opened: chain.Chain, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "LOST_SECONDS", 20.0)
    first = opened.send(transfer(0, 0))
    other = chain.open(opened.path, read_only=True)
    disk.asked.clear()
    disk.go.clear()
    told: list[bytes] = []
    sender = threading.Thread(target=lambda: told.append(opened.send(transfer(0, 1))))
    sender.start()
    assert disk.asked.wait(20)
    rpc, where = Rpc(opened), writers.account(7).address
    with other:
        for reader in (opened, other):
            assert reader.height == 1 and reader.transaction_block(first) == 1
            with pytest.raises(Exception, match="no block 2"):
                reader.block_hash(2)
        assert rpc.request("eth_getBalance", [where]) == "0x1"
        assert rpc.request("eth_getTransactionReceipt", [rpc.request("eth_blockNumber", []) + "0" * 63]) is None
        assert told == []
        disk.go.set()
        sender.join(20)
        assert opened.height == other.height == 2 and other.transaction_block(told[0]) == 2
        assert rpc.request("eth_getBalance", [where]) == "0x2"


def test_one_wait_is_for_all_who_wait(opened: chain.Chain, disk: Disk) -> None:
    senders = [threading.Thread(target=opened.send, args=(transfer(n, 0),)) for n in range(4)]
    opened.mine()
    disk.asked.clear()
    disk.go.clear()
    before = disk.count
    senders[0].start()
    assert disk.asked.wait(20)
    for sender in senders[1:]:
        sender.start()
    time.sleep(0.2)
    disk.go.set()
    for sender in senders:
        sender.join(20)
    assert opened.height == 5 and disk.count - before <= 3


def test_a_disk_that_fails_acknowledges_nothing(opened: chain.Chain, disk: Disk) -> None:
    opened.send(transfer(0, 0))
    disk.fails = True
    for _ in range(2):  # also where the system says that all is well at the second try
        with pytest.raises(DiskFull, match=r"the disk of .* failed \(Input/output error\).*open the chain again"):
            opened.send(transfer(0, 1))
        disk.fails = False
    with chain.open(opened.path) as again:
        again.send(transfer(0, again.height))


def test_a_server_goes_on_while_the_disk_works_and_holds_back_what_it_has_not_got(
    opened: chain.Chain, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_desk, "QUICK_DISK", -1.0)

    def request(method: str, *params: Any) -> bytes:
        return json.dumps({"id": 1, "method": method, "params": params}).encode()

    async def talk() -> None:
        desk = Desk(Rpc(opened))
        disk.go.clear()
        sent = [
            asyncio.ensure_future(desk.reply(request("eth_sendRawTransaction", "0x" + transfer(n, 0).hex())))
            for n in range(2)
        ]
        while not disk.asked.is_set():
            await asyncio.sleep(0.001)
        later = asyncio.ensure_future(desk.reply(request("eth_sendRawTransaction", "0x" + transfer(2, 0).hex())))
        await asyncio.sleep(0.1)
        height = asyncio.ensure_future(desk.reply(request("eth_blockNumber")))
        await asyncio.sleep(0.05)
        assert not any(one.done() for one in (*sent, later, height))
        written = opened._store.connection().execute("SELECT max(number) FROM block").fetchone()[0]
        assert written == 3  # though nobody has been told
        disk.go.set()
        assert json.loads(await height or b"")["result"] == "0x3"
        for one in (*sent, later):
            assert opened.transaction_block(bytes.fromhex(json.loads(await one or b"")["result"][2:])) is not None
        disk.go.clear()
        disk.fails = True
        failed = asyncio.ensure_future(desk.reply(request("eth_sendRawTransaction", "0x" + transfer(3, 0).hex())))
        await asyncio.sleep(0.05)
        disk.go.set()
        assert "failed" in json.loads(await failed or b"")["error"]["message"]
        desk.close()

    asyncio.run(talk())


def test_senders_on_their_way_are_waited_for_and_written_together(
    opened: chain.Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_desk, "COMPANY_SECONDS", 5.0)
    written: list[int] = []
    send_all = Rpc.send_all

    def noted(self: Rpc, requests: list[Any], wait: bool = True) -> list[dict[str, Any]]:
        written.append(len(requests))
        return send_all(self, requests, wait)

    monkeypatch.setattr(Rpc, "send_all", noted)

    async def talk() -> None:
        desk, told = Desk(Rpc(opened)), list[bytes | None]()

        def send(client: int, nonce: int) -> None:
            raw = "0x" + transfer(client, nonce).hex()
            body = json.dumps({"id": 1, "method": "eth_sendRawTransaction", "params": [raw]}).encode()
            desk.take(body, told.append, client)

        async def come(count: int) -> None:
            while len(told) < count:
                await asyncio.sleep(0.001)

        send(0, 0)
        send(1, 0)
        await come(2)
        send(0, 1)
        await asyncio.sleep(0.02)
        assert written == [2]  # the other was told too
        send(1, 1)
        await come(4)
        send(0, 2)
        desk.take(b'{"id": 1, "method": "eth_blockNumber"}', told.append, 1)  # it does something else
        await come(6)
        desk.close()

    asyncio.run(talk())
    assert written == [2, 2, 1]


def test_the_log_is_lengthened_ahead(opened: chain.Chain, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_log, "MOST", 700_000)
    monkeypatch.setattr(_log, "LEAST", 30_000)
    log, sizes = Path(f"{opened.path}-wal"), list[int]()
    for nonce in range(40):  # which takes 640 KB
        opened.send(transfer(0, nonce))
        sizes.append(log.stat().st_size)
    assert sizes == sorted(sizes) and sizes[-1] == 700_000 and len(set(sizes)) < 15, sizes
    beside = tmp_path / "killed"  # what somebody who was killed leaves behind
    beside.mkdir()
    for path in (opened.path, log):
        (beside / path.name).write_bytes(path.read_bytes())
    with chain.open(beside / opened.path.name) as copy:
        assert copy.verify() == copy.height == opened.height
        copy.send(transfer(0, copy.height))


def test_nobody_asks_for_the_times_of_the_log(opened: chain.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.send(transfer(0, 0))
    asked = list[str]()
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, *a, **k: (asked.append(str(path)), stat(path, *a, **k))[1])
    for nonce in range(1, 4):  # each change after that would be given a time of its own, for which the disk waits too
        opened.send(transfer(0, nonce))
    assert not [path for path in asked if path.endswith("-wal")]


def test_who_opens_another_log_waits_for_that_one(tmp_path: Path) -> None:
    allocation = {writers.account(0).address: 10**21}
    path = tmp_path / "chain.db"
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()
    log = _log.Log(path)
    for nonce in range(3):  # the log goes when the last one closes; the next one is another file
        with chain.open(path) as opened:
            opened.send(transfer(0, nonce))
            log.look_again()
            log.sync()
            assert os.path.samestat(os.fstat(log._number), os.stat(f"{path}-wal"))
    log.look_again()
    log.sync()  # there is none: all is in the database
    log.close()


SERVE = """
import sys
from klopf import chain
from klopf.chain.rpc import _desk
_desk.QUICK_DISK = float(sys.argv[2])
chain.serve(sys.argv[1], port=0, ready=lambda url: print(url, flush=True))
"""


def send_until_it_dies(port: int, number: int, nonce: int, acknowledged: list[bytes]) -> None:
    """One client on a kept connection: transfers, each noted once it is acknowledged."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        while True:
            raw = "0x" + transfer(number, nonce).hex()
            client.request("POST", "/", json.dumps({"id": 1, "method": "eth_sendRawTransaction", "params": [raw]}))
            acknowledged.append(bytes.fromhex(json.loads(client.getresponse().read())["result"][2:]))
            nonce += 1
    except (OSError, http.client.HTTPException):
        client.close()


def kill_servers(path: Path, rounds: int, quick_disk: float) -> int:
    """Kill a server while four clients send to it, round after round; returns how many were acknowledged."""
    allocation = {writers.account(n).address: 10**21 for n in range(4)}
    chain.create(path, chain_id=writers.CHAIN_ID, allocation=allocation).close()
    rng, acknowledged = random.Random(rounds), [list[bytes]() for _ in range(4)]
    for _ in range(rounds):
        with chain.open(path) as opened:
            rpc = Rpc(opened)
            nonces = [int(rpc.request("eth_getTransactionCount", [writers.account(n).address]), 16) for n in range(4)]
        command = [sys.executable, "-c", SERVE, str(path), str(quick_disk)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        clients = [
            threading.Thread(target=send_until_it_dies, args=(port, n, nonces[n], acknowledged[n])) for n in range(4)
        ]
        before = sum(map(len, acknowledged))
        for client in clients:
            client.start()
        deadline = time.monotonic() + 20
        while sum(map(len, acknowledged)) < before + 8 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(rng.random() * 0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for client in clients:
            client.join(30)
    every = [tx_hash for hashes in acknowledged for tx_hash in hashes]
    with chain.open(path) as opened:
        assert opened.verify() == opened.height
        assert [h for h in every if opened.transaction_block(h) is None] == []
    return len(every)


@pytest.mark.parametrize("quick_disk", [-1.0, 1.0])  # the disk is waited for in a thread; in the loop
def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path, quick_disk: float) -> None:
    assert kill_servers(tmp_path / "chain.db", 5, quick_disk) > 40


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_server_killed_60_times_loses_nothing(tmp_path: Path) -> None:
    assert kill_servers(tmp_path / "chain.db", 60, -1.0) > 480


DIE = """
import os, sys
from klopf import chain
from tests.chain.state.test_synced import transfer
with chain.open(sys.argv[1]) as opened:
    die = lambda *_: os._exit(3)  # it has been written, and nobody told
    if sys.argv[2] == "before it said so":
        opened._store._turn.end = die
    else:
        os.fdatasync = die
    opened.send(transfer(0, 0))
"""
MOMENTS = ("before it said so", "before the disk had it")


def test_a_block_whose_writer_died_before_the_disk_had_it_is_taken_over(opened: chain.Chain) -> None:
    assert opened.height == 0
    with chain.open(opened.path, read_only=True) as reader:
        assert reader.height == 0
        assert subprocess.run([sys.executable, "-c", DIE, str(opened.path), MOMENTS[1]], timeout=60).returncode == 3
        deadline = time.monotonic() + 5
        while reader.height == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert reader.height == 1  # it waited for the disk in the writer's place
        with chain.open(opened.path) as again:
            assert Rpc(again).request("eth_getTransactionCount", [writers.account(0).address]) == "0x1"
    opened.send(transfer(0, 1))
    assert opened.height == opened.verify() == 2


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_one_goes_by_after_a_writer_died_all_see(
    opened: chain.Chain, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "LOST_SECONDS", 60.0)
    assert opened.height == 0
    assert subprocess.run([sys.executable, "-c", DIE, str(opened.path), moment], timeout=60).returncode == 3
    assert opened.height == 0, "the disk may not have it yet"
    with chain.open(opened.path) as again:
        assert again.height == 1
        assert opened.height == 1, "it may hear of it from who opened the chain, and has to find it"
    opened.send(transfer(0, 1))
    assert opened.height == opened.verify() == 2


def test_whose_first_try_for_the_turn_failed_counts_from_its_first_turn_on(tmp_path: Path) -> None:
    """Else it would wait for the disk in each of its turns, for as long as it lives, and have a third of the others."""
    path = tmp_path / "chain.db"
    chain.create(path, chain_id=writers.CHAIN_ID, allocation={}).close()
    one, other = Turn(path), Turn(path)
    with one.taken(wait=True):
        with pytest.raises(TooLong), other.taken(wait=False):
            raise AssertionError("two have the turn")
        assert one.counts and not other.counts
    with other.taken(wait=True):
        assert other.counts
    one.close()
    other.close()
