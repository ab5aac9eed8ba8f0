"""Two connections made one: bytes of either go to the other, as fast as the slower end takes them."""

from __future__ import annotations

import asyncio
import contextlib
import time

__all__ = ["BUFFER", "Ends", "hang_up", "splice"]

BUFFER = 2**15
"""Bytes that wait on one side of one connection, about; beyond, its sender is not read from."""

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def splice(one: Ends, other: Ends, idle: float) -> None:
    """Pass bytes both ways until an end hangs up, or nothing came from either for ``idle`` seconds; then hang up both.
    Nothing is looked at. Never raises for what an end does."""
    last = [time.monotonic()]
    for _, writer in (one, other):
        writer.transport.set_write_buffer_limits(high=BUFFER)
    pumps = [asyncio.create_task(_pump(one[0], other[1], last)), asyncio.create_task(_pump(other[0], one[1], last))]
    try:
        while (left := last[0] + idle - time.monotonic()) > 0:
            done, _ = await asyncio.wait(pumps, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        hang_up(one[1])
        hang_up(other[1])


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: list[float]) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(BUFFER):
            last[0] = time.monotonic()
            writer.write(piece)
            await writer.drain()


def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection; what was written before still goes out, if the other end takes it."""
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
