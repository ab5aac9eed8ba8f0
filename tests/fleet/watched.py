"""Devices whose every byte is seen, for tests: what an axon gives to TLS is written down, and what leaves goes through
a proxy that counts it, so that nothing else can have left."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from klopf import fleet, wire

Serve = Callable[[fleet.Post], Any]
_UNARY, _STREAM = "unary_unary_rpc_method_handler", "stream_stream_rpc_method_handler"


def _watch(dump: Path) -> None:
    """From now on, all that this process answers is written to ``dump`` just before it is encrypted, and connections
    that it opens by itself to ``dump.connects``."""

    def note(message: bytes) -> bytes:
        with dump.open("ab") as file:
            file.write(message)
        return message

    for name in (_UNARY, _STREAM):
        setattr(grpc, name, functools.partial(getattr(grpc, name), response_serializer=note))

    def audit(event: str, words: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            with dump.with_suffix(".connects").open("a") as file:
                file.write(f"{words[1]}\n")

    sys.addaudithook(audit)


def _live(pipe: Any, serve: Serve, dump: Path, asker: fleet.Card) -> None:
    _watch(dump)
    asyncio.run(_serving(pipe, serve, asker))


async def _serving(pipe: Any, serve: Serve, asker: fleet.Card) -> None:
    post = fleet.Post("watched")
    post.knows(asker)
    await serve(post)
    pipe.send(post.card())
    await asyncio.Event().wait()


@contextmanager
def watched(serve: Serve, asker: fleet.Card, folder: Path) -> Iterator[tuple[fleet.Card, Path]]:
    """A device in a process of its own, which ``serve`` (a function of a module) opens; its card, and what it gave to
    TLS so far."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    dump = folder / "answers"
    dump.touch()
    process = context.Process(target=_live, args=(theirs, serve, dump, asker), daemon=True)
    process.start()
    try:
        assert ours.poll(150), "the device did not start"
        yield ours.recv(), dump
    finally:
        process.kill()
        process.join()


class Proxy:
    """Passes TCP on to a card's endpoint and counts what comes back; ``card`` is that card with the proxy's place."""

    def __init__(self, card: fleet.Card) -> None:
        self._host, _, port = card.peer.endpoint.rpartition(":")
        self._port, self.back, self.connections, self._card = int(port), 0, 0, card

    async def __aenter__(self) -> fleet.Card:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        peer = self._card.peer
        there = wire.Peer(peer.id, peer.key, f"127.0.0.1:{port}", peer.fingerprint, peer.certificate)
        return fleet.Card(self._card.name, there)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        from_device, to_device = await asyncio.open_connection(self._host.strip("[]"), self._port)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, counts: bool) -> None:
            while piece := await source.read(1 << 16):
                self.back += len(piece) if counts else 0
                sink.write(piece)
                await sink.drain()
            sink.close()

        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(pump(reader, to_device, False), pump(from_device, writer, True))


def found(said: bytes, records: NDArray[np.float32]) -> list[str]:
    """In which ways numbers of ``records`` ``(records, fields)`` are in ``said``: as float64, two together as float32,
    four together as half floats, rows and columns, either end first, and as text."""
    ways = []
    for order, table in (("row", records), ("column", records.T)):
        for kind, together in (("f8", 1), ("f4", 2), ("f2", 4)):
            for end in "<>":
                rows = np.ascontiguousarray(table, end + kind)
                width = together * rows.itemsize
                for row in rows:
                    raw = row.tobytes()
                    pieces = [raw[i : i + width] for i in range(0, len(raw) - width + 1, rows.itemsize)]
                    ways += [f"{end}{kind} in a {order}" for piece in pieces if piece in said]
        upper = np.ascontiguousarray(table, ">f4").view(np.uint16).reshape(*table.shape, 2)[:, :, :1]
        for row in upper:  # bfloat16: the upper half of each float32, as it lies there
            raw = row.tobytes()
            ways += [f"bfloat16 in a {order}" for i in range(0, len(raw) - 7, 2) if raw[i : i + 8] in said]
    for number in records.ravel():
        for text in (f"{number:.7g}", f"{number:.6f}", repr(float(number)), np.float32(number).tobytes().hex()):
            ways += ["text"] if text.encode() in said else []
    for row in records:
        for kind in ("<f4", "<f8"):
            for start in range(3):  # three ways in which bytes fall into base64
                inside = base64.b64encode(b"\0" * start + row.astype(kind).tobytes())[4:20]
                ways += ["base64"] if inside in said else []
    return sorted(set(ways))
