"""HTTP/1.1 as far as JSON-RPC needs it: requests with a body, one after another on a connection that is kept.

A framework takes longer for a request than the chain for most answers; this reads what arrives in one piece, finds the
head among those read before (a client's heads are all alike), and hands on the body. After RFC 9112: bodies by length
or in chunks, ``Expect: 100-continue``, HTTP/1.0, several requests sent ahead, and another protocol in its place
(a websocket).
"""

from __future__ import annotations

import asyncio
import email.utils
import functools
import json
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

__all__ = ["JSON", "MAX_BODY", "Connection", "Request"]

INVALID_REQUEST = -32600
ALONE = ("content-length", "host", "origin")
JSON = "Content-Type: application/json\r\n"

MAX_BODY = 5 * 1024 * 1024
MAX_HEAD = 64 * 1024
REQUEST_SECONDS = 60.0  # that a request may take to arrive, from its first byte to its last
READING_SECONDS = 60.0  # that a client may read nothing of an answer
KEEP_ALIVE = 60.0  # seconds that a client may pause on its connection
LINGER = 5.0  # seconds that a client has to read a refusal while it still sends
REASONS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 413: "Content Too Large", 417: "Expectation Failed", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip


class Head(NamedTuple):
    """A request's first lines; ``size`` is its body's, -1 for one in chunks."""

    method: str
    path: str
    headers: Mapping[str, str]
    size: int
    kept: bool
    expects: bool


class Request(NamedTuple):
    """A whole request; ``headers`` by their names in lower case."""

    head: Head
    body: bytes


class Malformed(Exception):
    """What arrives is not HTTP, or of a kind that is not served; ``args``: the status and a line that says why."""


