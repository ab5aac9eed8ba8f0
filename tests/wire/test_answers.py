"""Every reason for which a dendrite refuses an answer: a rogue axon with the right certificate gives it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from klopf import wire
from klopf.errors import BadAnswer, Refused, TooLate, Unreachable, WireError
from klopf.wire import Code, _axon, _frame
from klopf.wire._pb import wire_pb2 as pb
from klopf.wire._tensors import pack

X = {"x": np.arange(4.0)}


def answer(
    net: Any, digest: bytes, *, signer: Any = None, unsigned: bool = False, body: bytes | None = None, **changes: Any
) -> bytes:
    """An honest answer to the request with this digest, but for the changes."""
    packed = pack(changes.pop("arrays", X))
    fields: dict[str, Any] = {
        "version": 1,
        "request": digest,
        "code": 0,
        "boot": bytes(16),
        "answered_at": 1,
        "tensors": packed.specs,
        "payload": packed.payload,
        "body_size": packed.size,
        "body_hash": packed.hash,
    }
    header = pb.Answer(**(fields | changes))
    frame = _frame.seal(_frame.ANSWER_DOMAIN, header, None if unsigned else signer or net.speaker.signer)[0]
    return frame + (b"".join(packed.parts) if body is None else body)


@asynccontextmanager
async def rogue(net: Any, give: Callable[[bytes], list[bytes]], retries: int = 0) -> AsyncIterator[wire.Dendrite]:
    """A dendrite, and at peer 1's endpoint a server that answers a request's digest with these messages."""

    def digest_of(frame: bytes) -> bytes:
        return _frame.open_request(_frame.split(frame)[0])[1]

    async def unary(frame: bytes, context: Any) -> bytes:
        return give(digest_of(frame))[0]

    async def streamed(messages: Any, context: Any) -> AsyncIterator[bytes]:
        digest = digest_of(await anext(messages))
        async for _ in messages:
            pass
        for message in give(digest):
            yield message

    certificate = net.speaker.certificate
    server = grpc.aio.server()
    methods = {
        "Ask": grpc.unary_unary_rpc_method_handler(unary),
        "AskStreamed": grpc.stream_stream_rpc_method_handler(streamed),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_axon.SERVICE, methods),))
    credentials = grpc.ssl_server_credentials(
        [(certificate.key_pem, certificate.pem)], net.asker.certificate.pem, require_client_auth=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    net.roll.put(net.speaker.peer(f"127.0.0.1:{port}"))
    try:
        async with net.dendrite(retries=retries) as dendrite:
            yield dendrite
    finally:
        await server.stop(None)


NAN = {"x": np.array([np.nan])}
BAD: dict[str, tuple[Code, Callable[[Any, bytes], bytes]]] = {
    "not a frame": (Code.MALFORMED, lambda n, d: b"OK"),
    "nothing": (Code.MALFORMED, lambda n, d: b""),
    "no header": (Code.MALFORMED, lambda n, d: b"KLW1\0\0\0\4\0abcd"),
    "another version": (Code.VERSION, lambda n, d: answer(n, d, version=9)),
    "unsigned": (Code.UNSIGNED, lambda n, d: answer(n, d, unsigned=True)),
    "signed by another neuron": (Code.WRONG_SIGNER, lambda n, d: answer(n, d, signer=n.other.signer)),
    "signed by the asker": (Code.WRONG_SIGNER, lambda n, d: answer(n, d, signer=n.asker.signer)),
    "to another request": (Code.OTHER_REQUEST, lambda n, d: answer(n, os.urandom(32))),
    "to no request": (Code.OTHER_REQUEST, lambda n, d: answer(n, b"")),
    "refusal of another request": (Code.OTHER_REQUEST, lambda n, d: answer(n, os.urandom(32), code=Code.BUSY)),
    "refusal signed by another": (Code.WRONG_SIGNER, lambda n, d: answer(n, d, code=40, signer=n.other.signer)),
    "altered body": (Code.ALTERED, lambda n, d: answer(n, d, body=bytes(32))),
    "cut body": (Code.ALTERED, lambda n, d: answer(n, d)[:-1]),
    "longer body": (Code.ALTERED, lambda n, d: answer(n, d) + b"x"),
    "oversized": (Code.OVERSIZED, lambda n, d: answer(n, d, body_size=1 << 40)),
    "shape is not the body's": (
        Code.BAD_TENSOR,
        lambda n, d: answer(n, d, tensors=[pb.Tensor(name="x", dtype="float64", shape=[5])]),
    ),
    "objects": (Code.BAD_TENSOR, lambda n, d: answer(n, d, tensors=[pb.Tensor(name="x", dtype="object", shape=[4])])),
    "not finite": (Code.BAD_TENSOR, lambda n, d: answer(n, d, arrays=NAN)),
    "unknown code": (Code.MALFORMED, lambda n, d: answer(n, d, code=77)),
    "payload is not JSON": (Code.MALFORMED, lambda n, d: answer(n, d, payload=b"\x01nope")),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_answers(net: Any, name: str) -> None:
    code, make = BAD[name]
    async with rogue(net, lambda digest: [make(net, digest)]) as dendrite:
        with pytest.raises(BadAnswer, match="answer of peer 1 refused") as caught:
            await dendrite.ask(1, "answer", X)
        assert caught.value.code == code
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [n for n, (code, _) in BAD.items() if code != Code.ALTERED])
async def test_bad_answers_as_a_stream(net: Any, name: str) -> None:
    code, make = BAD[name]
    large = {"x": np.zeros(2 << 20, np.uint8)}

    def give(digest: bytes) -> list[bytes]:
        message = make(net, digest)
        try:
            end = len(message) - len(_frame.split(message)[2])
        except Exception:
            end = len(message)
        return [message[:end], message[end:]]

    async with rogue(net, give) as dendrite:
        with pytest.raises(BadAnswer) as caught:
            await dendrite.ask(1, "answer", large)
        assert caught.value.code == code


async def test_the_honest_one_passes(net: Any) -> None:
    async with rogue(net, lambda digest: [answer(net, digest)]) as dendrite:
        np.testing.assert_array_equal((await dendrite.ask(1, "answer")).tensors["x"], X["x"])


async def test_streams_that_are_not_what_was_signed(net: Any) -> None:
    whole = np.arange(1 << 18, dtype=np.float64).tobytes()
    part = 1 << 20
    arrays = {"x": np.frombuffer(whole)}
    cases: list[list[bytes]] = [
        [whole[:part], bytes(part)],
        [whole[part:], whole[:part]],
        [whole[:part]],
        [whole[:part], b""],
        [whole[:part], whole[part:] + b"x"],
        [],
    ]
    for chunks in cases:
        async with rogue(net, lambda d, c=chunks: [answer(net, d, arrays=arrays, body=b""), *c]) as dendrite:
            with pytest.raises(BadAnswer) as caught:
                await dendrite.ask(1, "answer", arrays)
            assert caught.value.code == Code.ALTERED, (len(chunks), caught.value)
    async with rogue(net, lambda d: [answer(net, d, code=Code.COLLECT, body=b"")]) as dendrite:  # for ever and ever
        with pytest.raises(BadAnswer, match="protocol"):
            await dendrite.ask(1, "answer")


async def test_a_call_that_ends_without_an_answer(net: Any) -> None:
    async with rogue(net, lambda digest: []) as dendrite:
        with pytest.raises(Unreachable, match="without an answer"):
            await dendrite.ask(1, "answer", {"x": np.zeros(2 << 20, np.uint8)})


async def test_a_message_larger_than_one_may_be(net: Any) -> None:
    async with rogue(net, lambda digest: [answer(net, digest) + bytes(4 << 20)]) as dendrite:
        with pytest.raises(BadAnswer) as caught:
            await dendrite.ask(1, "answer")
        assert caught.value.code == Code.OVERSIZED


async def test_refusals_are_passed_on_in_one_clean_line(net: Any) -> None:
    text = "no\r\n\x1b[31mred\u202e" + "x" * 500
    async with rogue(net, lambda digest: [answer(net, digest, code=43, reason=text)]) as dendrite:
        with pytest.raises(Refused) as caught:
            await dendrite.ask(1, "answer")
        assert caught.value.signed and caught.value.code == Code.DECLINED
        assert str(caught.value).isprintable() and len(str(caught.value)) < 300
    async with rogue(net, lambda digest: [answer(net, b"", code=43, unsigned=True)]) as dendrite:
        with pytest.raises(Refused) as caught:
            await dendrite.ask(1, "answer")
        assert not caught.value.signed


async def test_retries_are_bounded(net: Any) -> None:
    for code, most in ((Code.BUSY, 4), (Code.BEFORE_BOOT, 5), (Code.REPLAYED, 1), (Code.HANDLER_ERROR, 1)):
        seen: list[bytes] = []

        def give(digest: bytes, code: Code = code, seen: list[bytes] = seen) -> list[bytes]:
            seen.append(digest)
            return [answer(net, digest, code=code)]

        async with rogue(net, give, retries=3) as dendrite:
            with pytest.raises(Refused) as caught:
                await dendrite.ask(1, "answer")
            assert caught.value.code == code
        assert len(seen) == len(set(seen)) == most  # each anew, with a nonce of its own


async def test_a_retry_after_beyond_the_deadline_is_not_slept_through(net: Any) -> None:
    async with rogue(net, lambda d: [answer(net, d, code=Code.BUSY, retry_after=4_000_000_000)], 3) as dendrite:
        start = asyncio.get_running_loop().time()
        with pytest.raises(Refused):
            await dendrite.ask(1, "answer", timeout=20)
        assert asyncio.get_running_loop().time() - start < 5


async def test_a_server_that_is_no_axon(net: Any) -> None:
    certificate = net.speaker.certificate
    server = grpc.aio.server()
    credentials = grpc.ssl_server_credentials([(certificate.key_pem, certificate.pem)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    net.roll.put(net.speaker.peer(f"127.0.0.1:{port}"))
    async with net.dendrite() as dendrite:
        with pytest.raises(BadAnswer, match="does not follow the protocol"):
            await dendrite.ask(1, "answer")
    await server.stop(None)


async def test_a_server_that_says_nothing_at_all(net: Any) -> None:
    """It accepts the connection, and not even TLS begins."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    net.roll.put(net.speaker.peer(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    async with net.dendrite() as dendrite:
        start = asyncio.get_running_loop().time()
        with pytest.raises((TooLate, Unreachable)):
            await dendrite.ask(1, "answer", timeout=0.5)
        assert asyncio.get_running_loop().time() - start < 3
    server.close()


async def test_an_answer_for_one_asker_is_no_answer_for_another(net: Any) -> None:
    """What a man behind the endpoint has recorded cannot be given again: the request's digest is in it."""
    recorded: list[bytes] = []

    def give(digest: bytes) -> list[bytes]:
        recorded.append(answer(net, digest))
        return [recorded[0]]

    async with rogue(net, give) as dendrite:
        await dendrite.ask(1, "answer", X)
        with pytest.raises(BadAnswer) as caught:
            await dendrite.ask(1, "answer", X)
        assert caught.value.code == Code.OTHER_REQUEST


def test_every_failure_is_a_wire_error_with_a_code() -> None:
    for kind in (BadAnswer, Refused, TooLate, Unreachable):
        assert issubclass(kind, WireError) and kind("x", Code.BUSY).code == Code.BUSY
