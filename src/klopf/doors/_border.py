"""The border: who calls this door by a name that is not its own is sent away; bodies are read no further than they may
be long, and are JSON of a bounded depth, before any protocol's package sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from klopf import nested
from klopf.doors._desk import LARGEST

__all__ = ["Border"]

PATIENCE = 20
"""Seconds in which a body must have come."""


class Border:
    """ASGI middleware. ``hosts`` are the names by which this door is called, ``:*`` for any port: a web page that has
    pointed a name of its own at this machine comes by that one, and would speak for whoever looks at it."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._exact = {one for one in hosts if not one.endswith(":*")}
        self._names = {one.removesuffix(":*") for one in hosts if one.endswith(":*")}

    def _is_own(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        whole = host if not colon or host.endswith("]") else name
        return host in self._exact or (whole in self._names and (whole == host or port.isdecimal()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if not self._is_own(Request(scope).headers.get("host", "").lower()):
            line = "this door has another name: call it as its card does, or say by --url how it is reached"
            return await _refused(421, line)(scope, receive, send)
        parts, size, told = list[bytes](), 0, False
        try:
            async with asyncio.timeout(PATIENCE):
                async for part in Request(scope, receive).stream():
                    size += len(part)
                    if size > LARGEST:
                        said = _refused(413, f"a request has {LARGEST:,} bytes at most: ask in portions")
                        return await said(scope, receive, send)
                    parts.append(part)
        except TimeoutError:
            return await _refused(408, f"a request comes within {PATIENCE} s: send it again")(scope, receive, send)
        except ClientDisconnect:
            return
        body = b"".join(parts)
        if body:
            try:
                nested.from_json(body, parse_constant=_constant)
            except ValueError as error:
                line = "".join(c if c.isprintable() else " " for c in str(error))[:200]
                return await _refused(400, f"this is no JSON that is read here: {line}")(scope, receive, send)

        async def again() -> Message:
            nonlocal told
            if told:
                return await receive()  # that the caller has gone
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        return await self._app(scope, again, send)


def _constant(name: str) -> None:
    raise ValueError(f"{name} is a number in Python, and in no JSON")


def _refused(status: int, line: str) -> JSONResponse:
    return JSONResponse({"error": line}, status)
