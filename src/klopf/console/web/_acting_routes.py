"""What the page asks where somebody acts: only as JSON, from the page itself, with the secret of its link."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from klopf.console.web._acting import Desk
from klopf.errors import KlopfError

__all__ = ["routes"]

LONGEST = 16_384
"""Bytes of what is asked."""
WAITING = 4
"""Who may wait at once for one act after another."""


def routes(desk: Desk | None) -> list[Route]:
    """Of a desk; where there is none, the page is told that it can only read."""
    return _Routes(desk).routes()


class _Routes:
    def __init__(self, desk: Desk | None) -> None:
        self.desk = desk
        self._turn = asyncio.Lock()
        self._waiting = 0

    def routes(self) -> list[Route]:
        if self.desk is None:
            return [Route("/api/acts", self.nothing)]
        return [
            Route("/api/acts", self.offered),
            Route("/api/acts/preview", self.preview, methods=["POST"]),
            Route("/api/acts/confirm", self.confirm, methods=["POST"]),
        ]

    async def nothing(self, request: Request) -> Response:
        return JSONResponse({"address": "", "acts": []})

    async def offered(self, request: Request) -> Response:
        desk = self._desk
        may = desk.knows(request.headers.get("klopf-unlocked", ""))
        return JSONResponse({"address": desk.address, "acts": desk.offered() if may else []})

    async def preview(self, request: Request) -> Response:
        return await self._answer(request, lambda asked: self._desk.preview(str(asked.get("act")), asked.get("given")))

    async def confirm(self, request: Request) -> Response:
        return await self._answer(request, lambda asked: self._desk.confirm(asked.get("token"), asked.get("digest")))

    @property
    def _desk(self) -> Desk:
        assert self.desk is not None
        return self.desk

    async def _answer(self, request: Request, do: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
        if not _own(request):
            return JSONResponse({"error": "only the page itself may ask for this"}, 403)
        if not self._desk.knows(request.headers.get("klopf-unlocked", "")):
            return JSONResponse({"error": "open the link that klopf page printed: it has what acting needs"}, 403)
        asked = await _read(request)
        if asked is None:
            return JSONResponse({"error": "this is nothing that can be asked"}, 400)
        if self._waiting >= WAITING:
            return JSONResponse({"error": "others are waiting to act: try again"}, 503)
        self._waiting += 1
        try:
            async with self._turn:
                return JSONResponse(await asyncio.to_thread(do, asked))
        except (KlopfError, OSError) as error:
            return JSONResponse({"error": str(error)}, 409)
        finally:
            self._waiting -= 1


def _own(request: Request) -> bool:
    """Whether a script of the page asks: a browser says where a page is from, and lets no form of another send this."""
    mine = f"http://{request.headers.get('host', '')}"
    return request.headers.get("origin") == mine and request.headers.get("content-type") == "application/json"


async def _read(request: Request) -> dict[str, Any] | None:
    """An object of JSON; None for anything else, or for too much of it."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST:
            return None
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return asked if isinstance(asked, dict) else None
