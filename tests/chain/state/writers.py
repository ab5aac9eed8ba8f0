"""Processes that write to one chain file, to be killed by the tests."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from eth_account import Account

from klopf import chain
from klopf.chain.rpc import Rpc

CHAIN_ID = 1337
PRELOAD = ["tests.chain.state.writers", "klopf.chain.machine._pyevm"]


def account(number: int) -> Any:
    """Writer ``number``'s account."""
    return Account.from_key((0xC0FFEE + number).to_bytes(32, "big"))


def context() -> Any:
    """A fork server that has imported what the writers need, so that a writer starts in milliseconds."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(PRELOAD)
    return made


def write(path: str, number: int, acknowledged: str, seconds: float) -> None:
    """Send transactions (a transfer, or a contract that stores and logs) and note each hash once it is acknowledged."""
    rng = random.Random(os.getpid())
    sender = account(number)
    log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    end = time.monotonic() + seconds
    with chain.open(path) as opened:
        nonce = int(Rpc(opened).request("eth_getTransactionCount", [sender.address]), 16)
        # creation code that stores its own number and logs it: NUMBER PUSH0 SSTORE, NUMBER PUSH0 MSTORE, LOG1, STOP
        code = bytes.fromhex("435f55435f52" + "4360205fa1" + "00")
        while time.monotonic() < end:
            transaction = {"chainId": CHAIN_ID, "nonce": nonce, "gas": 200_000, "gasPrice": 0, "value": 1}
            if rng.random() < 0.3:
                transaction |= {"data": code, "value": 0}
            else:
                transaction["to"] = account(rng.randrange(8)).address
            raw = sender.sign_transaction(transaction).raw_transaction
            os.write(log, opened.send(raw))
            nonce += 1


def write_batches(path: str, number: int, acknowledged: str, seconds: float) -> None:
    """Send batches of twelve transfers in a shuffled order and note the hashes once they are acknowledged."""
    rng = random.Random(os.getpid())
    sender = account(number)
    log = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    end = time.monotonic() + seconds
    with chain.open(path) as opened:
        rpc = Rpc(opened)
        while time.monotonic() < end:
            nonce = int(rpc.request("eth_getTransactionCount", [sender.address]), 16)
            fields = {"chainId": CHAIN_ID, "gas": 21000, "gasPrice": 0, "value": 1, "to": account(5).address}
            raws = [sender.sign_transaction({**fields, "nonce": nonce + n}).raw_transaction for n in range(12)]
            rng.shuffle(raws)
            method = "eth_sendRawTransaction"
            answers = rpc.answer_all([{"id": 1, "method": method, "params": ["0x" + raw.hex()]} for raw in raws])
            os.write(log, b"".join(bytes.fromhex(answer["result"][2:]) for answer in answers))


def start(
    made: Any, path: Path, number: int, acknowledged: Path, seconds: float = 600.0, *, batches: bool = False
) -> BaseProcess:
    """One writer."""
    process: BaseProcess = made.Process(
        target=write_batches if batches else write, args=(str(path), number, str(acknowledged), seconds)
    )
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """SIGKILL, by its id."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)


def hashes(acknowledged: Path) -> list[bytes]:
    """All whole hashes in the note of a writer."""
    if not acknowledged.exists():
        return []
    data = acknowledged.read_bytes()
    return [data[i : i + 32] for i in range(0, len(data) - len(data) % 32, 32)]
