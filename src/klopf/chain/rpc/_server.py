"""JSON-RPC over HTTP and websockets: the same chain for ethers, cast, wallets and other machines' web3."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

from klopf.chain._chain import Chain
from klopf.chain.rpc._desk import Desk
from klopf.chain.rpc._http import JSON, Connection, Request
from klopf.chain.rpc._rpc import Rpc
from klopf.chain.rpc._slice import ask_for_short_turns
from klopf.chain.rpc._socket import Socket
from klopf.chain.rpc._wakeful import Wakeful
from klopf.chain.rpc._websocket import Session
from klopf.errors import ChainError

__all__ = ["serve"]

MAX_CONNECTIONS = 1000
OTHER_FILES = 64  # that a process may have open beside them
LOOK_SECONDS = 5.0
ENDING_SECONDS = 10.0  # that answers on their way have at the end


class Door:
    """Who may ask: by one of its own names (``hosts``; None: any), so that a web page that lets its own name point to
    this machine cannot ask through its visitor's browser; and from no page but its own and ``origins`` (CORS)."""

    def __init__(self, hosts: tuple[str, ...] | None, origins: tuple[str, ...]) -> None:
        self._hosts = hosts
        self._origins = origins
        self.allows = functools.lru_cache(maxsize=256)(self._allows)

    def _allows(self, host: str, page: str) -> bool:
        """Whether a request with that Host and that Origin is answered."""
        if self._hosts is not None and _name(host) not in self._hosts:
            return False
        if not page or page in self._origins:
            return True
        asks = page.split("//", 1)[-1]
        return asks == host if self._hosts is None else _name(asks) in self._hosts

    def shared(self, page: str) -> str:
        """Headers by which a browser lets a listed page read the answer."""
        return f"Access-Control-Allow-Origin: {page}\r\nVary: Origin\r\n" if page in self._origins else ""


class Server:
    """The connections of one listening socket, and what answers them."""

    def __init__(self, rpc: Rpc, door: Door) -> None:
        self._door = door
        self._desk = Desk(rpc, lambda: len(self._connections) + len(self._sockets) <= 1)
        self._connections: set[Connection] = set()
        self._sockets: set[Socket] = set()
        self._wakeful = Wakeful()
        self._most = min(MAX_CONNECTIONS, _files() - OTHER_FILES)

    async def run(self, listener: socket.socket, ready: Callable[[], None]) -> int | None:
        """Serve until interrupted; returns the signal."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self._serve, self._connections, self._is_crowded), sock=listener, backlog=1024
        )
        with _interrupts(loop) as interrupted:
            ready()
            while not interrupted.done():
                await asyncio.wait([interrupted], timeout=LOOK_SECONDS)
                self._look()
            server.close()
            await self._end()
        return interrupted.result()

    def _is_crowded(self) -> str:
        """Why there is no room for one more client, if there is none."""
        if len(self._connections) + len(self._sockets) < self._most:
            return ""
        return f"{self._most} clients are connected, which is all there is room for; try again later"

    def _look(self) -> None:
        """End connections that nobody uses, and see that websockets are alive."""
        now = time.monotonic()
        for connection in list(self._connections):
            connection.look(now)
        for websocket in list(self._sockets):
            websocket.look(now)

    async def _end(self) -> None:
        """Let what is being answered be answered, then go."""
        for connection in list(self._connections):
            connection.ending = True
            if not connection.is_busy:
                connection.close()
        for websocket in list(self._sockets):
            websocket.close()
        until = time.monotonic() + ENDING_SECONDS
        while any(connection.is_busy for connection in self._connections) and time.monotonic() < until:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(self._desk.close)

    def _serve(self, request: Request, connection: Connection) -> None:
        head = request.head
        page = head.headers.get("origin", "")
        if not self._door.allows(head.headers.get("host", ""), page):
            connection.refuse(
                403, "asked by another name or page than this server's; use its own address, or list the page"
            )
        elif head.path != "/":
            connection.refuse(404, "there is nothing at this path; ask at /")
        elif head.method == "POST":
            shared = self._door.shared(page)
            self._wakeful.asked()

            def done(answer: bytes | None) -> None:
                self._wakeful.answered()
                if answer is None:
                    connection.answer(204, b"", shared, kept=head.kept)
                else:
                    connection.answer(200, answer, JSON + shared, kept=head.kept)

            self._desk.take(request.body, done, connection)
        elif head.method == "OPTIONS":
            methods = "Access-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: Content-Type\r\n"
            connection.answer(204, b"", self._door.shared(page) + methods, kept=head.kept)
        elif head.method == "GET" and head.headers.get("upgrade", "").lower() == "websocket":
            connection.become(Socket(self._talk, self._sockets))
        else:
            connection.refuse(405, "this is JSON-RPC; send a POST")

    async def _talk(self, websocket: Socket) -> None:
        await Session(self._desk, websocket.send).run(websocket.messages())


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
        except OSError as error:
            listener.close()
            raise ChainError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error
        bound = listener.getsockname()[1]
        own = f"[{host}]" if ":" in host else host
        hosts = None if host in ("0.0.0.0", "::", "") else ("localhost", "127.0.0.1", "[::1]", own)
        server = Server(Rpc(chain, dev), Door(hosts, origins))
        with listener:
            tell = ready or (lambda url: None)
            if threading.current_thread() is threading.main_thread():  # else it is somebody's program
                ask_for_short_turns()
            with asyncio.Runner(loop_factory=_loop) as runner:
                number = runner.run(server.run(listener, lambda: tell(f"http://{own}:{bound}")))
    if number is not None:
        signal.raise_signal(number)  # all is closed: now what the signal means otherwise


def _files() -> int:
    """How many files this process may have open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS + OTHER_FILES
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MAX_CONNECTIONS + OTHER_FILES if limit == resource.RLIM_INFINITY else limit


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed (there is none for Windows): 40 µs less a request than with asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


@contextlib.contextmanager
def _interrupts(loop: asyncio.AbstractEventLoop) -> Iterator[asyncio.Future[int | None]]:
    """A future that is done when this process is asked to end; a second time it ends at once."""
    interrupted: asyncio.Future[int | None] = loop.create_future()
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        if not interrupted.done():
            interrupted.set_result(number)

    for number in numbers:
        with contextlib.suppress(NotImplementedError):  # on Windows Ctrl-C ends the loop as it is
            loop.add_signal_handler(number, stop, number)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _name(host: str) -> str:
    """A Host header without its port."""
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host
