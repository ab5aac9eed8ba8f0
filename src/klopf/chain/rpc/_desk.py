"""Who answers a request in a server: the event loop itself, or a thread.

To hand a request to a thread and back takes longer than most answers, so what is quick is answered where it arrived, a
call too as long as it stays quick (:mod:`~klopf.chain._patience`). Transactions that arrive together are written
together, and who was just told of one is waited for, for a moment. While the disk takes them the next are run and
written, and share the next wait; whatever tells of a transaction is held back until the disk has it. What is long, and
what would have to wait for another writer, goes to threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from klopf.chain._patience import TooLong, at_most
from klopf.chain.rpc._rpc import Rpc, encode, fault, refusal
from klopf.chain.rpc._wakeful import yield_processor
from klopf.errors import ChainError

__all__ = ["Desk"]

THREADS = 32
QUICK = frozenset(
    f"eth_{name}"
    for name in (
        "accounts", "blobBaseFee", "blockNumber", "call", "chainId", "coinbase", "estimateGas", "gasPrice",
        "getBalance", "getBlockByHash", "getBlockByNumber", "getBlockTransactionCountByHash",
        "getBlockTransactionCountByNumber",
        "getCode", "getRawTransactionByBlockHashAndIndex", "getRawTransactionByBlockNumberAndIndex",
        "getRawTransactionByHash", "getStorageAt", "getTransactionByBlockHashAndIndex",
        "getTransactionByBlockNumberAndIndex", "getTransactionByHash", "getTransactionCount", "getTransactionReceipt",
        "maxPriorityFeePerGas", "protocolVersion", "syncing",
    )
) | {"net_version", "web3_clientVersion"}  # fmt: skip
"""Methods whose answer is a few rows of the file, or that say themselves when they become long."""
SECONDS = 0.004  # that an answer may take in the loop
WRITING_SECONDS = 0.03
QUICK_DISK = 0.002  # seconds of a wait for the disk that all may wait, since to have a thread wait takes time too
COMPANY_SECONDS = 400e-6  # within which who was told of a transaction sends the next, if at all
MOST = 256  # transactions in one write, so that other processes get their turn

Done = Callable[[bytes | None], None]


class Held(NamedTuple):
    """An answer that nobody may have before the disk has what it tells of."""

    requests: list[Any]
    is_batch: bool
    done: Done
    client: object
    answer: bytes | None


class Desk:
    """Takes requests in a running event loop. ``done`` is called there with the answer; None where there is none."""

    def __init__(self, rpc: Rpc, is_alone: Callable[[], bool] = lambda: False) -> None:
        """``is_alone``: whether there is one client only, whom it holds up if all wait for the disk."""
        self.rpc = rpc
        self._is_alone = is_alone
        self._threads = ThreadPoolExecutor(THREADS, "rpc")
        self._sent: list[Held] = []  # to be written
        self._coming: dict[object, float] = {}  # who was told of a transaction, when, and has not asked since
        self._writing = False
        self._held: list[Held] = []
        self._syncing = False

    def close(self) -> None:
        """Wait for what is being done."""
        self._threads.shutdown()

    async def reply(self, body: bytes) -> bytes | None:
        """The answer to a request or a batch."""
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self.take(body, lambda answer: None if future.done() else future.set_result(answer))
        return await future

    def take(self, body: bytes, done: Done, client: object = None) -> None:
        """Answer a request or a batch, as JSON's bytes; ``client`` is the same thing for all that one sends."""
        self._coming.pop(client, None)
        request, refused = self.rpc.read(body)
        if refused is not None:
            done(encode(refused))
            return
        sending = self.rpc.sending(request)
        if sending is not None:
            self._sent.append(Held(sending, isinstance(request, list), done, client, None))
            if not self._writing:
                self._writing = True
                asyncio.get_running_loop().call_soon(self._write)
        elif isinstance(request, dict) and request.get("method") in QUICK:
            try:
                with at_most(SECONDS):
                    answer = self.rpc.write(request)
            except TooLong:
                self._later(request, done)
            else:
                if not (self._held or self._syncing):
                    done(answer)
                else:  # it may tell of what was just written
                    self._held.append(Held([request], False, done, client, answer))
        else:
            self._later(request, done)

    def _later(self, request: Any, done: Done) -> None:
        """Answer from a thread."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            try:
                answer = self.rpc.write(request)
            except Exception as error:  # whatever it is, the client must not wait for ever
                answer = encode(refusal(None, fault("the request", error)))
            loop.call_soon_threadsafe(done, answer)

        self._threads.submit(run)

    # what is sent

    def _write(self) -> None:
        """Write all transactions that have arrived, here where that is quick."""
        if self._company_comes():
            yield_processor()
            asyncio.get_running_loop().call_soon(self._write)
            return
        taken, count = [], 0
        while self._sent and count < MOST:
            entry = self._sent.pop(0)
            taken.append(entry)
            count += len(entry.requests)
        requests = [request for entry in taken for request in entry.requests]
        if count <= MOST:
            try:
                with at_most(WRITING_SECONDS):
                    answers = self.rpc.send_all(requests, wait=False)
            except TooLong:
                pass  # or somebody else writes
            else:
                self._written(taken, answers)
                return
        loop = asyncio.get_running_loop()

        def run() -> None:
            answers = self.rpc.send_all(requests)
            loop.call_soon_threadsafe(self._written, taken, answers)

        self._threads.submit(run)

    def _company_comes(self) -> bool:
        """Whether somebody was told of a transaction just now: the next comes at once, if at all, and to write both
        together takes less than one after the other."""
        if self._coming:
            now = time.monotonic()
            self._coming = {who: told for who, told in self._coming.items() if now - told < COMPANY_SECONDS}
        return bool(self._coming) and len(self._sent) < MOST

    def _written(self, taken: list[Held], answers: list[dict[str, Any]]) -> None:
        """What was sent is written, or refused: hold the answers until the disk has it; who has sent more is next."""
        begin = 0
        for entry in taken:
            mine = answers[begin : begin + len(entry.requests)]
            begin += len(entry.requests)
            told = [answer for request, answer in zip(entry.requests, mine, strict=True) if "id" in request]
            answer = encode(told if entry.is_batch else told[0]) if told else None
            self._held.append(entry._replace(answer=answer))
        self._writing = bool(self._sent)
        if self._sent:
            asyncio.get_running_loop().call_soon(self._write)
        self._sync()

    def _sync(self) -> None:
        """Have the disk take what is written, then tell those who wait for that; one at a time."""
        if self._syncing or not self._held:
            return
        held, self._held = self._held, []
        store = self.rpc.node.store
        if store.is_durable or store.disk_seconds < QUICK_DISK or self._is_alone():
            self._synced(held, self._wait())
            return
        self._syncing = True
        loop = asyncio.get_running_loop()
        self._threads.submit(lambda: loop.call_soon_threadsafe(self._synced, held, self._wait()))

    def _wait(self) -> ChainError | None:
        try:
            self.rpc.node.store.make_durable()
        except ChainError as error:
            return error
        return None

    def _synced(self, held: list[Held], failed: ChainError | None) -> None:
        self._syncing = False
        now = time.monotonic()
        for requests, is_batch, done, client, answer in held:
            if client is not None:
                self._coming[client] = now
            if failed is None or answer is None:
                done(answer)
            else:
                told = [refusal(request["id"], failed) for request in requests if "id" in request]
                done(encode(told if is_batch else told[0]))
        self._sync()
