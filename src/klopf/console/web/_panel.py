"""A page of something that is no network: its own file, its own questions, the same border."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from klopf.console.web._border import Border, new_token
from klopf.console.web._serve import HERE, listen
from klopf.console.web._static import own_files, page_file

__all__ = ["panel", "serve_panel"]


def panel(page: str, routes: Iterable[BaseRoute], token: str, port: int) -> ASGIApp:
    """What a server of ASGI runs: ``page`` of the page's own files, and what it asks for."""

    async def index(request: Request) -> Response:
        return page_file(page)

    return Border(Starlette(routes=[Route("/", index), *routes, own_files()]), token, port)


def serve_panel(page: str, routes: Iterable[BaseRoute], port: int, opened: Callable[[str], None]) -> None:
    """Show it at a port of this machine's own address (0: any that is free) until it is stopped; ``opened`` is told the
    link.

    Raises:
        PeersError: the port is taken.
    """
    listening = listen(port)
    port, token = listening.getsockname()[1], new_token()
    config = uvicorn.Config(
        panel(page, routes, token, port), log_level="warning", access_log=False, ws="none", limit_concurrency=64,
        timeout_graceful_shutdown=2, proxy_headers=False, server_header=False,
    )  # fmt: skip
    opened(f"http://{HERE}:{port}/?token={token}")
    uvicorn.Server(config).run(sockets=[listening])
