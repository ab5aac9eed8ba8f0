"""Answers a second through each door, and what paying adds: buyers one after another and eight at a time.

One neuron (naive Bayes of two numbers) whose doors are open in a process of its own, over an embedded chain on this
disk. The rival is the same process without a payment: a question that is priced and refused (status 402), which is all
of HTTP, JSON and the ASGI server, but for the answer; what that takes is measured by itself. Payments are signed before
the clock starts, as a client does that on its own machine. Needs the extra ``agents``.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from figures import Report, arguments

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from klopf import network  # noqa: E402
from tests.doors.shop import QUESTION, Buyer, Shop, header  # noqa: E402


class Clients:
    """A request through each door, as raw HTTP: what the protocols' own clients add is their own."""

    def __init__(self, http: Any, url: str) -> None:
        self.http, self.url = http, url

    async def priced(self, _: Any) -> bool:
        return bool((await self.http.post(f"{self.url}/ask", json=QUESTION)).status_code == 402)

    async def plain(self, payment: Any) -> bool:
        headers = {"PAYMENT-SIGNATURE": header(payment)}
        return bool((await self.http.post(f"{self.url}/ask", json=QUESTION, headers=headers)).status_code == 200)

    async def mcp(self, payment: Any) -> bool:
        asked = {"name": "ask", "arguments": QUESTION, "_meta": {"x402/payment": payment}}
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
        said = await self.http.post(f"{self.url}/mcp", json=body, headers=headers)
        return "answers" in said.json()["result"].get("structuredContent", {})

    async def a2a(self, payment: Any) -> bool:
        message = {
            "messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [{"data": QUESTION}],
            "metadata": {"x402.payment.payload": payment},
        }  # fmt: skip
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
        said = await self.http.post(f"{self.url}/a2a", json=body, headers={"A2A-Version": "1.0"})
        return bool(said.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED")


async def rate(ask: Any, payments: list[Any], together: int) -> float:
    """Answers a second, ``together`` of them under way at a time."""
    ahead = iter(payments)

    async def hand() -> None:
        for payment in ahead:
            assert await ask(payment), "it was not answered"

    start = time.perf_counter()
    await asyncio.gather(*(hand() for _ in range(together)))
    return len(payments) / (time.perf_counter() - start)


async def measure(report: Report, shop: Shop, buyer: Buyer, count: int, rounds: int) -> None:
    import httpx

    report.say(f"{'':28}{'alone':>18}{'8 at a time':>18}   answers a second, median of {rounds} rounds of {count}")
    async with httpx.AsyncClient(timeout=600) as http:
        clients = Clients(http, shop.url)
        kinds = {
            "refused for its price": clients.priced,
            "HTTP and x402": clients.plain,
            "MCP": clients.mcp,
            "A2A": clients.a2a,
        }
        found: dict[tuple[str, int], list[float]] = {(name, n): [] for name in kinds for n in (1, 8)}
        for _ in range(rounds):  # all of them in each round: the machine's other work meets all alike
            for (name, together), rates in found.items():
                payments = [None if name.startswith("refused") else buyer.payment() for _ in range(count)]
                rates.append(await rate(kinds[name], payments, together))
    for name in kinds:
        line = f"{name:28}"
        for together in (1, 8):
            rates = found[name, together]
            middle, spread = statistics.median(rates), statistics.stdev(rates) / len(rates) ** 0.5
            line += f"{middle:>10.1f} ± {spread:<5.1f}"
            report.figure(f"{name}, {together} at a time", middle, "answers/s")
        report.say(line)
    behind = network.answering(shop.folder)
    inputs = behind.questions(QUESTION["samples"])
    start = time.perf_counter()
    for _ in range(count):
        await asyncio.to_thread(behind.answer, inputs)
    itself = 1000 * (time.perf_counter() - start) / count
    report.figure("the neuron's answer itself, its state read from the disk", itself, "ms")
    report.say(f"the neuron's answer itself, its state read from the disk, takes {itself:.1f} ms")
    for together in (1, 8):
        free, paid = (statistics.median(found[name, together]) for name in ("refused for its price", "HTTP and x402"))
        adds = 1000 * (1 / paid - 1 / free)
        report.figure(f"answer and payment by x402 add, {together} at a time", adds, "ms an answer")
        report.say(f"answer and payment by x402 add {adds:.1f} ms an answer, {together} at a time")


def main() -> None:
    given = arguments(__doc__).parse_args()
    count, rounds = (10, 3) if given.quick else (100, 7)
    with Report(given.json) as report, tempfile.TemporaryDirectory() as place, Shop(Path(place)) as shop:
        shop.open()
        asyncio.run(measure(report, shop, shop.buyer(1000), count, rounds))


if __name__ == "__main__":
    main()
