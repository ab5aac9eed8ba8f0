"""Who answers a request in a server: the event loop itself, or a thread.

To hand a request to a thread and back takes longer than most answers, so what is quick is answered where it arrived, a
call too as long as it stays quick (:mod:`~klopf.chain._patience`). Transactions that arrive together are written
together. While the disk takes them the next are run and written, and share the next wait; whatever tells of a
transaction is held back until the disk has it. What is long, and what would have to wait for another writer, goes to
threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from klopf.chain._patience import TooLong, at_most
from klopf.chain.rpc._rpc import Rpc, encode, fault, refusal
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
MOST = 256  # transactions in one write, so that other processes get their turn

Done = Callable[[bytes | None], None]


class Held(NamedTuple):
    """An answer that nobody may have before the disk has what it tells of."""

    requests: list[Any]
    is_batch: bool
    done: Done
    answer: bytes | None


class Desk:
    """Takes requests in a running event loop. ``done`` is called there with the answer; None where there is none."""

    def __init__(self, rpc: Rpc, is_alone: Callable[[], bool] = lambda: False) -> None:
        """``is_alone``: whether there is one client only, whom it holds up if all wait for the disk."""
        self.rpc = rpc
        self._is_alone = is_alone
        self._threads = ThreadPoolExecutor(THREADS, "rpc")
        self._sent: list[tuple[list[Any], bool, Done]] = []  # to be written: requests, whether a batch, who asks
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

    def take(self, body: bytes, done: Done) -> None:
        """Answer a request or a batch, as JSON's bytes."""
        request, refused = self.rpc.read(body)
        if refused is not None:
            done(encode(refused))
            return
        sending = self.rpc.sending(request)
        if sending is not None:
            self._sent.append((sending, isinstance(request, list), done))
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
                    self._held.append(Held([request], False, done, answer))
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
        taken, count = [], 0
        while self._sent and count < MOST:
            entry = self._sent.pop(0)
            taken.append(entry)
            count += len(entry[0])
        requests = [request for entry in taken for request in entry[0]]
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

    def _written(self, taken: list[tuple[list[Any], bool, Done]], answers: list[dict[str, Any]]) -> None:
        """What was sent is written, or refused: hold the answers until the disk has it; who has sent more is next."""
        begin = 0
        for requests, is_batch, done in taken:
            mine = answers[begin : begin + len(requests)]
            begin += len(requests)
            told = [answer for request, answer in zip(requests, mine, strict=True) if "id" in request]
            answer = encode(told if is_batch else told[0]) if told else None
            self._held.append(Held(requests, is_batch, done, answer))
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
        for requests, is_batch, done, answer in held:
            if failed is None or answer is None:
                done(answer)
            else:
                told = [refusal(request["id"], failed) for request in requests if "id" in request]
                done(encode(told if is_batch else told[0]))
        self._sync()
