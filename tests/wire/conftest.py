"""A small network on loopback, and raw access to it for attackers. Real sockets, real TLS."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from klopf import wire
from klopf.wire import _axon, _frame
from klopf.wire._keys import address_bytes, recover
from klopf.wire._pb import wire_pb2 as pb
from klopf.wire._tensors import pack

NETWORK = wire.network_id(31337, "0x" + "11" * 20)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run in an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**wanted), 60))
    return True


class Person:
    """A key and a certificate, with a place in the roll."""

    def __init__(self, id: int) -> None:
        self.id = id
        self.certificate = wire.Certificate.new(f"person {id}")
        self.signer = wire.LocalSigner(os.urandom(32))

    def peer(self, endpoint: str = "") -> wire.Peer:
        der = self.certificate.der
        return wire.Peer(self.id, self.signer.address, endpoint, hashlib.sha256(der).digest(), der)


class FakeContext:
    """What gRPC tells an axon of a connection; for calls without a socket."""

    def __init__(self, certificate: wire.Certificate) -> None:
        self._pem = certificate.pem

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self._pem]}

    def time_remaining(self) -> None:
        return None


class Net:
    """One axon (id 1), one asker (id 2), one more (id 3), all registered; and a stranger (id 4) who is not."""

    network = NETWORK
    Person = Person
    FakeContext = FakeContext

    def __init__(self) -> None:
        self.speaker, self.asker, self.other, self.stranger = (Person(i) for i in range(1, 5))
        self.roll = wire.Members([self.asker.peer(), self.other.peer()])
        self.handled: list[wire.Request] = []
        self.boot = b""

    def make_axon(self, **options: Any) -> wire.Axon:
        """An axon of the speaker, not started: "answer" doubles its inputs; others sleep, fail, decline, talk."""
        options = {"network": NETWORK, "directory": self.roll} | options
        axon = wire.Axon(self.speaker.certificate, self.speaker.signer, **options)

        @axon.handle("answer")
        async def answer(request: wire.Request) -> wire.Answer:
            self.handled.append(request)
            return wire.Answer({name: value * 2 for name, value in request.tensors.items()}, request.payload)

        @axon.handle("raw", finite=False)
        async def raw(request: wire.Request) -> wire.Answer:
            self.handled.append(request)
            return wire.Answer(dict(request.tensors))

        @axon.handle("sleep")
        async def sleep(request: wire.Request) -> wire.Answer:
            self.handled.append(request)
            await asyncio.sleep(request.payload)
            return wire.Answer()

        @axon.handle("zeros")
        async def zeros(request: wire.Request) -> wire.Answer:
            self.handled.append(request)
            return wire.Answer({"zeros": np.zeros(request.payload, np.uint8)})

        @axon.handle("fail")
        async def fail(request: wire.Request) -> wire.Answer:
            raise ValueError("secret: the model is at /home/me/model.bin")

        @axon.handle("decline")
        async def decline(request: wire.Request) -> wire.Answer:
            raise wire.Decline("pay first")

        return axon

    @asynccontextmanager
    async def axon(self, **options: Any) -> AsyncIterator[wire.Axon]:
        axon = self.make_axon(**options)
        async with axon:
            self.roll.put(self.speaker.peer(axon.endpoint))
            self.boot = axon.boot
            yield axon

    def dendrite(self, person: Person | None = None, **options: Any) -> wire.Dendrite:
        person = person or self.asker
        options = {"network": NETWORK, "directory": self.roll} | options
        return wire.Dendrite(person.certificate, person.signer, **options)

    # -- raw access

    @asynccontextmanager
    async def channel(
        self, axon: wire.Axon, certificate: wire.Certificate | None, pem: bytes | None = None, key: bytes | None = None
    ) -> AsyncIterator[Any]:
        """A gRPC channel with a certificate of the caller's choice, or none."""
        if certificate is not None:
            pem, key = certificate.pem, certificate.key_pem
        credentials = grpc.ssl_channel_credentials(self.speaker.certificate.pem, key, pem)
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.ssl_target_name_override", "localhost")]
        options.append(("grpc.max_receive_message_length", 1 << 30))
        options.append(("grpc.max_send_message_length", 1 << 30))
        async with grpc.aio.secure_channel(axon.endpoint, credentials, options=options) as channel:
            yield channel

    def frame(
        self,
        arrays: Any = None,
        content: Any = None,
        *,
        person: Person | None = None,
        signer: wire.Signer | None = None,
        unsigned: bool = False,
        body: bytes | None = None,
        **changes: Any,
    ) -> bytes:
        """A request as its bytes; ``changes`` are made to the header before it is signed."""
        person = person or self.asker
        packed = pack(arrays, content)
        now = int(time.time() * 1e6)
        fields: dict[str, Any] = {
            "version": 1,
            "method": "answer",
            "sender": address_bytes(person.signer.address),
            "recipient": address_bytes(self.speaker.signer.address),
            "network": NETWORK,
            "nonce": os.urandom(16),
            "boot": self.boot,
            "issued_at": now,
            "expires_at": now + 10_000_000,
            "tensors": packed.specs,
            "payload": packed.payload,
            "body_size": packed.size,
            "body_hash": packed.hash,
        }
        header = pb.Request(**(fields | changes))
        sealed = _frame.seal(_frame.REQUEST_DOMAIN, header, None if unsigned else signer or person.signer)[0]
        return sealed + (b"".join(packed.parts) if body is None else body)

    async def send(self, channel: Any, frame: bytes) -> tuple[wire.Code, bool]:
        """Send a frame as one message: (code, whether the answer is signed by the speaker)."""
        return self.read(await channel.unary_unary(f"/{_axon.SERVICE}/Ask")(frame, timeout=10))

    def read(self, message: bytes) -> tuple[wire.Code, bool]:
        head, signature, _ = _frame.split(message)
        header, digest = _frame.open_answer(head)
        return wire.Code(header.code), recover(digest, signature) == address_bytes(self.speaker.signer.address)

    async def stream(self, channel: Any, messages: list[bytes]) -> tuple[wire.Code, bool]:
        """Send messages as a stream and read the answer's header."""

        async def give() -> AsyncIterator[bytes]:
            for message in messages:
                yield message

        call = channel.stream_stream(f"/{_axon.SERVICE}/AskStreamed")(give(), timeout=15)
        answer = await call.read()
        call.cancel()
        return self.read(answer)


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def offline() -> Iterator[tuple[Net, wire.Axon, Callable[[bytes], tuple[wire.Code, bool]]]]:
    """A started axon that is spoken to without a socket, in one event loop: fast enough for thousands of requests."""
    net = Net()
    loop = asyncio.new_event_loop()
    axon = net.make_axon(flow=wire.Flow(rate=1e9, burst=1e9, nonces=1 << 20))
    loop.run_until_complete(axon.start())
    net.boot = axon.boot
    context = FakeContext(net.asker.certificate)

    def send(frame: bytes) -> tuple[wire.Code, bool]:
        return net.read(loop.run_until_complete(axon._unary(frame, context)))

    yield net, axon, send
    loop.run_until_complete(axon.stop())
    loop.close()
