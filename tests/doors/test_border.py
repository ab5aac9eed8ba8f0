"""What goes by before any protocol: by which name a door is called, and how heavy a message may be."""

import asyncio
import json

import pytest

pytest.importorskip("x402")
pytestmark = pytest.mark.extras

from starlette.responses import PlainTextResponse  # noqa: E402

from klopf.doors._border import Border  # noqa: E402
from klopf.doors._light import MOST_VALUES, Light, asked  # noqa: E402

HOSTS = ("ada.example.org", "127.0.0.1:*", "localhost:*", "[::1]:*")


def through(app, **how):
    import httpx

    async def go():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:1") as http:
            return await http.post("/", **how)

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("ada.example.org", 200), ("ADA.example.org", 200), ("127.0.0.1:8402", 200), ("127.0.0.1", 200),
        ("localhost:1", 200), ("[::1]:9", 200), ("[::1]", 200),
        ("evil.example.org", 421), ("ada.example.org:444", 421), ("127.0.0.1.evil.org:8402", 421), ("", 421),
        ("localhost:1.evil.org", 421), ("localhost:", 421), ("127.0.0.1:8402:1", 421), ("[::1", 421),
    ],
)  # fmt: skip
def test_a_door_is_called_by_its_own_names(host, status):
    said = through(Border(PlainTextResponse("in"), HOSTS), headers={"Host": host})
    assert said.status_code == status and "\n" not in said.text


async def told(scope, receive, send):
    """What the package would see, and what was taken out."""
    from starlette.requests import Request

    body = await Request(scope, receive).body()
    await PlainTextResponse(json.dumps([json.loads(body), asked.get()]))(scope, receive, send)


def message(*parts):
    return {"method": "SendMessage", "params": {"message": {"parts": list(parts)}}}


def test_what_a_message_asks_goes_past_the_package():
    question = {"samples": [{"c": 0.5}] * 1000}
    seen, taken = through(Light(told), json=message({"text": "hear"}, {"data": question})).json()
    assert seen == message({"text": "hear"}, {"data": {}}) and taken == question
    seen, taken = through(Light(told), json=message({"text": "pay"})).json()
    assert seen == message({"text": "pay"}) and taken is None


@pytest.mark.parametrize("place", ["a second part", "metadata", "a batch", "another method"])
def test_a_message_with_many_values_elsewhere_does_not_come_in(place):
    many, one = [0] * MOST_VALUES, {"data": {"samples": []}}
    said = {
        "a second part": message(one, {"data": {"samples": many}}),
        "metadata": message(one) | {"metadata": {"x": many}},
        "a batch": [message(one), many],
        "another method": {"method": "GetTask", "params": many},
    }[place]
    answer = through(Light(told), json=said).json()
    assert answer["error"]["code"] == -32602 and f"{MOST_VALUES} values" in answer["error"]["message"]


@pytest.mark.parametrize("said", [{"params": 1}, {"params": {"message": {"parts": {"data": 1}}}}, [], 3])
def test_what_is_no_message_goes_to_the_package_as_it_is(said):
    assert through(Light(told), json=said).json() == [said, None]
