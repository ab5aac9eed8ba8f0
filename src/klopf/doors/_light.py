"""A2A's messages made light before its package reads them: what a message asks is taken out.

That package makes a record of each number in a message, several times over, which takes half a second of a core for a
body of 0.8 MB, and whoever sends one has paid nothing. So a part of data goes past it, and of the rest a message has
few values.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MOST_VALUES", "Light", "asked"]

MOST_VALUES = 500
"""Values in a message, beside the samples: a payment has some thirty."""
asked: ContextVar[Any] = ContextVar("what the message asks", default=None)
"""The part of data that was taken out; None where there was none."""


class Light:
    """ASGI, around the package's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        try:
            said = json.loads(body)  # which the border has read before
        except ValueError:
            said = None
        asked.set(_taken_out(said))
        if _values(said, MOST_VALUES) > MOST_VALUES:
            line = (
                f"a message has {MOST_VALUES} values at most beside its samples, which are a part of data by themselves"
            )
            refused = {"jsonrpc": "2.0", "id": None, "error": {"code": -32602, "message": line}}
            return await JSONResponse(refused)(scope, receive, send)
        lighter, told = body if said is None else json.dumps(said).encode(), False

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": lighter, "more_body": False}

        await self._app(scope, again, send)


def _taken_out(said: Any) -> Any:
    """The first part of data that holds samples; an empty one stands in its place."""
    found: Any = said
    for name in ("params", "message", "parts"):
        found = found.get(name) if isinstance(found, dict) else None
    for part in found if isinstance(found, list) else ():
        data = part.get("data") if isinstance(part, dict) else None
        if isinstance(data, dict) and "samples" in data:
            part["data"] = {}
            return data
    return None


def _values(said: Any, most: int) -> int:
    """How many values there are, counted until there are more than ``most``."""
    count, ahead = 0, [said]
    while ahead and count <= most:
        one = ahead.pop()
        count += 1
        ahead += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return count
