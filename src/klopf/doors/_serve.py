"""Opens the doors of a folder: one process, one address, all protocols."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from klopf import extensions, files, ledger, nested
from klopf.doors._border import Border
from klopf.doors._desk import Desk
from klopf.doors._door import DOORS, Door
from klopf.doors._guests import AT_ONCE, Guest
from klopf.doors._opening import Opened, Opening, home_of
from klopf.doors._sales import Sales
from klopf.doors._sign import sign
from klopf.doors._till import Till
from klopf.doors._x402 import Prices
from klopf.errors import DoorsError, KlopfError
from klopf.network import answering

__all__ = ["made", "serve"]

SWEEP = 10.0
"""Seconds between two looks at what was left open."""


def serve(folder: Path, how: Opening, passphrase: str, opened: Callable[[Opened], None]) -> None:
    """See :func:`klopf.doors.serve`."""
    if how.price <= 0:
        raise DoorsError("an answer costs something: name a --price above 0")
    encrypted = how.certificate is not None and how.certificate_key is not None
    if not encrypted and not _is_loopback(how.host):
        raise DoorsError(
            f"{how.host} is reached from elsewhere: name --certificate and --certificate-key, or listen at 127.0.0.1 "
            "behind a server that speaks TLS"
        )
    if not how.url and how.host in ("0.0.0.0", "::"):
        raise DoorsError(f"{how.host} is no address that others reach: name the one by which they do with --url")
    kinds = [DOORS.load(name) for name in dict.fromkeys((*DOORS.shipped, *how.also))]
    behind = answering(folder, fee=how.fee, most=how.most)
    if behind.kind == "network" and how.fee and how.price < how.fee * how.most:
        raise DoorsError("an answer would be sold for less than --fee to each of --most neurons: raise --price")
    home = home_of(behind.key)
    home.mkdir(mode=0o700, exist_ok=True)
    try:
        lock = files.lock(home / "lock")
    except BlockingIOError:
        raise DoorsError(f"the doors of {folder} are open already, in another process: close those first") from None
    try:
        key = ledger.keys.load(behind.key, passphrase)
        with (
            ledger.connect(behind.where, key, behind.deployment, confirmations=how.confirmations) as book,
            contextlib.closing(Sales(home / "sales.sqlite")) as sales,
            _socket(how) as listening,
        ):
            port = listening.getsockname()[1]
            host = f"[{how.host}]" if ":" in how.host else how.host
            url = how.url.rstrip("/") or f"{'https' if encrypted else 'http'}://{host}:{port}"
            nested.limited()
            for package in ("a2a", "mcp"):  # which log what a stranger sent, with a traceback, as often as he likes
                logging.getLogger(package).setLevel(logging.CRITICAL)
            till = Till(book, sales, lambda asked: desk.answer(asked), lambda: desk.ready(), how.patience, _say)
            desk = Desk(behind, till, Prices(book), how.price, url)
            told = Opened(url, desk.about, how.price, till.address)
            try:
                asyncio.run(_serve(made(kinds, desk, lambda: opened(told)), listening, how))
            finally:
                desk.close()
    finally:
        os.close(lock)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _socket(how: Opening) -> socket.socket:
    try:
        family, kind, _, _, place = socket.getaddrinfo(how.host, how.port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            made.listen(AT_ONCE)  # who comes as soon as it is said to be open waits for a moment
        except BaseException:
            made.close()
            raise
        return made
    except OSError as error:
        raise DoorsError(f"cannot listen at {how.host} port {how.port} ({error.strerror}): choose another") from None


def made(kinds: Sequence[type[Door]], desk: Desk, opened: Callable[[], None]) -> Starlette:
    """The doors of those ``kinds``, under one address."""
    doors = []
    for kind in kinds:
        with extensions.guarded(f"the door {kind.__name__} cannot be opened"):
            doors.append(kind(desk))
    desk.services = [service for door in doors for service in door.services()]

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for door in doors:
                await stack.enter_async_context(door.running())
            if not _is_loopback(urlsplit(desk.url).hostname or ""):
                await stack.enter_async_context(sign(desk.till.book, desk.id, desk.url, _say))
            sweeping = asyncio.create_task(_sweep(desk))
            opened()
            try:
                yield
            finally:
                sweeping.cancel()

    async def failed(_: Request, error: Exception) -> Response:
        _say(f"a request failed: {type(error).__name__}")
        return JSONResponse({"error": "this door failed; what was paid for is kept: ask again"}, 500)

    routes = [route for door in doors for route in door.routes()]
    return Starlette(
        routes=routes, lifespan=running, exception_handlers={Exception: failed},
        middleware=[Middleware(Border, hosts=tuple(one.lower() for one in desk.hosts))],
    )  # fmt: skip


async def _sweep(desk: Desk) -> None:
    while True:
        try:
            await asyncio.to_thread(desk.till.sweep)
        except KlopfError as error:
            _say(f"what was left open waits: {error}")
        await asyncio.sleep(SWEEP)


async def _serve(app: Starlette, listening: socket.socket, how: Opening) -> None:
    config = uvicorn.Config(
        app, http=Guest, log_level="critical", access_log=False, limit_concurrency=AT_ONCE, timeout_keep_alive=30,
        timeout_graceful_shutdown=5, server_header=False, h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=None if how.certificate is None else str(how.certificate),
        ssl_keyfile=None if how.certificate_key is None else str(how.certificate_key),
    )  # fmt: skip
    await uvicorn.Server(config).serve([listening])
