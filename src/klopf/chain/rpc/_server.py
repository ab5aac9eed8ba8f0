"""JSON-RPC over HTTP and websockets: the same chain for ethers, cast, wallets and other machines' web3."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from klopf.chain._chain import Chain
from klopf.chain.rpc._rpc import INVALID_REQUEST, Rpc, refusal
from klopf.chain.rpc._websocket import Session
from klopf.errors import ChainError, Rejected

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["application", "serve"]

MAX_BODY = 5 * 1024 * 1024
KEEP_ALIVE = 60  # seconds that a client may pause on its connection


def application(
    chain: Chain, hosts: tuple[str, ...] | None = None, *, origins: tuple[str, ...] = (), dev: bool = False
) -> Starlette:
    """The ASGI application: ``POST /`` takes a JSON-RPC request or a batch of them; a websocket at ``/`` takes requests
    one after another and ``eth_subscribe`` besides.

    ``hosts`` are the names by which it may be asked (None: any), so that a web page that lets its own name point to
    this machine cannot ask through its visitor's browser. ``origins`` are web pages that may ask and read the answers
    (CORS), such as ``http://localhost:3000``.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    rpc = Rpc(chain, dev)

    def allowed(connection: HTTPConnection) -> bool:
        """Whether it is asked by one of its own names, and by no page but its own and those that are listed."""
        host, page = connection.headers.get("host", ""), connection.headers.get("origin", "")
        if hosts is not None and _name(host) not in hosts:
            return False
        if not page or page in origins:
            return True
        asks = page.split("//", 1)[-1]
        return asks == host if hosts is None else _name(asks) in hosts

    def shared(request: Request) -> dict[str, str]:
        """Headers by which a browser lets a listed page read the answer."""
        page = request.headers.get("origin", "")
        return {"Access-Control-Allow-Origin": page, "Vary": "Origin"} if page in origins else {}

    def refused(message: str, status: int) -> Response:
        text = _encode(refusal(None, Rejected(message, INVALID_REQUEST)))
        return Response(text, status, media_type="application/json")

    async def post(request: Request) -> Response:
        if not allowed(request):
            return refused(
                "asked by another name or page than this server's; use its own address, or list the page", 403
            )
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return refused(f"the request is larger than {MAX_BODY} bytes; split it", 413)
        answer = await run_in_threadpool(reply, bytes(body))
        if answer is None:
            return Response(None, 204, shared(request))
        return Response(answer, headers=shared(request), media_type="application/json")

    def reply(body: bytes) -> bytes | None:
        answer = rpc.reply(body)
        return None if answer is None else _encode(answer)

    async def preflight(request: Request) -> Response:
        if not allowed(request):
            return refused("this page is not listed; serve the chain with its origin", 403)
        methods = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type"}
        return Response(None, 204, shared(request) | methods)

    async def frames(socket: WebSocket) -> AsyncIterator[str | bytes]:
        while (message := await socket.receive())["type"] == "websocket.receive":
            yield message["bytes"] if message.get("text") is None else message["text"]

    async def listen(socket: WebSocket) -> None:
        if not allowed(socket):
            await socket.close(1008)
            return
        await socket.accept()
        await Session(rpc, socket.send_text).run(frames(socket))

    routes = [Route("/", post, methods=["POST"]), Route("/", preflight, methods=["OPTIONS"])]
    return Starlette(routes=[*routes, WebSocketRoute("/", listen)])


def serve(
    path: str | os.PathLike[str],
    host: str = "127.0.0.1",
    port: int = 8545,
    *,
    read_only: bool = False,
    chain_id: int | None = None,
    dev: bool = False,
    origins: tuple[str, ...] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the chain until interrupted; see :func:`klopf.chain.serve`."""
    import socket

    import uvicorn

    with Chain(path, read_only=read_only, chain_id=chain_id) as chain:
        if dev:
            chain._require_dev()
        chain.machine  # noqa: B018  import it before the first request waits for it
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # with its protocol named: asyncio sets TCP_NODELAY only then, and without it an answer on a connection that is
        # kept waits some 40 ms, until the client's system acknowledges what came before
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            raise ChainError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error
        bound = listener.getsockname()[1]
        own = f"[{host}]" if ":" in host else host
        hosts = None if host in ("0.0.0.0", "::", "") else ("localhost", "127.0.0.1", "[::1]", own)
        config = uvicorn.Config(
            application(chain, hosts, origins=origins, dev=dev),
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws_max_size=MAX_BODY,
            timeout_keep_alive=KEEP_ALIVE,
        )
        if ready is not None:
            ready(f"http://{own}:{bound}")
        uvicorn.Server(config).run(sockets=[listener])


def _name(host: str) -> str:
    """A Host header without its port."""
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host


def _encode(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
