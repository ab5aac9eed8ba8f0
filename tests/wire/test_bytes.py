"""What goes over the wire, byte by byte: it comes back as it was, and no byte of it can be changed."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from klopf import wire
from klopf.errors import WireError
from klopf.wire import Code, _frame, _tensors
from klopf.wire._codes import Refusal
from klopf.wire._fresh import Nonces
from klopf.wire._gate import Gate, Rates
from klopf.wire._pb import wire_pb2 as pb

ROOT = Path(__file__).parents[2]
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)

dtypes = st.sampled_from(list(_tensors.DTYPES)).map(np.dtype)
shapes = hnp.array_shapes(min_dims=0, max_dims=8, min_side=0, max_side=3)
arrays = dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shapes))
named = st.dictionaries(st.text(min_size=1, max_size=16), arrays, max_size=5)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@SHARED
@given(named, st.binary() | json_values)
def test_packed_is_unpacked(tensors: dict[str, Any], payload: Any) -> None:
    body = _tensors.pack(tensors, payload)
    whole = b"".join(body.parts)
    assert len(whole) == body.size and hashlib.sha256(whole).digest() == body.hash
    assert b"".join(body.chunks(7)) == whole
    back = _tensors.unpack(body.specs, memoryview(whole), finite=False)
    assert list(back) == list(tensors)
    for name, array in tensors.items():
        assert back[name].dtype == array.dtype and back[name].shape == array.shape
        np.testing.assert_array_equal(back[name], array)
    if payload is not None:
        assert _tensors.unpack_payload(body.payload) == payload


@SHARED
@given(st.data())
def test_layouts_in_memory_do_not_matter(data: Any) -> None:
    array = data.draw(hnp.arrays(np.float64, (4, 6)))
    for view in (array.T, array[::2, ::-1], np.asfortranarray(array), array.astype(">f8")):
        body = _tensors.pack({"x": view})
        back = _tensors.unpack(body.specs, memoryview(b"".join(body.parts)), finite=False)
        np.testing.assert_array_equal(back["x"], view)


@SHARED
@given(
    st.binary(max_size=64), st.lists(st.integers(0, 2**64 - 1), max_size=9), st.text(max_size=8), st.text(max_size=70)
)
def test_specs_of_a_stranger_are_refused_or_fit(body: bytes, shape: list[int], dtype: str, name: str) -> None:
    for kind in (dtype, "float32", "bool"):
        specs = [pb.Tensor(name=name, dtype=kind, shape=shape)]
        try:
            (array,) = _tensors.unpack(specs, memoryview(body), finite=True).values()
        except Refusal as refusal:
            assert refusal.code == Code.BAD_TENSOR
        else:
            assert array.nbytes == len(body) and list(array.shape) == shape


@SHARED
@given(st.binary(max_size=300))
def test_junk_is_refused(junk: bytes) -> None:
    for attempt in (junk, b"KLW1" + junk, b"KLW1" + len(junk).to_bytes(4) + b"\0" + junk):
        try:
            head, _, _ = _frame.split(attempt)
            _frame.open_request(head)
            raise AssertionError("junk was taken for a request")
        except Refusal as refusal:
            assert refusal.code in (Code.MALFORMED, Code.OVERSIZED, Code.VERSION)
    for open_ in (_frame.open_request, _frame.open_answer):
        with pytest.raises(Refusal):
            open_(junk)
    try:
        _tensors.unpack_payload(junk)
    except Refusal as refusal:
        assert refusal.code == Code.MALFORMED


def test_any_flipped_byte_is_refused(offline: Any) -> None:
    """Each byte of a request in turn, with one bit flipped, and with all."""
    net, axon, send = offline
    net.roll.put(net.speaker.peer(axon.endpoint))
    x = {"x": np.arange(3, dtype=np.float32), "few": np.array([True])}
    seen = set()
    for position in range(len(net.frame(x, {"k": 1}))):
        for flip in (1 << position % 8, 0xFF):
            frame = bytearray(net.frame(x, {"k": 1}))
            if position >= len(frame):  # a signature's or nonce's value does not change the length
                continue
            frame[position] ^= flip
            code, _ = send(bytes(frame))
            assert code not in (Code.OK, Code.COLLECT), position
            seen.add(code)
    assert net.handled == []
    assert {Code.MALFORMED, Code.WRONG_SIGNATURE, Code.ALTERED} <= seen
    assert send(net.frame(x, {"k": 1})) == (Code.OK, True)


@SHARED
@given(data=st.data())
def test_any_change_to_a_request_is_refused(offline: Any, data: Any) -> None:
    """Bytes cut out, doubled, put in or exchanged, anywhere."""
    net, axon, send = offline
    net.roll.put(net.speaker.peer(axon.endpoint))
    frame = net.frame({"x": np.arange(5.0)}, "payload")
    a, b = sorted(data.draw(st.tuples(st.integers(0, len(frame)), st.integers(0, len(frame)))))
    changed = frame[:a] + data.draw(st.sampled_from([b"", frame[a:b] * 2, frame[a:b][::-1]]) | st.binary()) + frame[b:]
    if changed == frame:
        return
    assert send(changed)[0] not in (Code.OK, Code.COLLECT)


def test_any_flipped_byte_of_an_answer_is_refused(offline: Any) -> None:
    net, axon, _ = offline
    asking = net.frame({"x": np.arange(3.0)})
    digest = _frame.open_request(_frame.split(asking)[0])[1]
    context = net.FakeContext(net.asker.certificate)
    good = asyncio.new_event_loop().run_until_complete(axon._unary(asking, context))

    async def hear(message: bytes) -> wire.Answer:
        peer = net.speaker.peer("127.0.0.1:1")
        net.roll.put(peer)

        async def answer(frame: bytes, timeout: float) -> bytes:
            return message

        async with net.dendrite() as dendrite:
            line = dendrite._line(peer)
            opened, head, signature, answer_digest, rest = dendrite._open(peer, line, message, digest)
            if hashlib.sha256(rest).digest() != opened.body_hash:
                raise Refusal(Code.ALTERED, "")
            from klopf.wire._dendrite import _answer

            return await _answer(peer, opened, head, signature, digest, answer_digest, rest, True)

    async def all_of_them() -> None:
        assert (await hear(good)).digest
        for position in range(0, len(good)):
            bad = bytearray(good)
            bad[position] ^= 1 << position % 8
            with pytest.raises((Refusal, WireError)):
                await hear(bytes(bad))

    asyncio.run(all_of_them())


def test_the_header_has_one_form() -> None:
    """The same fields in another order, or with a field that we do not know, are not a second form of a request."""
    header = pb.Request(
        version=1, method="m", sender=bytes(20), recipient=bytes(20), nonce=bytes(16), body_hash=bytes(32)
    )
    head = header.SerializeToString(deterministic=True)
    _frame.open_request(head)
    for other in (head[2:] + head[:2], head + b"\x08\x01", head + b"\xf8\x01\x01", head + b"\x7a\x01x"):
        with pytest.raises(Refusal):
            _frame.open_request(other)


def test_requests_and_answers_are_signed_in_domains_of_their_own() -> None:
    assert len(_frame.REQUEST_DOMAIN) == len(_frame.ANSWER_DOMAIN)
    assert _frame.REQUEST_DOMAIN != _frame.ANSWER_DOMAIN


def test_a_signer_that_gives_something_else_is_named(net: Any) -> None:
    class Bad:
        address = net.asker.signer.address

        def sign(self, digest: bytes, /) -> bytes:
            return bytes(64)

    with pytest.raises(WireError, match="the signer gave 64 bytes"):
        _frame.seal(_frame.REQUEST_DOMAIN, pb.Request(), Bad())


def test_generated_code_is_fresh() -> None:
    folder = ROOT / "src/klopf/wire/_pb"
    proto = (folder / "wire.proto").read_bytes()
    stamp = (folder / "wire.proto.sha256").read_text().strip()
    assert hashlib.sha256(proto).hexdigest() == stamp, "wire.proto was changed: run src/klopf/wire/_pb/regenerate.sh"
    text = proto.decode()
    for message in (pb.Request, pb.Answer, pb.Tensor):  # and it is that proto's, field by field
        for field in message.DESCRIPTOR.fields:
            assert f" {field.name} = {field.number};" in text
    assert subprocess.run(["bash", "-n", folder / "regenerate.sh"], check=False).returncode == 0


# -- freshness and floods, without a socket


@SHARED
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.integers(0, 9)), max_size=60))
def test_no_nonce_is_taken_twice_while_it_is_valid(events: list[tuple[int, int, int]]) -> None:
    """Against a model that forgets nothing: whatever passes was never seen before, even if the clock is set back."""
    nonces, ever, clock = Nonces(capacity=8), set(), 100.0
    for nonce, life, step in events:
        clock += step if step < 9 else -20
        key = (nonce, life % 4)  # the expiry is part of what is signed: it belongs to the nonce
        until = 110.0 + 5 * (life % 4)
        if until < clock:
            continue  # the axon has refused it as expired
        try:
            nonces.add(b"s", bytes(key), until, clock)
        except Refusal as refusal:
            assert refusal.code in (Code.REPLAYED, Code.BUSY, Code.EXPIRED)
            continue
        assert key not in ever
        ever.add(key)
        assert len(nonces) <= 8


def test_nonces_are_forgotten_once_expired_and_not_before() -> None:
    nonces = Nonces(capacity=2)
    nonces.add(b"a", b"1", 10, 0)
    nonces.add(b"a", b"2", 20, 0)
    with pytest.raises(Refusal) as caught:
        nonces.add(b"a", b"3", 30, 5)
    assert (caught.value.code, caught.value.retry_after) == (Code.BUSY, 5)
    nonces.add(b"b", b"1", 30, 5)  # another sender has room of its own
    nonces.add(b"a", b"3", 30, 11)
    with pytest.raises(Refusal) as caught:
        nonces.add(b"a", b"2", 20, 11)
    assert caught.value.code == Code.REPLAYED
    nonces.add(b"c", b"1", 200, 100)  # long after: the silent are swept out too
    assert len(nonces) == 1


def test_a_clock_set_back_brings_no_forgotten_request_to_life() -> None:
    nonces = Nonces()
    nonces.add(b"a", b"1", 10, 0)
    nonces.add(b"a", b"2", 30, 15)  # the first is dropped
    with pytest.raises(Refusal) as caught:
        nonces.add(b"a", b"1", 10, 5)
    assert caught.value.code == Code.EXPIRED
    nonces.add(b"a", b"3", 31, 5)


def test_rates() -> None:
    rates = Rates(rate=10, burst=3)
    for _ in range(3):
        rates.take(b"a", 0.0)
    with pytest.raises(Refusal) as caught:
        rates.take(b"a", 0.0)
    assert caught.value.retry_after == pytest.approx(0.1)
    rates.take(b"b", 0.0)
    rates.take(b"a", 0.11)
    with pytest.raises(Refusal):
        rates.take(b"a", 0.12)
    for sender in range(10_000):  # the table of senders is bounded, and forgets no empty bucket
        rates.take(sender.to_bytes(4), 1000.0 + sender / 100)
    assert len(rates._tokens) < 5000


def test_places_given_up_are_passed_on() -> None:
    async def run() -> None:
        gate = Gate(width=1, queue=3, share=9)
        order = []

        async def work(name: str, priority: float, seconds: float) -> None:
            async with gate.work(priority):
                order.append(name)
                await asyncio.sleep(seconds)

        first = asyncio.create_task(work("first", 0, 0.05))
        await asyncio.sleep(0)
        waiting = {n: asyncio.create_task(work(n, p, 0)) for n, p in (("a", 1), ("b", 2), ("c", 1))}
        await asyncio.sleep(0)
        assert gate.load == (1, 3)
        with pytest.raises(Refusal):  # no higher than the last: it does not get in
            await work("d", 1, 0)
        high = asyncio.create_task(work("high", 5, 0))  # in c's place
        await asyncio.sleep(0)
        waiting["b"].cancel()
        outcomes = await asyncio.gather(first, high, *waiting.values(), return_exceptions=True)
        assert order == ["first", "high", "a"]
        assert [type(o) for o in outcomes] == [type(None), type(None), type(None), asyncio.CancelledError, Refusal]
        assert gate.load == (0, 0)

    asyncio.run(run())


@SHARED
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=25))
def test_no_place_is_lost(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever is asked, awaited or given up: never more at work than the width, and in the end nobody."""

    async def run() -> None:
        gate, at_work, tasks = Gate(width=2, queue=3, share=9), 0, []

        async def work(priority: float, turns: int) -> None:
            nonlocal at_work
            async with gate.work(priority):
                at_work += 1
                assert at_work <= 2
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    at_work -= 1

        for priority, turns, cancel in steps:
            tasks.append(asyncio.create_task(work(priority, turns)))
            if cancel:
                tasks[priority * len(tasks) // 4].cancel()
            else:
                await asyncio.sleep(0)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(o is None or isinstance(o, Refusal | asyncio.CancelledError) for o in outcomes)
        assert gate.load == (0, 0)

    asyncio.run(run())
