"""The other end of a relay: an axon that nobody can dial is reached at a port that a relay lends."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

from klopf.errors import WireError
from klopf.wire._directory import endpoint
from klopf.wire._relay import ALIVE_SECONDS, HELLO, LINE_SECONDS
from klopf.wire._splice import BUFFER, Ends, hang_up, splice

__all__ = ["Outlet"]

IDLE = 600.0
"""Seconds without a byte after which a connection ends here; the relay has a bound of its own."""
STREAMS = 128
LONGEST_PAUSE = 15.0
"""Seconds between two tries to reach the relay, at most."""


class Outlet:
    """Keeps a port reserved at the relay ``host:port`` and connects whoever dials it with ``axon``, a local address.

    token: 64 hexadecimal digits that only this neuron knows. lent: awaited with the endpoint where the neuron is now
    reached, each time that this is another one. say: told, in a line, that the relay is away.
    """

    def __init__(
        self, relay: tuple[str, int], axon: tuple[str, int], token: str, lent: Callable[[str], Awaitable[None]],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._relay, self._axon, self._token, self._lent, self._say = relay, axon, token, lent, say
        self._announced = ""
        self._streams: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Go on until cancelled, whatever the relay does."""
        pause = 0.5
        try:
            while True:
                try:
                    await self._reserve()
                    pause = 0.5
                except WireError as error:
                    self._say(f"the relay at {endpoint(*self._relay)} lends no port: {error}")
                except (OSError, TimeoutError, ValueError, EOFError, asyncio.LimitOverrunError) as error:
                    said = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
                    self._say(f"the relay at {endpoint(*self._relay)} is away ({said}): it is tried again")
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            for task in self._streams:
                task.cancel()

    async def _reserve(self) -> None:
        """Hold a port until the relay is lost."""
        async with asyncio.timeout(LINE_SECONDS):
            reader, writer = await self._dial()
        try:
            writer.write(f"{HELLO} reserve {self._token}\n".encode())
            async with asyncio.timeout(LINE_SECONDS):
                word, _, rest = (await self._line(reader)).partition(" ")
            if word != "port" or not rest.isdigit() or not 0 < int(rest) < 65_536:
                raise WireError(rest[:80] if word == "no" and rest.isprintable() else "it is no relay of Klopf's")
            place = endpoint(self._relay[0], int(rest))
            tasks = [asyncio.create_task(self._stay_alive(writer)), asyncio.create_task(self._announce(place))]
            try:
                while True:
                    async with asyncio.timeout(3 * ALIVE_SECONDS):
                        line = await self._line(reader)
                    if line.startswith("dial ") and len(self._streams) < STREAMS:
                        task = asyncio.create_task(self._answer(line[5:]))
                        self._streams.add(task)
                        task.add_done_callback(self._streams.discard)
            finally:
                for task in tasks:
                    task.cancel()
        finally:
            hang_up(writer)

    async def _announce(self, place: str) -> None:
        if place != self._announced:
            await self._lent(place)
            self._announced = place

    async def _dial(self) -> Ends:
        return await asyncio.open_connection(*self._relay, limit=BUFFER // 2)

    async def _line(self, reader: asyncio.StreamReader) -> str:
        return (await reader.readuntil(b"\n"))[:-1].decode("ascii", "replace")

    async def _stay_alive(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"alive\n")
                await writer.drain()
                await asyncio.sleep(ALIVE_SECONDS)

    async def _answer(self, stream: str) -> None:
        """Dial back for one connection, and connect it with the axon."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(LINE_SECONDS):
                there = await self._dial()
            try:
                there[1].write(f"{HELLO} stream {stream}\n".encode())
                async with asyncio.timeout(LINE_SECONDS):
                    here = await asyncio.open_connection(*self._axon, limit=BUFFER // 2)
                await splice(there, here, IDLE)
            finally:
                hang_up(there[1])