@functools.lru_cache(maxsize=256)  # all requests of a client begin alike
def read_head(text: bytes) -> Head:
    """The first lines of a request, without the empty one. Raises :class:`Malformed`."""
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise Malformed(400, "this is not HTTP; send a POST")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise Malformed(505, "only HTTP/1.1 is spoken here")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed(400, "a header is not one")
        name, value = name.lower(), value.strip(" \t")
        if name in headers and name in ALONE:
            raise Malformed(400, f"it has the header {name} twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    coding, length = headers.get("transfer-encoding"), headers.get("content-length", "0")
    if coding is not None and coding.lower() != "chunked":
        raise Malformed(501, "a body is sent as it is or in chunks")
    if (coding is not None and "content-length" in headers) or not (length.isascii() and length.isdigit()):
        raise Malformed(400, "the body has a length that is not a number, or two")
    wish = headers.get("connection", "").lower()
    return Head(
        method=method,
        path=target.split("?", 1)[0],
        headers=headers,
        size=-1 if coding is not None else int(length[:20]),
        kept="close" not in wish if version == "HTTP/1.1" else "keep-alive" in wish,
        expects=headers.get("expect", "").lower() == "100-continue" and version == "HTTP/1.1",
    )


@functools.lru_cache(maxsize=1)
def _date(second: int) -> str:
    return email.utils.formatdate(second, usegmt=True)


class Connection(asyncio.Protocol):
    """One client. ``serve(request, connection)`` is called for one request at a time, in the event loop; it calls
    :meth:`answer` at once or later, or :meth:`become`."""

    def __init__(
        self,
        serve: Callable[[Request, Connection], None],
        all_of_them: set[Connection],
        is_crowded: Callable[[], str] = lambda: "",
    ) -> None:
        """``is_crowded`` says why there is no room for one more, if there is none."""
        self._serve = serve
        self._all = all_of_them
        self._is_crowded = is_crowded
        self._started: float | None = None  # when the request began to arrive that is not here as a whole
        self._unread = (0, 0.0)  # bytes that the client has not taken, and since when they are no fewer
        self._received = b""
        self._chunks = bytearray()
        self._head: Head | None = None
        self._text = b""  # of the head
        self._busy = False  # a request is being answered
        self._full = False  # the client does not read what it is sent
        self._over = False  # nothing more is read
        self.ending = False  # no further request is taken
        self.since = time.monotonic()  # when it was last heard, or answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        why = self._is_crowded()
        if why:
            self.refuse(503, why)
        else:
            self._all.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._over = True
        self._all.discard(self)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self._busy

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        self.since = time.monotonic()
        self._received = self._received + data if self._received else data
        if not self._busy and not self._full:
            self._go_on()
        elif len(self._received) > MAX_BODY:
            self.transport.pause_reading()

    def look(self, now: float) -> None:
        """Called now and then: end it where the client takes too long, or does not use it."""
        if self._over:
            return
        size = self.transport.get_write_buffer_size()
        if size == 0 or size < self._unread[0] or self._unread[0] == 0:
            self._unread = (size, now)
        elif now - self._unread[1] > READING_SECONDS:
            self.transport.abort()
            return
        if self._started is not None and not self._busy and now - self._started > REQUEST_SECONDS:
            self.refuse(408, f"the request took longer than {REQUEST_SECONDS:.0f} s to arrive; send it at once")
        elif not self._busy and now - self.since > KEEP_ALIVE:
            self.close()

    def _go_on(self) -> None:
        """Serve what has arrived, until a request has to be waited for, or answered."""
        try:
            while not (self._busy or self._full or self._over) and self._take():
                pass
        except Malformed as error:
            status, text = error.args
            self.refuse(status, text)
        if self._started is None and not self._busy and (self._received or self._head is not None):
            self._started = time.monotonic()

    def _take(self) -> bool:
        """Serve the next request, if all of it is here."""
        head = self._head
        if head is None:
            if not self._chunks and self._received.startswith(b"\r\n"):
                self._received = self._received[2:]  # some clients end a body with an empty line
            end = self._received.find(b"\r\n\r\n")
            if end > MAX_HEAD or (end < 0 and len(self._received) > MAX_HEAD):
                raise Malformed(431, f"the headers are larger than {MAX_HEAD} bytes")
            if end < 0:
                return False
            self._text = self._received[:end]
            head = self._head = read_head(self._text)
            self._received = self._received[end + 4 :]
            if head.size > MAX_BODY:
                raise Malformed(413, f"the request is larger than {MAX_BODY} bytes; split it")
            if head.expects and len(self._received) < head.size:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if head.size < 0:
            if not self._take_chunks():
                return False
            body = bytes(self._chunks)
            self._chunks.clear()
        elif len(self._received) < head.size:
            return False
        else:
            body, self._received = self._received[: head.size], self._received[head.size :]
        self._head, self._busy, self._started = None, True, None
        self._serve(Request(head, body), self)
        return True

    def _take_chunks(self) -> bool:
        """Take the chunks that have arrived; whether that was all of them."""
        while (end := self._received.find(b"\r\n")) >= 0:
            line = self._received[:end].split(b";", 1)[0].strip()
            try:
                size = int(line, 16) if len(line) <= 16 and line.isalnum() else -1
            except ValueError:
                size = -1
            if size < 0:
                raise Malformed(400, "a chunk's length is not a number")
            if len(self._chunks) + size > MAX_BODY:
                raise Malformed(413, f"the request is larger than {MAX_BODY} bytes; split it")
            if size == 0:
                if self._received.startswith(b"\r\n", end + 2):
                    self._received = self._received[end + 4 :]
                    return True
                trailer = self._received.find(b"\r\n\r\n", end)
                if trailer >= 0:
                    self._received = self._received[trailer + 4 :]
                return trailer >= 0
            if len(self._received) < end + 2 + size + 2:
                return False
            self._chunks += self._received[end + 2 : end + 2 + size]
            self._received = self._received[end + 2 + size + 2 :]
        if len(self._received) > 256:
            raise Malformed(400, "a chunk's length is not a number")
        return False

    def answer(self, status: int, body: bytes = b"", headers: str = "", *, kept: bool = True) -> None:
        """Answer the request; ``headers`` are whole lines with their ends."""
        if self._over:
            return
        kept = kept and not self.ending
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nDate: {_date(int(time.time()))}\r\n{headers}"
            f"{'' if kept else 'Connection: close' + chr(13) + chr(10)}"
            f"{'' if status == 204 else f'Content-Length: {len(body)}' + chr(13) + chr(10)}\r\n"
        )
        self.transport.write(head.encode("latin-1") + body)
        self.since = time.monotonic()
        self._busy = False
        if not kept:
            self.close()
        elif self._received:  # the next request has been sent already
            self.transport.resume_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def refuse(self, status: int, text: str) -> None:
        """Say why a request is not answered, as JSON-RPC says it, and end the connection."""
        error = {"jsonrpc": "2.0", "id": None, "error": {"code": INVALID_REQUEST, "message": text}}
        self.answer(status, json.dumps(error, separators=(",", ":")).encode(), JSON, kept=False)

    def close(self) -> None:
        """End it once everything has been sent; the client may read that although it is still sending."""
        self._over = True
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self.transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER, self.transport.abort)

    def eof_received(self) -> bool:
        """The client sends no more: what it has asked is still answered."""
        self.ending = True
        return self._busy and not self._over

    def become(self, protocol: asyncio.Protocol) -> None:
        """Hand the connection to ``protocol``, with all that the client has sent since this request began."""
        self._over = True
        self._all.discard(self)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(self._text + b"\r\n\r\n" + self._received)
