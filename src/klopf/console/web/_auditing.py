"""An auditor as a service: somebody names a model, and gets a card. For whoever has the link, from this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from klopf.audit import desk
from klopf.console.web._border import Border, new_token
from klopf.console.web._queue import Asked, Audit, Queue
from klopf.console.web._serve import HERE, listen
from klopf.errors import AuditError

__all__ = ["serve_audits"]

LONGEST = 4_096
"""Bytes of what is posted."""
SHOWN = 100
"""Audits on the first page, the newest."""
_POLICY = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
}
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
input{font:inherit;width:60%}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid #ccc;overflow-wrap:anywhere}"""


class Auditing:
    """The pages of a queue. ``about`` says what is put to models, ``choice`` are models that have a name here, and
    ``checked`` raises an AuditError for whatever may not be asked here."""

    def __init__(
        self, queue: Queue, token: str, port: int, about: str, choice: Sequence[str], checked: Callable[[str], None]
    ) -> None:
        self.queue, self.about, self.choice, self.checked = queue, about, choice, checked
        routes = [
            Route("/", self.index),
            Route("/audits", self.ask, methods=["POST"]),
            Route("/audits/{number:int}.json", self.said),
            Route("/audits/{number:int}", self.shown),
        ]
        self.app: ASGIApp = Border(Starlette(routes=routes), token, port)

    async def index(self, request: Request) -> Response:
        newest = sorted(self.queue.asked.values(), key=lambda one: -one.number)[:SHOWN]
        rows = "".join(
            f"<tr><td><a href='/audits/{one.number}'>{one.number}</a></td><td>{escape(one.model)}</td>"
            f"<td>{escape(one.state)}</td><td>{escape(one.said)}</td></tr>"
            for one in newest
        )
        names = "".join(f"<option value='{escape(name, quote=True)}'>" for name in self.choice)
        form = (
            "<form method='post' action='/audits'><label>Model: <input name='model' list='names' required "
            f"placeholder='https://ada.net/answer' maxlength='1000'></label> <datalist id='names'>{names}</datalist>"
            "<button>Audit it</button></form>"
        )
        head = "<thead><tr><th></th><th>model</th><th>state</th><th></th></tr></thead>"
        table = f"<table>{head}<tbody>{rows}</tbody></table>"
        return _page("An auditor", f"<p>{escape(self.about)}</p>{form}{table}")

    async def ask(self, request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST:
                return JSONResponse({"error": f"more than {LONGEST:,} bytes: name one model"}, 413)
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        try:
            one = self.queue.ask(self._named(body, form))
        except AuditError as error:
            if form:
                return _page("No audit", f"<p>{escape(str(error))}</p><p><a href='/'>back</a></p>", 400)
            return JSONResponse({"error": str(error)}, 400)
        if form:
            return RedirectResponse(f"/audits/{one.number}", 303)
        return JSONResponse({"audit": one.number, "place": f"/audits/{one.number}.json"}, 202)

    def _named(self, body: bytes, form: bool) -> str:
        try:
            text = body.decode()
            model = parse_qs(text, max_num_fields=8)["model"][0] if form else json.loads(text)["model"]
        except (ValueError, KeyError, TypeError, RecursionError):
            model = None
        if not isinstance(model, str) or not 0 < len(model) <= 1_000 or not model.isprintable():
            raise AuditError('name a model of at most 1,000 characters: {"model": "https://ada.net/answer"}')
        self.checked(model)
        return model

    async def said(self, request: Request) -> Response:
        one = self.queue.asked.get(request.path_params["number"])
        if one is None:
            return JSONResponse({"error": "there is no audit of this number"}, 404)
        card = self.queue.card(one.number)
        plain = None if card is None else card.plain() | {"digest": card.digest}
        return JSONResponse(
            {"audit": one.number, "model": one.model, "state": one.state, "said": one.said, "card": plain}
        )

    async def shown(self, request: Request) -> Response:
        one = self.queue.asked.get(request.path_params["number"])
        if one is None:
            return _page("No audit", "<p>There is no audit of this number.</p><p><a href='/'>back</a></p>", 404)
        card = self.queue.card(one.number)
        if card is not None:
            return Response(desk.page(card), media_type="text/html", headers=_POLICY)
        return _page(f"Audit {one.number}", _waits(one), again=one.state in ("waits", "runs"))


def _waits(one: Asked) -> str:
    said = f": {escape(one.said)}" if one.said else ""
    return f"<p>{escape(one.model)}</p><p>{escape(one.state)}{said}</p><p><a href='/'>back</a></p>"


def _page(title: str, inside: str, status: int = 200, again: bool = False) -> Response:
    refresh = "<meta http-equiv='refresh' content='2'>" if again else ""
    text = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{refresh}<title>{title}</title>"
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{inside}</body></html>"
    )
    return Response(text, status, media_type="text/html", headers=_POLICY)


def serve_audits(
    folder: Path, audit: Audit, port: int, most: int, about: str, choice: Sequence[str],
    checked: Callable[[str], None], opened: Callable[[str], None],
) -> None:  # fmt: skip
    """Audit whatever is asked for at a port of this machine's own address (0: any that is free) until it is stopped;
    ``opened`` is told the link.

    Raises:
        PeersError: the port is taken.
    """
    listening = listen(port)
    port, token = listening.getsockname()[1], new_token()
    pages = Auditing(Queue(folder, audit, most), token, port, about, choice, checked)
    config = uvicorn.Config(
        pages.app, log_level="warning", access_log=False, ws="none", limit_concurrency=64, timeout_keep_alive=10,
        timeout_graceful_shutdown=2, proxy_headers=False, server_header=False, h11_max_incomplete_event_size=16_384,
    )  # fmt: skip
    opened(f"http://{HERE}:{port}/?token={token}")
    uvicorn.Server(config).run(sockets=[listening])
