"""A door for a line in a shell: samples stand in the address, and nothing is posted."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from klopf.doors import Desk, Door
from klopf.errors import KlopfError, Unpaid


class ByQuery(Door):
    """``GET /by-query?length=1&width=0.1``, with the payment in x402's header; more samples repeat the names."""

    path = "/by-query"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(self.path, self.ask)]

    def services(self) -> Sequence[dict[str, Any]]:
        return [{"name": "query", "endpoint": self.desk.url + self.path}]

    async def ask(self, request: Request) -> Response:
        desk, prices = self.desk, self.desk.prices
        said = request.query_params
        samples = zip(*(said.getlist(name) for name in said), strict=False)
        try:
            question = desk.question({"samples": [dict(zip(said, one, strict=True)) for one in samples]})
        except KlopfError as error:  # it cannot be answered: nothing is taken
            return JSONResponse({"error": str(error)}, 400)
        payment = request.headers.get("PAYMENT-SIGNATURE")
        try:
            if payment is None:
                raise await desk.offer("send the payment in the header PAYMENT-SIGNATURE")
            sale = await desk.sell(question, prices.from_header(payment, question.price))
        except Unpaid as error:
            required = prices.required(question.price, desk.url + self.path, desk.about, str(error))
            return JSONResponse({"error": str(error)}, 402, prices.required_header(required))
        except KlopfError as error:  # no answer can be had now
            return JSONResponse({"error": str(error)}, 503)
        receipt = prices.receipt_header(prices.receipt(sale))
        return Response('{"answers": ' + sale.answer + "}", media_type="application/json", headers=receipt)
