"""Plain HTTP: ``POST /ask`` with the samples, and the payment in x402's header."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from klopf.doors._desk import Desk, plain
from klopf.doors._door import Door
from klopf.doors._x402 import PAYMENT, Prices
from klopf.errors import KlopfError, Unpaid

__all__ = ["Http"]


class Http(Door):
    """``GET /`` says what this is and what it costs; ``POST /ask`` sells."""

    path = "/ask"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> Sequence[BaseRoute]:
        registration = Route("/.well-known/agent-registration.json", self._registration)
        return [Route("/", self._card), registration, Route(self.path, self._ask, methods=["POST"])]

    async def _card(self, _: Request) -> Response:
        return JSONResponse(self._desk.card)

    async def _registration(self, _: Request) -> Response:
        return JSONResponse(self._desk.registration)

    async def _ask(self, request: Request) -> Response:
        desk = self._desk
        try:
            question = desk.question(json.loads(await request.body() or b"null"))
        except KlopfError as error:
            return _error(400, error)
        header = request.headers.get(PAYMENT)
        try:
            if header is None:
                raise await desk.offer(f"send the payment in the header {PAYMENT}")
            sale = await desk.sell(question, desk.prices.from_header(header, question.price))
        except Unpaid as error:
            required = desk.prices.required(question.price, desk.url + self.path, desk.about, plain(error))
            return _error(402, error, Prices.required_header(required))
        except KlopfError as error:
            return _error(503, error, {"Retry-After": "1"})
        receipt = Prices.receipt_header(desk.prices.receipt(sale))
        return Response('{"answers": ' + sale.answer + "}", media_type="application/json", headers=receipt)


def _error(status: int, error: KlopfError, headers: dict[str, Any] | None = None) -> Response:
    return JSONResponse({"error": plain(error)}, status, headers)
