"""Random orders of what buyers and bad luck can do to payments: asked, replayed, raced, cancelled, overdrawn, shown
with another question, and a door that is killed meanwhile. Afterwards the ledger says who paid, and the door who was
answered; both must say the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from klopf.errors import Reverted

from .shop import PRICE, QUESTION, Buyer, Shop, header

OTHER = {"samples": [{"length": -2.0, "width": 0.3}]}
TOGETHER = 8
"""Orders that are under way at a time: a kill finds payments in all states."""
STEPS = ("ask", "ask", "ask", "race", "other", "cancel", "spend", "altered", "rest")


@dataclass
class Order:
    """One buyer, a payment or two, and what happened."""

    buyer: Buyer
    payments: list[dict[str, Any]]
    steps: list[tuple[str, int, float]]
    """What, with which payment, after so many seconds."""
    said: list[tuple[int, str, httpx.Response]] = field(default_factory=list)


async def play(shop: Shop, count: int, seed: int, deaths: float) -> Counter[str]:
    """Play ``count`` orders, with a kill in a part ``deaths`` of the batches; what was seen, counted. AssertionError
    where an answer was not paid for, or a payment not answered."""
    rng, seen = random.Random(seed), Counter[str]()
    before = shop.owned(shop.seller)
    async with httpx.AsyncClient(timeout=30) as http:
        for start in range(0, count, TOGETHER):
            orders = [await asyncio.to_thread(_drawn, shop, rng) for _ in range(min(TOGETHER, count - start))]
            under_way = [asyncio.create_task(_take(shop, http, order, seen)) for order in orders]
            if rng.random() < deaths:
                await asyncio.sleep(rng.random() * 0.3)
                await asyncio.to_thread(shop.kill)
                seen["killed"] += 1
                await asyncio.to_thread(shop.open)
            await asyncio.gather(*under_way)
            for order in orders:
                await _check(shop, http, order, seen)
    assert shop.owned(shop.seller) == before + PRICE * seen["paid"], "the seller has what was paid, and no more"
    return seen


def _drawn(shop: Shop, rng: random.Random) -> Order:
    buyer = shop.buyer(rng.choice((0, 1, 1, 1, 2)) * PRICE / 10**18)
    payments = [buyer.payment() for _ in range(rng.choice((1, 1, 2)))]
    steps = [(rng.choice(STEPS), rng.randrange(len(payments)), rng.random() * 0.05) for _ in range(rng.randint(1, 5))]
    return Order(buyer, payments, steps)


async def _take(shop: Shop, http: httpx.AsyncClient, order: Order, seen: Counter[str]) -> None:
    """The steps, each a moment after the one before, whether that has ended or not."""
    waiting: list[Any] = []
    for what, which, moment in order.steps:
        seen[what] += 1
        await asyncio.sleep(moment)
        payment = order.payments[which]
        if what in ("ask", "race"):
            waiting += [_ask(shop, http, order, which, payment, QUESTION) for _ in range(1 + 2 * (what == "race"))]
        elif what == "other":
            waiting.append(_ask(shop, http, order, which, payment, OTHER))
        elif what == "altered":
            signed = payment["payload"]["authorization"] | {"value": str(PRICE), "nonce": "0x" + "ab" * 32}
            altered = payment | {"payload": payment["payload"] | {"authorization": signed}}
            waiting.append(_ask(shop, http, order, -1, altered, QUESTION))
        elif what == "cancel":
            waiting.append(asyncio.to_thread(_tried, order.buyer.cancel, payment))
        elif what == "spend":
            waiting.append(asyncio.to_thread(_tried, _spend, order.buyer))
        waiting = [asyncio.ensure_future(one) for one in waiting]  # which begins them
    await asyncio.gather(*waiting)


async def _ask(
    shop: Shop, http: httpx.AsyncClient, order: Order, which: int, payment: dict[str, Any], question: Any
) -> httpx.Response | None:  # fmt: skip
    try:
        said = await http.post(shop.url + "/ask", json=question, headers={"PAYMENT-SIGNATURE": header(payment)})
    except httpx.TransportError:
        return None  # the door was killed
    order.said.append((which, json.dumps(question), said))
    return said


def _tried(do: Any, *with_what: Any) -> None:
    with contextlib.suppress(Reverted):  # the door came first
        do(*with_what)


def _spend(buyer: Buyer) -> None:
    buyer.book.token.transfer(buyer.shop.operator.address, buyer.book.token.balance(buyer.key.address))


async def _check(shop: Shop, http: httpx.AsyncClient, order: Order, seen: Counter[str]) -> None:
    for which, payment in enumerate(order.payments):
        signed = payment["payload"]["authorization"]
        nonce = bytes.fromhex(signed["nonce"][2:])
        for question in (QUESTION, OTHER):  # whoever was cut off shows it again; a cancelled one, too
            if any(at == which for at, _, _ in order.said) or any(at == which for _, at, _ in order.steps):
                while (said := await _ask(shop, http, order, which, payment, question)) is None or (
                    said.status_code == 503
                ):  # fmt: skip
                    await asyncio.sleep(0.2)
        moved = await asyncio.to_thread(shop.book.token.moved_by, order.buyer.key.address, nonce, 0)
        answered = {(asked, said.text) for at, asked, said in order.said if at == which and said.status_code == 200}
        if moved is None:
            assert not answered, f"an unpaid answer: {order.steps}"
            seen["unpaid"] += 1
        else:
            assert (moved.to, moved.value) == (shop.seller, PRICE)
            assert len(answered) == 1, f"{len(answered)} answers for one payment: {order.steps}"
            seen["paid"] += 1
    assert all(said.status_code == 402 for at, _, said in order.said if at == -1)
    assert all(said.status_code in (200, 402, 503) for _, _, said in order.said)
