"""A websocket on a connection that began as HTTP, by the protocol of the ``websockets`` package."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from klopf.chain.rpc._http import MAX_BODY

__all__ = ["Socket"]

AHEAD = 64  # messages that may lie unread
PING = 20.0  # seconds between questions whether the client is there
GONE = 60.0  # seconds without a word after which it is not
LINGER = 5.0
GOING_AWAY = 1001


class Socket(asyncio.Protocol):
    """One client's websocket; ``talk(socket)`` is run as long as it is open."""

    def __init__(self, talk: Callable[[Socket], Awaitable[None]], all_of_them: set[Socket]) -> None:
        self._talk = talk
        self._all = all_of_them
        self._protocol = ServerProtocol(max_size=MAX_BODY, extensions=[ServerPerMessageDeflateFactory()])
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._parts: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._ended = False  # nothing more is sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._all.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._all.discard(self)
        self._protocol.receive_eof()
        self._messages.put_nowait(None)
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._heard = time.monotonic()
        self._protocol.receive_data(data)
        self._go_on()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._go_on()
        return True

    def _go_on(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                answer = self._protocol.accept(event)
                self._protocol.send_response(answer)
                if answer.status_code == 101:
                    self._task = asyncio.ensure_future(self._run())
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._parts.append(bytes(event.data))
                if event.fin:
                    self._messages.put_nowait(b"".join(self._parts))
                    self._parts.clear()
        if self._messages.qsize() > AHEAD:
            self._transport.pause_reading()
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._ended or self._transport.is_closing():
                continue  # the protocol still answers what was sent behind a frame that is none
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
                self._ended = True
        if self._protocol.close_expected():
            self._messages.put_nowait(None)
            asyncio.get_running_loop().call_later(LINGER, self._transport.abort)

    async def _run(self) -> None:
        try:
            await self._talk(self)
        finally:
            self.close()

    async def messages(self) -> AsyncIterator[bytes]:
        """What the client sends, until it goes; text comes as its bytes."""
        while (message := await self._messages.get()) is not None:
            if self._messages.qsize() <= AHEAD:
                self._transport.resume_reading()
            yield message

    async def send(self, text: bytes) -> None:
        """Send a message of text; waits while the client reads nothing."""
        await self._writable.wait()
        if self._protocol.state is OPEN:
            self._protocol.send_text(text)
            self._flush()

    def close(self) -> None:
        """End it, as the protocol does."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(GOING_AWAY)
            self._flush()

    def look(self, now: float) -> None:
        """Called now and then: ask a silent client whether it is there, and end with one that is gone."""
        if now - self._heard > GONE:
            self._transport.abort()
        elif now - self._heard > PING and self._protocol.state is OPEN:
            self._protocol.send_ping(b"")
            self._flush()
