"""What the page asks of the machine that it came from, and how that is answered."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from klopf import network
from klopf.console.cells import cell
from klopf.console.web._acting import Desk
from klopf.console.web._acting_routes import routes
from klopf.console.web._border import Border
from klopf.console.web._follow import Follower
from klopf.console.web._proposal import proposal
from klopf.console.web._source import Source
from klopf.console.web._static import catalogue, own_files, page_file
from klopf.errors import KlopfError
from klopf.network._summary import tokens as klp

__all__ = ["Page"]

PACE = 1.0
"""Seconds between two looks at a ledger that says nothing new."""
READERS = 256
"""Who may listen for news at once."""
WAITING = 4
"""Payments that may wait to be explained at once: each takes as long as the history is."""
QUIET, PATIENCE = 0.3, 1.0
"""Seconds since anything was asked before more of a history is read, and how long that is waited for at most."""


class Page:
    """One network's page. ``app`` is what a server of ASGI runs."""

    def __init__(
        self, source: Source, token: str, port: int, pace: float = PACE, desk: Desk | None = None
    ) -> None:  # fmt: skip
        self.source, self.pace = source, pace
        self.follower = Follower(source)
        self._fresh = asyncio.Condition()
        self._readers = self._waiting = 0
        self._ending = False
        known = [
            Route("/", self.index),
            Route("/api/state", self.state),
            Route("/api/news", self.news),
            Route("/api/epoch/{number}", self.epoch),
            Route("/api/explain/{neuron}/{epoch}", self.explain),
            Route("/api/payments/{neuron}", self.payments),
            Route("/api/proposal/{id}", self.proposal),
            Route("/api/table/{name}.csv", self.table),
            *routes(desk),
            own_files(),
        ]
        self._routed = Starlette(routes=known, lifespan=self._lives)
        self._asked_at = time.monotonic() + PATIENCE  # somebody was just told the link, and is about to ask
        self.app: ASGIApp = Border(self._noted, token, port)

    async def _noted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asked_at = time.monotonic()
        await self._routed(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _lives(self, app: Starlette) -> AsyncIterator[None]:
        with ThreadPoolExecutor(1, "follow") as self._thread, ThreadPoolExecutor(1, "explain") as self._asked:
            following = asyncio.create_task(self._follow())
            try:
                yield
            finally:
                following.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await following
                await self._read(self.follower.close)

    async def _follow(self) -> None:
        while True:
            if await self._read(self.follower.tick):
                async with self._fresh:
                    self._fresh.notify_all()
            if not self.follower.behind or self.follower.trouble:
                await asyncio.sleep(self.pace)
            else:
                await self._quiet()

    async def _quiet(self) -> None:
        """Let whoever is looking go first: what was asked is answered in the time of the same interpreter as a history
        is read. It is read on all the same, however much is asked."""
        until = time.monotonic() + PATIENCE
        while (rest := min(self._asked_at + QUIET, until) - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    async def _read(self, call: Any, *arguments: Any) -> Any:
        """Call what belongs to the follower's thread, in it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    async def end(self) -> None:
        """Let go of all who listen for news, so that a server that stops has nobody to wait for."""
        self._ending = True
        async with self._fresh:
            self._fresh.notify_all()

    async def index(self, request: Request) -> Response:
        return page_file("index.html")

    async def state(self, request: Request) -> Response:
        return Response(await asyncio.to_thread(self.follower.said), media_type="application/json")

    async def news(self, request: Request) -> Response:
        """Server-sent events from a version on; where that is too long ago, the word that all is to be asked again."""
        if self._readers >= READERS:
            return JSONResponse({"error": "too many pages are open"}, 503)
        since = request.headers.get("last-event-id") or request.query_params.get("since", "")
        life, _, version = since.partition(".")
        return StreamingResponse(self._stream(life, _number(version)), media_type="text/event-stream")

    async def _stream(self, life: str, version: int) -> AsyncIterator[str]:
        self._readers += 1
        try:
            yield "retry: 1000\n\n"
            while not self._ending:
                piece = self.follower.news.after(life, version)  # one at a time: who does not read holds no more
                if piece is not None:
                    life, version = piece.life, piece.version
                    yield f"id: {piece.id}\n" + (
                        f"data: {piece.said}\n\n" if piece.said else "event: again\ndata: {}\n\n"
                    )
                    continue
                async with self._fresh:
                    if self.follower.news.after(life, version) is None and not self._ending:
                        try:
                            await asyncio.wait_for(self._fresh.wait(), 15)
                        except TimeoutError:
                            yield ": still here\n\n"
        finally:
            self._readers -= 1

    async def epoch(self, request: Request) -> Response:
        said = self.follower.memory.epoch(_number(request.path_params["number"]))
        if said is None:
            return JSONResponse({"error": "that epoch has not ended yet"}, 404)
        return Response(said, media_type="application/json")

    async def explain(self, request: Request) -> Response:
        ask = (_number(request.path_params["neuron"]), _number(request.path_params["epoch"]))
        found = await self._explained(self.follower.source.explain, *ask)
        if isinstance(found, Response):
            return found
        said = json.loads(network.to_json(found.as_dict()), parse_float=str)
        return JSONResponse({"text": found.text(), "said": said})

    async def proposal(self, request: Request) -> Response:
        text = request.path_params["id"]
        id = int(text) if text.isascii() and text.isdigit() and len(text) < 80 else 0
        found = await self._explained(proposal, self.follower.source, id)
        return found if isinstance(found, Response) else JSONResponse(found)

    async def _explained(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """What has to be read from the ledger, one after another; or the answer that says why not."""
        if self._waiting >= WAITING:
            return JSONResponse({"error": "others are being explained: ask again in a minute"}, 503)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._asked, call, *arguments)
        except (KlopfError, OSError) as error:
            return JSONResponse({"error": str(error)}, 404)
        except Exception as error:  # a ledger that says what cannot be
            return JSONResponse({"error": f"the ledger's events do not say why ({type(error).__name__})"}, 500)
        finally:
            self._waiting -= 1

    async def payments(self, request: Request) -> Response:
        neuron = _number(request.path_params["neuron"])
        rows = self.follower.memory.payments(neuron)
        said = [[epoch, neuron, *map(_klp, (emission, fees, emission + fees))] for epoch, emission, fees in rows]
        return JSONResponse(said)

    async def table(self, request: Request) -> Response:
        state = json.loads(await asyncio.to_thread(self.follower.said))
        view = state["views"].get(request.path_params["name"])
        if view is None:
            return JSONResponse({"error": "there is no such table"}, 404)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        words = catalogue(request.query_params.get("lang", ""))
        text.write("\ufeff" if words else "")  # else spreadsheets read what is not ASCII as something else
        writer.writerow([cell(words.get(column["title"], column["title"])) for column in view["columns"]])
        kinds = [column["kind"] for column in view["columns"]]
        for row in view["rows"].values():
            writer.writerow([cell(_said(kind, value, state["names"])) for kind, value in zip(kinds, row, strict=True)])
        name = request.path_params["name"]
        headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _klp(units: int) -> str:
    return f"{klp(units):f}"


def _said(kind: str, value: Any, names: dict[str, str]) -> Any:
    """A value as a spreadsheet has it: a neuron by its name, scores one after another."""
    if kind == "neuron":
        return names.get(str(value), f"#{value}") if value else ""
    return "; ".join(f"{task} {score}" for task, score in value.items()) if isinstance(value, dict) else value


def _number(text: str) -> int:
    """What a link names; 0, which nothing has, where it is no number or a senseless one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
