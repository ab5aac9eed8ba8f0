"""JSON-RPC over HTTP and websockets: the same chain for ethers, cast, wallets and other machines' web3."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from klopf.chain._chain import Chain
from klopf.chain.rpc._rpc import Rpc
from klopf.chain.rpc._websocket import Session, is_shallow
from klopf.errors import ChainError, Rejected

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["application", "serve"]

MAX_BODY = 5 * 1024 * 1024
MAX_BATCH = 1000
KEEP_ALIVE = 60  # seconds that a client may pause on its connection


def application(chain: Chain, hosts: tuple[str, ...] | None = None, *, dev: bool = False) -> Starlette:
    """The ASGI application: ``POST /`` takes a JSON-RPC request or a batch of them; a websocket at ``/`` takes requests
    one after another and ``eth_subscribe`` besides.

    ``hosts`` are the names by which it may be asked (None: any), so that a web page that lets its own name point to
    this machine cannot ask through its visitor's browser.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    rpc = Rpc(chain, dev)

    def handle(body: bytes) -> bytes:
        try:
            request = json.loads(body) if is_shallow(body) else None
        except ValueError:
            request = None
        if request is None:
            return _encode(_error("not JSON, or nested too deep; send a JSON-RPC request", -32700))
        if not isinstance(request, list):
            return _encode(rpc.answer(request))
        if not request or len(request) > MAX_BATCH:
            return _encode(_error(f"a batch holds 1 to {MAX_BATCH} requests; split it", -32600))
        return _encode(rpc.answer_all(request))

    async def post(request: Request) -> Response:
        if hosts is not None and _name(request.headers.get("host", "")) not in hosts:
            text = _encode(_error("asked by another name than this server's; use its own address", -32600))
            return Response(text, 403, media_type="application/json")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                text = _encode(_error(f"the request is larger than {MAX_BODY} bytes; split it", -32600))
                return Response(text, 413, media_type="application/json")
        return Response(await run_in_threadpool(handle, bytes(body)), media_type="application/json")

    async def frames(socket: WebSocket) -> AsyncIterator[str | bytes]:
        while (message := await socket.receive())["type"] == "websocket.receive":
            yield message["bytes"] if message.get("text") is None else message["text"]

    async def listen(socket: WebSocket) -> None:
        page = socket.headers.get("origin", "")  # browsers say which page asks; theirs must be this server's
        asked = [socket.headers.get("host", ""), *([page.split("//", 1)[-1]] if page else [])]
        if hosts is not None and any(_name(name) not in hosts for name in asked):
            await socket.close(1008)
            return
        await socket.accept()
        await Session(rpc, socket.send_text).run(frames(socket))

    return Starlette(routes=[Route("/", post, methods=["POST"]), WebSocketRoute("/", listen)])


def serve(
    path: str | os.PathLike[str],
    host: str = "127.0.0.1",
    port: int = 8545,
    *,
    read_only: bool = False,
    chain_id: int | None = None,
    dev: bool = False,
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
            application(chain, hosts, dev=dev),
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


def _error(message: str, code: int) -> dict[str, Any]:
    error = Rejected(message, code)
    return {"jsonrpc": "2.0", "id": None, "error": {"code": error.code, "message": str(error)}}


def _encode(answer: Any) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
