"""Is this a door that answers who has paid, once for each payment, and nobody else?"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from klopf import extensions, ledger
from klopf.checks._promise import derived, promise
from klopf.checks._stall import PASSPHRASE, PRICE, QUESTION, Stall, payment
from klopf.doors import DOORS, Desk, Door
from klopf.errors import KlopfError, Reverted
from klopf.extras import require
from klopf.network import answering

__all__ = ["Ask", "check_door"]

Ask = Callable[[Any, str, dict[str, Any], dict[str, Any] | None], Awaitable[tuple[Any, Any]]]
"""How a buyer speaks the door's protocol: given an ``httpx.AsyncClient``, the doors' URL, a question
``{"samples": [{column: value, ...}, ...]}`` and a payment of x402 as JSON has it, or None, it says the answers, a list
with an object for each sample, and the price, x402's ``PaymentRequired`` as JSON has it; None for what the door did not
say."""

_LONGEST = 60
"""Seconds in which a request must have been answered."""
_OTHER = {"samples": [{"length": -2.0, "width": 0.3}]}
_TWO = {"samples": [*QUESTION["samples"], *_OTHER["samples"]]}
_HOSTILE = (b"", b"[]", b"{", b"\xff", b"[" * 5000, b'{"samples": [{"length": NaN}]}', b'"' + b"x" * 100_000 + b'"',
            b'{"samples": ' + b"[" * 60 + b"]" * 60 + b"}", b"[" + b"0," * 600_000 + b"0]")  # fmt: skip


def check_door(door: type[Door] | str, ask: Ask) -> None:
    """Check that ``door`` sells what stands behind it and gives nothing away, whatever buyers do. It founds a network
    of one neuron on a ledger of its own, which takes some seconds, and the extra ``agents``.

    Args:
        door: the class, or the name under which it is installed.
        ask: a buyer of its protocol.

    Raises:
        AssertionError: one line that says which promise is broken.
    """
    with promise(f"the door {door!r:.80}"):
        found = DOORS.load(door) if isinstance(door, str) else door
    derived(found, Door, "check_door")
    require("agents", "check_door")
    with promise(found.__name__, found):
        path = getattr(found, "path", None)
        good = type(path) is str and path.startswith("/") and len(path) > 1
        assert good, f"{found.__name__}.path must be text as '/ask' is"
        with tempfile.TemporaryDirectory() as place, contextlib.closing(Stall(Path(place))) as stall:
            _check(found, found.__name__, ask, stall)


def _check(door: type[Door], name: str, ask: Ask, stall: Stall) -> None:
    try:
        asyncio.run(_bought_at(door, name, ask, stall))
    except BaseExceptionGroup as group:  # the web server's tasks give what broke off in groups
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _bought_at(door: type[Door], name: str, ask: Ask, stall: Stall) -> None:
    import httpx

    from klopf.doors import _serve

    others = [DOORS.load(one) for one in DOORS.shipped]
    with contextlib.closing(await asyncio.to_thread(_Shop, stall)) as shop:
        app = _serve.made([*(one for one in others if one is not door), door], shop.desk, lambda: None)
        _check_places(name, app.routes, shop.desk)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=shop.desk.url, timeout=60) as http,
        ):
            await _check_selling(name, ask, http, shop)
            await _check_hostile(name, door.path, http)


class _Shop:
    """What stands behind the door: as :func:`klopf.doors.serve` has it, in this process."""

    def __init__(self, stall: Stall) -> None:
        from klopf.doors._desk import Desk
        from klopf.doors._sales import Sales
        from klopf.doors._till import Till
        from klopf.doors._x402 import Prices

        self.stall = stall
        self.behind = answering(stall.folder)
        self._book = ledger.connect(stall.where, ledger.keys.load(self.behind.key, PASSPHRASE), stall.deployment)
        self._sales = Sales(stall.place / f"sales-{secrets.token_hex(4)}.sqlite")
        till = Till(
            self._book,
            self._sales,
            lambda asked: self.desk.answer(asked),
            lambda: self.desk.ready(),
            600.0,
            lambda _: None,
        )
        self.desk = Desk(self.behind, till, Prices(self._book), PRICE, "http://127.0.0.1:8402")

    def right(self, question: dict[str, Any]) -> Any:
        return json.loads(json.dumps(self.behind.answer(self.behind.questions(question["samples"]))))

    def buyer(self) -> ledger.keys.Key:
        """With money for ten samples."""
        key = ledger.keys.new()
        self.stall.book.token.transfer(key.address, 10 * PRICE)
        return key

    def cancel(self, key: ledger.keys.Key, paid: dict[str, Any]) -> None:
        nonce = bytes.fromhex(paid["payload"]["authorization"]["nonce"][2:])
        token = self.stall.book.token
        token.cancel_authorization(key.address, nonce, key.sign(token.cancellation(nonce, owner=key.address)))

    def close(self) -> None:
        self.desk.close()
        self._sales.close()
        self._book.close()


def _check_places(name: str, routes: Sequence[Any], desk: Desk) -> None:
    places = [str(getattr(route, "path", "")) for route in routes]
    twice = sorted({place for place in places if places.count(place) > 1})
    assert not twice, f"{name} has {twice[0]!r}, where another door is already: choose another place"
    assert all(place.startswith("/") for place in places), f"{name}.routes() has a place that begins with no '/'"
    with promise(f"{name}.services()"):
        told = json.loads(json.dumps(desk.services, allow_nan=False))
    for one in told:
        good = isinstance(one, dict) and {"name", "endpoint"} <= set(one) and str(one["endpoint"]).startswith(desk.url)
        assert good, f"{name}.services(): {one!r:.80} needs a name, and an endpoint under the doors' own URL"


async def _check_selling(name: str, ask: Ask, http: Any, shop: _Shop) -> None:
    async def asks(question: dict[str, Any], paid: dict[str, Any] | None) -> tuple[Any, Any]:
        try:
            return await ask(http, shop.desk.url, question, paid)
        except Exception as error:
            raise AssertionError(f"{name}: its buyer could not ask it: {extensions.said(error)}") from error

    def income() -> int:
        return shop.stall.owned(shop.stall.seller) - before

    before, key = shop.stall.owned(shop.stall.seller), await asyncio.to_thread(shop.buyer)
    for question, samples in ((QUESTION, 1), (_TWO, 2)):
        answers, price = await asks(question, None)
        assert answers is None, f"{name} answers who has not paid"
        _check_price(name, price, samples, shop)
    answers, price = await asks({"samples": [{"length": 1.0}]}, payment(shop.stall, key))
    assert answers is None and income() == 0, f"{name} takes a payment for a question that lacks a column"

    paid = payment(shop.stall, key)
    answers, _ = await asks(QUESTION, paid)
    right = await asyncio.to_thread(shop.right, QUESTION)
    assert answers == right, f"{name} says {answers!r:.80} to who has paid, and {right!r:.80} is the answer"
    assert income() == PRICE, f"{name}: a payment of {PRICE} brought {income()}"
    again, _ = await asks(QUESTION, paid)
    assert again == right and income() == PRICE, (
        f"{name}: a payment that is shown again must have the same answer, once"
    )
    answers, _ = await asks(_OTHER, paid)
    assert answers is None and income() == PRICE, f"{name} answers another question for a payment that was used"

    for what, wrong in (
        ("a nonce that was not signed", payment(shop.stall, key, nonce="0x" + "00" * 32)),
        ("less than the price", payment(shop.stall, key, PRICE - 1)),
        ("nothing that is a payment", {"x402Version": 2}),
    ):
        answers, _ = await asks(QUESTION, wrong)
        assert answers is None and income() == PRICE, f"{name} answers for {what}"
    cancelled = payment(shop.stall, key)
    with contextlib.suppress(Reverted, KlopfError):
        await asyncio.to_thread(shop.cancel, key, cancelled)
    answers, _ = await asks(QUESTION, cancelled)
    assert answers is None and income() == PRICE, f"{name} answers for a payment that was cancelled before it came"


def _check_price(name: str, price: Any, samples: int, shop: _Shop) -> None:
    assert isinstance(price, dict) and price.get("accepts"), f"{name} names no price to who has not paid"
    asked, due = price["accepts"][0], str(PRICE * samples)
    assert asked.get("amount") == due, f"{name} asks {asked.get('amount')!r} for {samples} samples, and {due!r} is due"
    assert asked.get("payTo") == shop.stall.seller, f"{name} has somebody else paid than who answers"


async def _check_hostile(name: str, path: str, http: Any) -> None:
    for method, accept in (("POST", "application/json, text/event-stream"), ("GET", "application/json")):
        for body in _HOSTILE:  # a stream of events, for which a GET may ask, has no end
            headers = {"Content-Type": "application/json", "Accept": accept}
            try:
                said = await asyncio.wait_for(http.request(method, path, content=body, headers=headers), _LONGEST)
            except TimeoutError:
                raise AssertionError(
                    f"{name}: {method} {path} of {body[:40]!r} has no answer in {_LONGEST} s"
                ) from None
            assert said.status_code < 500 and "Traceback" not in said.text, (
                f"{name}: {method} {path} of {body[:40]!r} has status {said.status_code}: refuse it in one line"
            )
