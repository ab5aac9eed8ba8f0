"""Asking and answering: what arrives is what was sent, in one message or in a stream."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from klopf import wire
from klopf.errors import BadAnswer, Refused, TooLate, Unreachable, WireError


@pytest.mark.parametrize("bytes_", [0, 24, (1 << 20) - 8, 1 << 20, (1 << 20) + 8, 5 << 20])
async def test_bodies_of_every_size(net: Any, bytes_: int) -> None:
    inputs = np.random.default_rng(0).random(bytes_ // 8)
    async with net.axon(), net.dendrite() as dendrite:
        answer = await dendrite.ask(1, "answer", {"inputs": inputs, "few": np.arange(3)}, {"step": 4})
    np.testing.assert_array_equal(answer.tensors["inputs"], inputs * 2)
    np.testing.assert_array_equal(answer.tensors["few"], [0, 2, 4])
    assert answer.payload == {"step": 4}
    assert answer.peer is not None and answer.peer.id == 1
    assert net.handled[0].peer.id == 2
    assert len(net.handled) == 1  # a large answer to a small question too is computed once


async def test_who_would_wait_longer_than_a_request_may_be_valid_is_answered(net: Any) -> None:
    async with net.axon(), net.dendrite() as dendrite:
        for timeout in (600.0, 601.0, 1e6):
            assert (await dendrite.ask(1, "answer", payload=1, timeout=timeout)).payload == 1


async def test_a_large_answer_to_a_small_question_is_collected_and_computed_once(net: Any) -> None:
    async with net.axon() as axon, net.dendrite() as dendrite:
        answer = await dendrite.ask(1, "zeros", payload=3 << 20)
        assert answer.tensors["zeros"].nbytes == 3 << 20
        assert len(net.handled) == 1
        assert not axon._held  # given away, not kept


async def test_both_ends_hold_the_same_digests_for_the_trail(net: Any) -> None:
    told = []
    async with net.axon(on_answer=lambda request, answer: told.append((request, answer))), net.dendrite() as dendrite:
        mine = theirs = bytes(32)
        for step in range(3):
            answer = await dendrite.ask(1, "answer", {"x": np.full(step, step)})
            mine = wire.trail(mine, answer.digest)
        await dendrite.ask(1, "zeros", payload=2 << 20)
    for request, answer in told[:3]:
        assert request.digest == answer.request_digest
        theirs = wire.trail(theirs, answer.digest)
    assert mine == theirs != bytes(32)
    assert len(told) == 4


async def test_an_answer_can_be_shown_to_a_third_party(net: Any) -> None:
    from eth_hash.auto import keccak

    from klopf.wire._keys import address_bytes, recover

    async with net.axon(), net.dendrite() as dendrite:
        answer = await dendrite.ask(1, "answer")
    assert answer.digest == keccak(b"klopf/wire/1/answer\0\0" + answer.header)
    assert recover(answer.digest, answer.signature) == address_bytes(net.speaker.signer.address)


async def test_bytes_as_payload_and_nothing_at_all(net: Any) -> None:
    async with net.axon(), net.dendrite() as dendrite:
        assert (await dendrite.ask(1, "answer", payload=b"\x00\xff")).payload == b"\x00\xff"
        empty = await dendrite.ask(1, "answer")
        assert empty.payload is None and empty.tensors == {}


async def test_arrays_arrive_read_only(net: Any) -> None:
    async with net.axon(), net.dendrite() as dendrite:
        answer = await dendrite.ask(1, "raw", {"a": np.arange(3, dtype=np.int8), "b": np.arange(3.0)})
    for array in (*answer.tensors.values(), *net.handled[0].tensors.values()):
        assert array.flags.aligned
        with pytest.raises(ValueError):
            array[0] = 1


async def test_what_a_handler_does_wrong_stays_inside(net: Any) -> None:
    async with net.axon() as axon, net.dendrite() as dendrite:

        @axon.handle("strings")
        async def strings(request: wire.Request) -> wire.Answer:
            return wire.Answer({"s": np.array(["secret"])})

        @axon.handle("nothing")
        async def nothing(request: wire.Request) -> wire.Answer:
            return None  # type: ignore[return-value]

        for method in ("fail", "strings", "nothing"):
            with pytest.raises(Refused) as caught:
                await dendrite.ask(1, method)
            assert (caught.value.code, caught.value.signed) == (wire.Code.HANDLER_ERROR, True)
            assert "secret" not in str(caught.value) and "home" not in str(caught.value)
        with pytest.raises(Refused, match=r"declined\): pay first") as caught:
            await dendrite.ask(1, "decline")
        assert caught.value.code == wire.Code.DECLINED


async def test_deadlines(net: Any) -> None:
    async with net.axon() as axon, net.dendrite() as dendrite:
        start = asyncio.get_running_loop().time()
        with pytest.raises((TooLate, Refused)) as caught:
            await dendrite.ask(1, "sleep", payload=30, timeout=0.3)
        assert caught.value.code == wire.Code.DEADLINE
        assert asyncio.get_running_loop().time() - start < 2
        await asyncio.sleep(0.2)
        assert axon._gate.load == (0, 0)  # the work was given up, too


async def test_own_mistakes_are_named(net: Any) -> None:
    async with net.dendrite() as dendrite:
        for tensors, payload, text in [
            ({"s": np.array(["a"])}, None, "dtype"),
            ({"o": np.array([None])}, None, "dtype"),
            ({"r": np.zeros((1,) * 9)}, None, "rank"),
            ({"": np.zeros(1)}, None, "name"),
            ({str(i): np.zeros(1) for i in range(65)}, None, "tensors"),
            (None, {"x": float("nan")}, "payload"),
            (None, b"x" * 70_000, "payload"),
            (None, object(), "payload"),
        ]:
            with pytest.raises(WireError, match=text) as caught:
                await dendrite.ask(1, "answer", tensors, payload)
            assert "\n" not in str(caught.value)
        for id in (77, 2):  # nobody; somebody who only asks
            with pytest.raises(WireError, match=f"peer {id}"):
                await dendrite.ask(id, "answer")
        for endpoint in ("unix:/tmp/socket", "dns:evil/x:1", "nowhere", "a b:1", "127.0.0.1:99\n"):
            net.roll.put(net.speaker.peer(endpoint))
            with pytest.raises(WireError, match="host:port"):
                await dendrite.ask(1, "answer")


async def test_a_taken_port_is_one_line(net: Any) -> None:
    async with net.axon() as axon:
        with pytest.raises(WireError, match=rf"cannot listen on 127.0.0.1:{axon.port}") as caught:
            await net.make_axon(port=axon.port).start()
        assert "\n" not in str(caught.value)


async def test_finite_is_checked_at_both_ends(net: Any) -> None:
    async with net.axon(), net.dendrite() as dendrite:
        for bad in (np.nan, np.inf, -np.inf):
            with pytest.raises(Refused, match="not finite") as caught:
                await dendrite.ask(1, "answer", {"x": np.array([0, bad], np.float32)})
            assert caught.value.code == wire.Code.BAD_TENSOR
            with pytest.raises(BadAnswer, match="not finite") as refused:
                await dendrite.ask(1, "raw", {"x": np.array([0, bad], np.float16)})
            assert refused.value.code == wire.Code.BAD_TENSOR
            answer = await dendrite.ask(1, "raw", {"x": np.array([0, bad])}, finite=False)
            np.testing.assert_array_equal(answer.tensors["x"], [0, bad])


# -- k of n, restarts


async def test_enough_answers_and_a_short_grace(net: Any) -> None:
    async with net.axon() as axon, net.dendrite() as dendrite:
        loop = asyncio.get_running_loop()
        start = loop.time()
        peers = [1, 77, 1, 1, 1, 2]

        @axon.handle("count")
        async def count(request: wire.Request) -> wire.Answer:
            net.handled.append(request)
            if len(net.handled) > 3:
                await asyncio.sleep(20)
            return wire.Answer()

        results = await dendrite.ask_many(peers, "count", {"x": np.arange(3)}, timeout=30, enough=3, grace=0.2)
        assert loop.time() - start < 5
        assert sum(isinstance(r, wire.Answer) for r in results) == 3
        assert isinstance(results[1], WireError) and "77" in str(results[1])
        assert isinstance(results[5], WireError) and "only asks" in str(results[5])
        (late,) = (r for i, r in enumerate(results) if i not in (1, 5) and not isinstance(r, wire.Answer))
        assert isinstance(late, TooLate) and late.code == wire.Code.DEADLINE
        await asyncio.sleep(0.1)
        assert axon._gate.load == (0, 0)  # the late one was cancelled at the other end too
        everybody = await dendrite.ask_many([1, 1], "answer")
        assert [type(r) for r in everybody] == [wire.Answer, wire.Answer]
        assert await dendrite.ask_many([], "answer", enough=1) == []


async def test_a_peer_that_restarts_is_found_again(net: Any) -> None:
    """On the same endpoint; on another; with another certificate. The dendrite is told by the directory alone."""
    async with net.dendrite() as dendrite:
        async with net.axon() as axon:
            await dendrite.ask(1, "answer")
        with pytest.raises(Unreachable, match=r"peer 1 at 127\.0\.0\.1"):
            await dendrite.ask(1, "answer", timeout=1)
        async with net.axon(port=axon.port):
            await dendrite.ask(1, "answer")
        async with net.axon(port=0):
            await dendrite.ask(1, "answer")
        for name in ("another", "yet another"):  # the second on the very same endpoint
            net.speaker.certificate = wire.Certificate.new(name)
            async with net.axon(port=axon.port):
                await dendrite.ask(1, "answer")


async def test_a_peer_that_comes_up_a_little_later_is_waited_for(net: Any) -> None:
    async with net.axon() as axon:
        port = axon.port
    async with net.dendrite() as dendrite:
        asking = asyncio.create_task(dendrite.ask(1, "answer"))
        await asyncio.sleep(0.2)
        async with net.axon(port=port):
            await asking


async def test_few_channels_are_kept_warm(net: Any) -> None:
    async with net.axon() as axon, net.dendrite(warm=2) as dendrite:
        for id in range(10, 15):  # five ids of one speaker
            peer = net.speaker.peer(axon.endpoint)
            net.roll.put(wire.Peer(id, peer.key, peer.endpoint, peer.fingerprint, peer.certificate))
            await dendrite.ask(id, "answer")
            assert len(dendrite._lines) <= 2
        await dendrite.ask(10, "answer")
