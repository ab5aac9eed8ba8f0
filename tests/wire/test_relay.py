"""A relay passes on what it cannot read, and is worn out by nobody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from klopf import wire
from klopf.errors import WireError
from klopf.wire import _relay

TOKEN = "7" * 64


@asynccontextmanager
async def reserved(relay: wire.Relay, axon: wire.Axon, token: str = TOKEN) -> AsyncIterator[list[str]]:
    """The places at which an axon was reached through a relay, the newest last."""
    places: list[str] = []
    told = asyncio.Event()

    async def lent(place: str) -> None:
        places.append(place)
        told.set()

    outlet = wire.Outlet(("127.0.0.1", relay.port), (axon.host, axon.port), token, lent, lambda line: None)
    task = asyncio.create_task(outlet.run())
    try:
        await asyncio.wait_for(told.wait(), 10)
        yield places
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def dialled(net: Any, place: str) -> None:
    """From now on the speaker is asked at ``place``."""
    net.roll.put(net.speaker.peer(place))


async def raw(port: int, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def hung_up(reader: asyncio.StreamReader, seconds: float = 5.0) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while await reader.read(4096):
                pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


async def test_an_axon_is_asked_through_a_relay_as_if_it_were_dialled(net: Any) -> None:
    large = np.arange(1 << 19, dtype=np.float64)  # 4 MiB: a stream both ways
    async with net.axon() as axon, wire.Relay("127.0.0.1") as relay, reserved(relay, axon) as places:
        assert places == [f"127.0.0.1:{relay._lent[TOKEN].port}"]
        dialled(net, places[0])
        async with net.dendrite() as dendrite:
            for size in (1, 1000):
                got = await dendrite.ask(1, "answer", {"x": np.ones(size)}, timeout=20)
                assert np.array_equal(got.tensors["x"], np.full(size, 2.0))
            many = await asyncio.gather(*(dendrite.ask(1, "answer", {"x": np.ones(3)}, timeout=20) for _ in range(30)))
            assert len(many) == 30
            got = await dendrite.ask(1, "answer", {"x": large}, timeout=40)
            assert np.array_equal(got.tensors["x"], 2 * large)
            assert relay.load == (1, 1)


async def test_whoever_holds_the_relay_can_neither_read_nor_answer(net: Any) -> None:
    """A relay that listens in sees TLS alone; one that connects askers with an axon of its own is not believed."""
    seen = bytearray()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", axon.port)

        async def pass_on(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while piece := await one.read(4096):
                    seen.extend(piece)
                    other.write(piece)

        await asyncio.gather(pass_on(reader, there[1]), pass_on(there[0], writer))

    secret = b"what nobody else shall know"
    async with net.axon() as axon:
        listening = await asyncio.start_server(met, "127.0.0.1", 0)
        dialled(net, f"127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        async with net.dendrite() as dendrite:
            got = await dendrite.ask(1, "answer", {"x": np.ones(1)}, secret, timeout=20)
            assert got.payload == secret
        assert len(seen) > 1000
        assert secret not in seen
        listening.close()
        forged = wire.Axon(net.other.certificate, net.other.signer, network=net.network, directory=net.roll)
        async with forged, wire.Relay("127.0.0.1") as relay, reserved(relay, forged) as places:
            dialled(net, places[0])
            async with net.dendrite(retries=0) as dendrite:
                with pytest.raises(WireError):
                    await dendrite.ask(1, "answer", {"x": np.ones(1)}, timeout=5)


async def test_a_relay_that_was_away_lends_the_same_port_again(net: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        first = min(probe.getsockname()[1], 65_000)
    async with net.axon() as axon:
        relay = wire.Relay("127.0.0.1", first_port=first)
        await relay.start()
        async with reserved(relay, axon) as places:
            dialled(net, places[0])
            async with net.dendrite() as dendrite:
                await dendrite.ask(1, "answer", {"x": np.ones(1)}, timeout=20)
                await relay.stop()
                again = wire.Relay("127.0.0.1", relay.port, first_port=first)
                async with again:
                    got = await dendrite.ask(
                        1,
                        "answer",
                        {"x": np.ones(1)},
                        timeout=20,
                    )
                    for _ in range(100):
                        if again.load[0]:
                            break
                        await asyncio.sleep(0.1)
                    got = await dendrite.ask(1, "answer", {"x": np.ones(1)}, timeout=20)
                    assert got.tensors["x"] == [2.0]
        assert len(places) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n",
        b"x" * 100_000,
        b"\xff\xfe\n",
        b"klopf relay 1 reserve short\n",
        b"klopf relay 1 stream " + b"0" * 32 + b"\n",
        b"klopf relay 2 reserve " + b"7" * 64 + b"\n",
        b"klopf relay 1 reserve " + b"7" * 65 + b"\n",
    ],
)
async def test_garbage_is_hung_up_on(sent: bytes) -> None:
    async with wire.Relay("127.0.0.1") as relay:
        reader, writer = await raw(relay.port, sent)
        assert await hung_up(reader)
        assert relay.load == (0, 0)
        writer.close()


async def test_what_is_lent_is_bounded(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "LINE_SECONDS", 0.3)
    limits = wire.RelayLimits(reservations=3, of_one=2, streams=2, all_streams=3, idle=0.5)
    async with wire.Relay("127.0.0.1", limits=limits) as relay:
        held = []
        for k in range(2):
            reader, writer = await raw(relay.port, f"klopf relay 1 reserve {k:064x}\n".encode())
            line = await reader.readline()
            assert line.startswith(b"port ")
            held.append((reader, writer, int(line[5:])))
        reader, _writer = await raw(relay.port, f"klopf relay 1 reserve {9:064x}\n".encode())
        assert await reader.readline() == b"no 2 ports are lent to this address\n"
        # nobody dials back: whoever asks is let go soon; the third at once
        askers = [await raw(held[0][2]) for _ in range(3)]
        assert await hung_up(askers[2][0], 0.2)
        assert await hung_up(askers[0][0], 1.0)
        assert await hung_up(askers[1][0], 1.0)
        assert relay.load == (2, 0)
        # a connection over which nothing goes ends
        asker, _talk = await raw(held[1][2], b"hello")
        stream = (await held[1][0].readline()).split()[1].decode()
        back, answers = await raw(relay.port, f"klopf relay 1 stream {stream}\n".encode())
        assert await back.readexactly(5) == b"hello"
        answers.write(b"there")
        assert await asker.readexactly(5) == b"there"
        assert await hung_up(asker, 2.0)
        assert await hung_up(back, 2.0)
        assert relay.load == (2, 0)
        # and whoever hangs up gives its port back
        for _, writer, _ in held:
            writer.close()
        for _ in range(50):
            if relay.load == (0, 0):
                break
            await asyncio.sleep(0.02)
        assert relay.load == (0, 0)
        assert not relay._dialled
        assert not relay._by_address


async def test_a_silent_neuron_loses_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay, "ALIVE_SECONDS", 0.1)
    async with wire.Relay("127.0.0.1") as relay:
        reader, _writer = await raw(relay.port, f"klopf relay 1 reserve {TOKEN}\n".encode())
        assert (await reader.readline()).startswith(b"port ")
        assert await hung_up(reader, 2.0)
        assert relay.load == (0, 0)


async def test_memory_is_bounded_where_one_end_does_not_read(net: Any) -> None:
    async with wire.Relay("127.0.0.1") as relay:
        control, held = await raw(relay.port, f"klopf relay 1 reserve {TOKEN}\n".encode())
        port = int((await control.readline())[5:])
        _unread, asker = await raw(port)
        stream = (await control.readline()).split()[1].decode()
        back = await raw(relay.port, f"klopf relay 1 stream {stream}\n".encode())  # reads nothing
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                while sent < 1 << 27:
                    asker.write(b"x" * 65_536)
                    await asker.drain()
                    sent += 65_536
        assert sent < 1 << 26, "the sender is held up; what the kernel keeps is all there is"
        for writer in (held, back[1]):
            writer.close()


def test_a_port_that_is_taken_is_one_line() -> None:
    async def twice() -> None:
        async with wire.Relay("127.0.0.1") as one:
            with pytest.raises(WireError, match="choose another address or port"):
                await wire.Relay("127.0.0.1", one.port).start()

    asyncio.run(twice())
