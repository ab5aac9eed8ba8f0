"""Klopf's own doors keep what every door promises, and doors that do not are found out."""

import json
import re
import uuid

import pytest

pytest.importorskip("x402")
pytestmark = [pytest.mark.extras, pytest.mark.timeout(300)]

from starlette.responses import JSONResponse, Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from klopf import checks  # noqa: E402
from klopf.checks._stall import Stall  # noqa: E402
from klopf.checks.door import _check  # noqa: E402
from klopf.doors import DOORS, Door  # noqa: E402
from klopf.doors._http import Http  # noqa: E402

from .shop import header  # noqa: E402


async def over_http(http, url, question, payment):
    from x402.http.utils import decode_payment_required_header

    headers = {} if payment is None else {"PAYMENT-SIGNATURE": header(payment)}
    said = await http.post(url + "/ask", json=question, headers=headers)
    price = said.headers.get("PAYMENT-REQUIRED")
    priced = decode_payment_required_header(price).model_dump(by_alias=True, mode="json") if price else None
    return said.json().get("answers"), priced


async def over_mcp(http, url, question, payment):
    meta = {} if payment is None else {"_meta": {"x402/payment": payment}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": question, **meta}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    said = (await http.post(url + "/mcp", json=call, headers=headers)).json()["result"].get("structuredContent") or {}
    return said.get("answers"), said if "accepts" in said else None


async def over_a2a(http, url, question, payment):
    message = {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [{"data": question}]}
    if payment is not None:
        message["metadata"] = {"x402.payment.payload": payment}
    send = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    said = (await http.post(url + "/a2a", json=send, headers={"A2A-Version": "1.0"})).json()
    task = said.get("result", {}).get("task", {})
    parts = [part["data"]["answers"] for one in task.get("artifacts", ()) for part in one["parts"]]
    price = task.get("status", {}).get("message", {}).get("metadata", {}).get("x402.payment.required")
    return (parts[0] if parts else None), price


BUYERS = {"http": over_http, "mcp": over_mcp, "a2a": over_a2a}


def test_all_doors_have_a_buyer_here():
    assert set(DOORS.shipped) == set(BUYERS)


@pytest.fixture(scope="module")
def stall(tmp_path_factory):
    made = Stall(tmp_path_factory.mktemp("stall"))
    yield made
    made.close()


@pytest.mark.parametrize("name", BUYERS)
def test_ours(name, stall):
    """Each as :func:`klopf.checks.check_door` does it, in front of one neuron: to found a network takes seconds."""
    _check(DOORS.load(name), name, BUYERS[name], stall)


class Generous(Http):
    """Answers whoever shows anything as a payment."""

    async def _ask(self, request):
        if "PAYMENT-SIGNATURE" not in request.headers:
            return await super()._ask(request)
        try:
            question = self._desk.question(json.loads(await request.body()))
        except Exception as error:
            return JSONResponse({"error": str(error)}, 400)
        return Response('{"answers": ' + self._desk.answer(question.text) + "}")


class Dear(Http):
    """Asks for more than is due."""

    async def _ask(self, request):
        said = await super()._ask(request)
        self._desk.price *= 2
        return said


class Crowding(Door):
    path = "/mcp"

    def __init__(self, desk):
        pass

    def routes(self):
        return [Route("/mcp", lambda _: Response())]


class Nowhere(Http):
    path = "ask"


@pytest.mark.parametrize(
    ("door", "says"),
    [
        (Generous, "Generous says None to who has paid"),
        (Dear, "Dear asks .* for 2 samples"),
        (Crowding, "Crowding has '/mcp', where another door is already"),
    ],
)
def test_a_door_that_breaks_a_promise_is_named_in_one_line(door, says, stall, monkeypatch):
    if issubclass(door, Http):  # it stands in the place of ours
        monkeypatch.delitem(DOORS.shipped, "http")
    with pytest.raises(AssertionError) as found:
        _check(door, door.__name__, over_http, stall)
    assert re.search(says, str(found.value)) and "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [(Nowhere, "Nowhere.path must be text"), (dict, "no subclass of Door"), ("nobody", "no door is called 'nobody'")],
)
def test_what_is_no_door_is_one_line(given, says):
    with pytest.raises(AssertionError) as found:
        checks.check_door(given, over_http)
    assert says in str(found.value) and "\n" not in str(found.value)
