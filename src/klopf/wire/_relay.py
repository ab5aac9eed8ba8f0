"""The relay: it lends a port to whoever cannot be dialled, and passes on bytes that it cannot read.

A neuron dials the relay and reserves a port there. Whoever dials that port is announced to the neuron, which dials the
relay once more for this connection alone; the relay makes the two one. TLS goes from asker to neuron through it, with
the certificate that the registry has: the relay sees who speaks with whom, when and how much, and can refuse; it can
read, change and answer nothing. Reservations, and the bounds on them, are as in libp2p's circuit relay v2, with a port
for each in place of a protocol that askers would have to know.

What travels between neuron and relay are lines of ASCII. A neuron begins with one of

    klopf relay 1 reserve TOKEN
    klopf relay 1 stream STREAM

To the first it gets ``port PORT`` or ``no REASON``; then ``alive`` goes both ways, and ``dial STREAM`` to the neuron.
After the second, the bytes of that connection follow. A token is 64 hexadecimal digits: whoever comes back with it gets
the same port again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

from klopf.errors import WireError
from klopf.wire._splice import BUFFER, Ends, hang_up, splice

__all__ = ["ALIVE_SECONDS", "HELLO", "Relay", "RelayLimits"]

HELLO = "klopf relay 1"
ALIVE_SECONDS = 15.0
"""Between two signs of life; three that are missing end a reservation."""
LINE_SECONDS = 10.0
"""For a first line to come, and for a neuron to dial back."""
log = logging.getLogger("klopf.wire")


@dataclass(frozen=True)
class RelayLimits:
    """What a relay lends.

    reservations: ports at a time. of_one: of these, to one address. streams: connections through one port. all_streams:
    through all; each takes up to 160 KiB. idle: seconds without a byte after which one ends. kept: seconds for which a
    port is kept for who held it.
    """

    reservations: int = 64
    of_one: int = 8
    streams: int = 64
    all_streams: int = 512
    idle: float = 300.0
    kept: float = 3600.0


@dataclass
class _Lent:
    """A port that is lent."""

    token: str
    writer: asyncio.StreamWriter
    port: int = 0
    server: asyncio.Server | None = None
    streams: int = 0
    waiting: dict[str, asyncio.Future[Ends]] = field(default_factory=dict)


class Relay:
    """A relay at ``host`` (empty: all addresses of this machine).

    port: 0 for any free one, known after :meth:`start`. first_port: the lent ports are this and those that follow; 0:
    any free ones.
    """

    def __init__(self, host: str, port: int = 0, *, first_port: int = 0, limits: RelayLimits | None = None) -> None:
        self.host, self.port = host, port
        self.limits = limits or RelayLimits()
        self._first = first_port
        self._lent: dict[str, _Lent] = {}
        self._by_address: Counter[str] = Counter()
        self._dialled: dict[str, _Lent] = {}
        """By stream that waits for its neuron."""
        self._before: dict[str, tuple[int, float]] = {}
        """By token, the port that was held, and until when it is kept."""
        self._streams = 0
        self._open = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises WireError if the port is taken."""
        try:
            listener = _listener(self.host, self.port)
            self._server = await asyncio.start_server(self._met, sock=listener, limit=BUFFER // 2)
        except OSError as error:
            raise WireError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror or error}; choose another address or port"
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up everything."""
        for lent in list(self._lent.values()):
            hang_up(lent.writer)
            if lent.server is not None:
                lent.server.close()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def __aenter__(self) -> Relay:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def load(self) -> tuple[int, int]:
        """(ports lent, connections through them)"""
        return len(self._lent), self._streams

    # -- neurons

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody dialled the relay itself."""
        limits = self.limits
        if self._open >= 2 * (limits.reservations + limits.all_streams):
            hang_up(writer)
            return
        self._open += 1
        try:
            async with asyncio.timeout(LINE_SECONDS):
                words = await _line(reader)
            if re.fullmatch(rf"{HELLO} reserve [0-9a-f]{{64}}", words):
                await self._lend(words[-64:], reader, writer)
            elif re.fullmatch(rf"{HELLO} stream [0-9a-f]{{32}}", words):
                await self._dialled_back(words[-32:], reader, writer)
        except (OSError, TimeoutError, ValueError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # strangers may say anything, or hang up; and the relay may end
        except Exception:
            log.exception("a connection to the relay failed")
        finally:
            self._open -= 1
            hang_up(writer)

    async def _lend(self, token: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lend a port as long as signs of life come."""
        if (before := self._lent.get(token)) is not None:  # its old connection is dead, and does not know it yet
            self._end(before)
        address = str((writer.get_extra_info("peername") or ("",))[0])
        refused = ""
        if len(self._lent) >= self.limits.reservations:
            refused = "all ports are lent"
        elif self._by_address[address] >= self.limits.of_one:
            refused = f"{self.limits.of_one} ports are lent to this address"
        if refused:
            writer.write(f"no {refused}\n".encode())
            await writer.drain()
            return
        lent = _Lent(token, writer)
        self._lent[token] = lent
        self._by_address[address] += 1
        try:
            await self._open_port(lent)
            writer.write(f"port {lent.port}\n".encode())
            while True:
                async with asyncio.timeout(3 * ALIVE_SECONDS):
                    if await _line(reader) != "alive":
                        return
                    writer.write(b"alive\n")
                    await writer.drain()
        finally:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
            self._end(lent)

    def _end(self, lent: _Lent) -> None:
        """Take a port back, and keep it for a while for who held it."""
        if self._lent.get(lent.token) is lent:
            del self._lent[lent.token]
        if lent.server is not None:
            lent.server.close()
            lent.server = None
            now = time.monotonic()
            self._before = {token: kept for token, kept in self._before.items() if kept[1] > now}
            while len(self._before) >= 16 * self.limits.reservations:
                del self._before[next(iter(self._before))]
            self._before[lent.token] = (lent.port, now + self.limits.kept)
        hang_up(lent.writer)

    async def _open_port(self, lent: _Lent) -> None:
        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._asked(lent, (reader, writer))

        for port in self._ports(lent.token):
            with contextlib.suppress(OSError):
                listener = _listener(self.host, port)
                lent.server, lent.port = (
                    await asyncio.start_server(met, sock=listener, limit=BUFFER // 2), listener.getsockname()[1],
                )  # fmt: skip
                return
        raise OSError("no port is free")

    def _ports(self, token: str) -> list[int]:
        """Those to try: the one that was held, and others that nobody's is."""
        held = self._before.get(token, (0, 0.0))[0]
        if not self._first:
            return [held, 0] if held else [0]
        kept = {port for port, until in self._before.values() if until > time.monotonic()}
        ports = [*range(self._first, min(self._first + 2 * self.limits.reservations, 65_536))]
        fresh, others = [p for p in ports if p not in kept], [p for p in ports if p in kept]
        return [*([held] if held else []), *fresh, *others]

    # -- askers

    async def _asked(self, lent: _Lent, asker: Ends) -> None:
        """Somebody dialled a port that is lent: have its neuron dial back, and make the two one."""
        limits = self.limits
        if lent.streams >= limits.streams or self._streams >= limits.all_streams:
            hang_up(asker[1])
            return
        lent.streams += 1
        self._streams += 1
        stream = secrets.token_hex(16)
        self._dialled[stream] = lent
        lent.waiting[stream] = asyncio.get_running_loop().create_future()
        try:
            lent.writer.write(f"dial {stream}\n".encode())
            async with asyncio.timeout(LINE_SECONDS):
                await lent.writer.drain()
                neuron = await lent.waiting[stream]
            await splice(asker, neuron, limits.idle)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass
        except Exception:
            log.exception("a connection through the relay failed")
        finally:
            self._dialled.pop(stream, None)
            found = lent.waiting.pop(stream)
            if found.done() and not found.cancelled():
                hang_up(found.result()[1])
            lent.streams -= 1
            self._streams -= 1
            hang_up(asker[1])

    async def _dialled_back(self, stream: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A neuron dialled back: hand its connection over, and stay until that is hung up."""
        lent = self._dialled.pop(stream, None)
        if lent is None or lent.waiting[stream].done():
            return
        lent.waiting[stream].set_result((reader, writer))
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _listener(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


async def _line(reader: asyncio.StreamReader) -> str:
    """The next line, of 256 bytes at most. ValueError where it is none."""
    line = await reader.readuntil(b"\n")
    if len(line) > 256:
        raise ValueError("no line")
    return line[:-1].decode("ascii")
