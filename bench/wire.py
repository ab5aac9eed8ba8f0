"""How much of bare gRPC's speed is left once every request and answer is authentic, fresh and encrypted.

    python bench/wire.py            # about a minute;  --quick: a few seconds, for a look

Server and client are processes of their own on loopback. Rounds of the four are taken in turn; shown is the median of
the rates and, in brackets, of the ratios to bare `grpc.aio` (insecure, unsigned, no checks) in the same round. "mutual
TLS" is bare gRPC over the same certificates, to show what is TLS and what is ours. "and signatures" is that, and
nothing more, but what no signed protocol can spare: both ends hash what they send and get, sign it and recover the
other's address. An axon runs as it does by default, but for the limit on requests a second. "4 KB": 4,096 bytes of
float32 asked, and as many answered. "streamed": 64 MiB asked in chunks of 1 MiB, a number answered.

On two cores that were shared with other work (so: the ratios, not the rates)::

                                           bare grpc.aio                mutual TLS                     klopf
    4 KB, one after another         1,997 calls/s (1.00)      1,556 calls/s (0.87)        818 calls/s (0.35)
    4 KB, 32 in flight              3,367 calls/s (1.00)      3,012 calls/s (0.90)      1,478 calls/s (0.36)
    64 MiB streamed                     1.32 GB/s (1.00)          1.17 GB/s (0.99)          0.44 GB/s (0.37)

Other runs gave 0.38 to 0.41, 0.32 to 0.33, and 0.27 to 0.53.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
from figures import Report, arguments

from klopf import wire
from klopf.wire._keys import address_bytes, recover

CHUNK = 1 << 20
NETWORK = wire.network_id(31337, "0x" + "11" * 20)
OPTIONS = [("grpc.max_receive_message_length", 2 * CHUNK), ("grpc.use_local_subchannel_pool", 1)]

Ask = Callable[[np.ndarray[Any, Any]], Awaitable[Any]]


def people() -> tuple[list[wire.Certificate], list[wire.LocalSigner]]:
    certificates = [wire.Certificate.new(name) for name in ("speaker", "asker")]
    return certificates, [wire.LocalSigner(bytes([i]) * 32) for i in (1, 2)]


def peer(i: int, certificate: wire.Certificate, signer: wire.LocalSigner, endpoint: str = "") -> wire.Peer:
    return wire.Peer(i, signer.address, endpoint, certificate.fingerprint, certificate.der)


def vouched(body: bytes, signer: wire.LocalSigner) -> bytes:
    """A signature over its sha256, and the body."""
    return signer.sign(hashlib.sha256(body).digest()) + body


def checked(message: bytes, address: str) -> bytes:
    """The body, if ``address`` signed it."""
    assert recover(hashlib.sha256(message[65:]).digest(), message[:65]) == address_bytes(address)
    return message[65:]


# -- servers, in the other process


async def serve(pipe: Any, parts: list[tuple[bytes, bytes]]) -> None:
    import grpc

    certificates = [wire.Certificate(*part) for part in parts]
    signers = people()[1]

    async def echo(message: bytes, context: Any) -> bytes:
        return message

    async def swallow(messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        whole = np.empty(64 * CHUNK, np.uint8).data
        start = 0
        async for message in messages:
            whole[start : start + len(message)] = message
            start += len(message)
        yield start.to_bytes(8)

    async def signed(message: bytes, context: Any) -> bytes:
        body = checked(message, signers[1].address)
        return vouched(body, signers[0])

    async def swallow_signed(messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        signature, hashed, size = await anext(aiter(messages)), hashlib.sha256(), 0
        async for message in messages:
            hashed.update(message)
            size += len(message)
        assert recover(hashed.digest(), signature) == address_bytes(signers[1].address)
        yield vouched(size.to_bytes(8), signers[0])

    ports, servers = [], []
    for secure in (False, True):
        server = grpc.aio.server(options=OPTIONS)
        methods = {
            "Ask": grpc.unary_unary_rpc_method_handler(echo),
            "Stream": grpc.stream_stream_rpc_method_handler(swallow),
            "Signed": grpc.unary_unary_rpc_method_handler(signed),
            "StreamSigned": grpc.stream_stream_rpc_method_handler(swallow_signed),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare", methods),))
        if secure:
            pair = [(certificates[0].key_pem, certificates[0].pem)]
            credentials = grpc.ssl_server_credentials(pair, certificates[1].pem, require_client_auth=True)
            ports.append(server.add_secure_port("127.0.0.1:0", credentials))
        else:
            ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        servers.append(server)  # one that nobody holds is stopped
    roll = wire.Members([peer(2, certificates[1], signers[1])])
    flow = wire.Flow(rate=1e6, burst=1e6, nonces=1 << 20)
    axon = wire.Axon(certificates[0], signers[0], network=NETWORK, directory=roll, flow=flow)

    @axon.handle("echo")
    async def answer(request: wire.Request) -> wire.Answer:
        return wire.Answer(request.tensors)

    @axon.handle("swallow", finite=False)
    async def count(request: wire.Request) -> wire.Answer:
        return wire.Answer({"bytes": np.array(request.tensors["x"].nbytes)})

    await axon.start()
    pipe.send([*ports, axon.port])
    await asyncio.Event().wait()


def run_server(pipe: Any, parts: list[tuple[bytes, bytes]]) -> None:
    asyncio.run(serve(pipe, parts))


# -- clients


async def bare(channel: Any) -> tuple[Ask, Ask]:
    unary, streamed = channel.unary_unary("/bare/Ask"), channel.stream_stream("/bare/Stream")

    async def ask(x: np.ndarray[Any, Any]) -> None:
        assert len(await unary(x.tobytes(), timeout=30)) == x.nbytes

    async def stream(x: np.ndarray[Any, Any]) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            view = memoryview(x).cast("B")
            for start in range(0, x.nbytes, CHUNK):
                yield bytes(view[start : start + CHUNK])

        call = streamed(chunks(), timeout=60)
        assert int.from_bytes(await call.read()) == x.nbytes
        call.cancel()

    return ask, stream


async def bare_signed(channel: Any) -> tuple[Ask, Ask]:
    own, other = people()[1][1], people()[1][0].address
    unary, streamed = channel.unary_unary("/bare/Signed"), channel.stream_stream("/bare/StreamSigned")

    async def ask(x: np.ndarray[Any, Any]) -> None:
        assert len(checked(await unary(vouched(x.tobytes(), own), timeout=30), other)) == x.nbytes

    async def stream(x: np.ndarray[Any, Any]) -> None:
        view = memoryview(x).cast("B")

        async def chunks() -> AsyncIterator[bytes]:
            yield own.sign(hashlib.sha256(view).digest())
            for start in range(0, x.nbytes, CHUNK):
                yield bytes(view[start : start + CHUNK])

        call = streamed(chunks(), timeout=60)
        assert int.from_bytes(checked(await call.read(), other)) == x.nbytes
        call.cancel()

    return ask, stream


async def one_after_another(ask: Ask, x: np.ndarray[Any, Any], count: int) -> None:
    for _ in range(count):
        await ask(x)


async def in_flight(ask: Ask, x: np.ndarray[Any, Any], count: int) -> None:
    async def worker() -> None:
        for _ in range(count // 32):
            await ask(x)

    await asyncio.gather(*(worker() for _ in range(32)))


async def measure(ports: list[int], certificates: list[wire.Certificate], quick: bool, report: Report) -> None:
    import grpc

    signers = people()[1]
    credentials = grpc.ssl_channel_credentials(certificates[0].pem, certificates[1].key_pem, certificates[1].pem)
    secure = [*OPTIONS, ("grpc.ssl_target_name_override", "localhost")]
    roll = wire.Members([peer(1, certificates[0], signers[0], f"127.0.0.1:{ports[2]}")])
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{ports[0]}", options=OPTIONS) as plain,
        grpc.aio.secure_channel(f"127.0.0.1:{ports[1]}", credentials, options=secure) as encrypted,
        wire.Dendrite(certificates[1], signers[1], NETWORK, roll) as dendrite,
    ):

        async def ask(x: np.ndarray[Any, Any]) -> None:
            assert (await dendrite.ask(1, "echo", {"x": x})).tensors["x"].nbytes == x.nbytes

        async def stream(x: np.ndarray[Any, Any]) -> None:
            answer = await dendrite.ask(1, "swallow", {"x": x}, timeout=60)
            assert answer.tensors["bytes"] == x.nbytes

        systems = {
            "bare grpc.aio": await bare(plain),
            "mutual TLS": await bare(encrypted),
            "and signatures": await bare_signed(encrypted),
            "klopf": (ask, stream),
        }
        small = np.random.default_rng(0).random(1024, dtype=np.float32)
        large = np.random.default_rng(0).random(1 << (20 if quick else 23))
        count, rounds = (64, 2) if quick else (1024, 7)
        for ask_, stream_ in systems.values():  # connections and code paths warm
            await ask_(small)
            await stream_(large)
        megabytes = large.nbytes >> 20
        jobs: list[tuple[str, str, float, Callable[[tuple[Ask, Ask]], Awaitable[None]]]] = [
            ("4 KB, one after another", "calls/s", count, lambda s: one_after_another(s[0], small, count)),
            ("4 KB, 32 in flight", "calls/s", count, lambda s: in_flight(s[0], small, count)),
            (f"{megabytes} MiB streamed", "GB/s", 2 * large.nbytes / 1e9, lambda s: one_after_another(s[1], large, 2)),
        ]
        report.say(f"{'':26}" + "".join(f"{name:>26}" for name in systems))
        for title, unit, work, job in jobs:
            rates: dict[str, list[float]] = {name: [] for name in systems}
            for _ in range(rounds):
                for name, system in systems.items():
                    start = time.perf_counter()
                    await job(system)
                    rates[name].append(work / (time.perf_counter() - start))
            cells = []
            for name in systems:
                median = statistics.median(rates[name])
                ratio = statistics.median(
                    ours / base for ours, base in zip(rates[name], rates["bare grpc.aio"], strict=True)
                )
                cells.append(
                    f"{median:,.0f} {unit} ({ratio:.2f})" if median > 20 else f"{median:.2f} {unit} ({ratio:.2f})"
                )
                report.figure(f"{title}: {name}", median, unit)
                if name != "bare grpc.aio":
                    report.figure(f"{title}: {name} beside bare grpc.aio", ratio, "times")
                if name == "klopf":
                    for rival, least in (("mutual TLS", 0.8), ("and signatures", None)):
                        beside = statistics.median(
                            ours / base for ours, base in zip(rates[name], rates[rival], strict=True)
                        )
                        report.figure(f"{title}: klopf beside {rival}", beside, "times", at_least=least)
            report.say(f"{title:26}" + "".join(f"{cell:>26}" for cell in cells))


def main() -> None:
    options = arguments(__doc__).parse_args()
    certificates, _ = people()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    parts = [(c.der, c.key_pem) for c in certificates]
    server = context.Process(target=run_server, args=(theirs, parts), daemon=True)
    server.start()
    try:
        with Report(options.json) as report:
            asyncio.run(measure(ours.recv(), certificates, options.quick, report))
    finally:
        server.kill()


if __name__ == "__main__":
    main()
