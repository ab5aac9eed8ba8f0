"""Who answers a request in a server: the event loop itself, or a thread.

To hand a request to a thread and back takes longer than most answers, so what is quick is answered where it arrived, a
call too as long as it stays quick (:mod:`~klopf.chain._patience`). Transactions that arrive together are written
together, with one wait for the disk; they are answered only once they are durable. What is long, and what would have to
wait for another writer, goes to threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from klopf.chain._patience import TooLong, at_most
from klopf.chain.rpc._rpc import Rpc, encode, fault, refusal

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
SLOW_DISK = 0.004  # seconds of a commit from which on others do not wait for it
MOST = 256  # transactions in one write, so that other processes get their turn

Done = Callable[[bytes | None], None]


class Desk:
    """Takes requests in a running event loop. ``done`` is called there with the answer; None where there is none."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self._threads = ThreadPoolExecutor(THREADS, "rpc")
        self._sent: list[tuple[list[Any], bool, Done]] = []  # to be written: requests, whether a batch, who asks
        self._writing = False

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
                done(answer)
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

    def _write(self) -> None:
        """Write all transactions that have arrived, here where that is quick, and answer those who sent them."""
        taken, count = [], 0
        while self._sent and count < MOST:
            entry = self._sent.pop(0)
            taken.append(entry)
            count += len(entry[0])
        requests = [request for entry in taken for request in entry[0]]
        if count <= MOST and self.rpc.node.store.disk_seconds < SLOW_DISK:
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
        """What was sent is durable, or refused: say so."""
        begin = 0
        for requests, is_batch, done in taken:
            mine = answers[begin : begin + len(requests)]
            begin += len(requests)
            told = [answer for request, answer in zip(requests, mine, strict=True) if "id" in request]
            done(encode(told if is_batch else told[0]) if told else None)
        self._writing = bool(self._sent)
        if self._sent:
            asyncio.get_running_loop().call_soon(self._write)
