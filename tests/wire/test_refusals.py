"""Every reason for which an axon refuses a request, shown on a real connection."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest

from klopf import wire
from klopf.errors import Refused
from klopf.wire import Code, _axon, _frame
from klopf.wire._codes import Refusal
from klopf.wire._pb import wire_pb2 as pb

X = {"x": np.arange(4.0)}  # 32 bytes
DAY = 86_400_000_000  # microseconds


def now() -> int:
    return int(time.time() * 1e6)


def spec(*shape: int, dtype: str = "float64", name: str = "x") -> pb.Tensor:
    return pb.Tensor(name=name, dtype=dtype, shape=shape)


# What is sent, why it is refused, and whether the refusal is signed: it is, where the sender was authentic.
HOSTILE: dict[str, tuple[Code, bool, Callable[[Any], bytes]]] = {
    "no frame": (Code.MALFORMED, False, lambda n: b"hello, is anybody there?"),
    "nothing": (Code.MALFORMED, False, lambda n: b""),
    "cut off": (Code.MALFORMED, False, lambda n: n.frame(X)[:60]),
    "header said to be huge": (Code.OVERSIZED, False, lambda n: b"KLW1" + b"\xff" * 4 + b"\x41" + bytes(100)),
    "another version": (Code.VERSION, False, lambda n: n.frame(X, version=2)),
    "short nonce": (Code.MALFORMED, False, lambda n: n.frame(X, nonce=b"1")),
    "unsigned": (Code.UNSIGNED, False, lambda n: n.frame(X, unsigned=True)),
    "signed by another": (Code.WRONG_SIGNATURE, False, lambda n: n.frame(X, signer=n.other.signer)),
    "in another's name": (Code.WRONG_CERTIFICATE, False, lambda n: n.frame(X, person=n.other)),
    "unknown sender": (Code.UNKNOWN_SENDER, False, lambda n: n.frame(X, person=n.stranger)),
    "wrong network": (Code.WRONG_NETWORK, True, lambda n: n.frame(X, network=b"another")),
    "wrongly addressed": (Code.MISADDRESSED, True, lambda n: n.frame(X, recipient=b"r" * 20)),
    "future": (Code.FUTURE, True, lambda n: n.frame(X, issued_at=now() + DAY, expires_at=now() + DAY + 1)),
    "expired": (Code.EXPIRED, True, lambda n: n.frame(X, issued_at=now() - DAY, expires_at=now() - DAY // 2)),
    "over before it began": (Code.EXPIRED, True, lambda n: n.frame(X, issued_at=now(), expires_at=now() - 1000)),
    "valid for a day": (Code.LONG_LIVED, True, lambda n: n.frame(X, expires_at=now() + DAY)),
    "before boot": (Code.BEFORE_BOOT, True, lambda n: n.frame(X, boot=b"", issued_at=now() - 60_000_000)),
    "of another boot": (Code.BEFORE_BOOT, True, lambda n: n.frame(X, boot=os.urandom(16))),
    "altered body": (Code.ALTERED, True, lambda n: n.frame(X, body=bytes(32))),
    "longer body": (Code.ALTERED, True, lambda n: n.frame(X) + b"x"),
    "shorter body": (Code.ALTERED, True, lambda n: n.frame(X)[:-1]),
    "body said to be huge": (Code.OVERSIZED, True, lambda n: n.frame(X, body_size=1 << 40)),
    "unknown method": (Code.UNKNOWN_METHOD, True, lambda n: n.frame(X, method="nope")),
    "more than the body": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(5)])),
    "less than the body": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(3)])),
    "2**93 bytes": (Code.BAD_TENSOR, True, lambda n: n.frame(tensors=[spec(1 << 30, 1 << 30, 1 << 30)])),
    "a side of 2**63": (Code.BAD_TENSOR, True, lambda n: n.frame(tensors=[spec(0, 1 << 63)])),
    "empty, yet too large": (Code.BAD_TENSOR, True, lambda n: n.frame(tensors=[spec(0, *[(1 << 31) - 1] * 7)])),
    "rank 9": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(4, *[1] * 8)])),
    "objects": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(4, dtype="object")])),
    "big endian": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(4, dtype=">f8")])),
    "a name twice": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(2), spec(2)])),
    "no name": (Code.BAD_TENSOR, True, lambda n: n.frame(X, tensors=[spec(4, name="")])),
    "65 tensors": (Code.BAD_TENSOR, True, lambda n: n.frame(tensors=[spec(0, name=str(i)) for i in range(65)])),
    "a bool of 8": (
        Code.BAD_TENSOR,
        True,
        lambda n: n.frame({"x": np.full(2, 8, np.uint8)}, tensors=[spec(2, dtype="bool")]),
    ),
    "not finite": (Code.BAD_TENSOR, True, lambda n: n.frame({"x": np.array([np.nan])})),
    "payload of no kind": (Code.MALFORMED, True, lambda n: n.frame(X, payload=b"\x07")),
    "payload is not JSON": (Code.MALFORMED, True, lambda n: n.frame(X, payload=b"\x01{")),
    "payload is NaN": (Code.MALFORMED, True, lambda n: n.frame(X, payload=b"\x01NaN")),
    "payload too deep": (Code.MALFORMED, True, lambda n: n.frame(X, payload=b"\x01" + b"[" * 60_000)),
    "payload too large": (Code.OVERSIZED, True, lambda n: n.frame(X, payload=b"\x00" * 70_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_refused_with_its_reason(net: Any, name: str) -> None:
    code, signed, make = HOSTILE[name]
    async with net.axon() as axon, net.channel(axon, net.asker.certificate) as channel:
        assert await net.send(channel, make(net)) == (code, signed)
        assert axon.counts == {code: 1}
        assert net.handled == []
        assert await net.send(channel, net.frame(X)) == (Code.OK, True)  # the same connection still serves honest ones


@pytest.mark.parametrize("name", [n for n, case in HOSTILE.items() if case[0] != Code.ALTERED])
async def test_refused_as_a_stream_too(net: Any, name: str) -> None:
    code, signed, make = HOSTILE[name]
    async with net.axon() as axon, net.channel(axon, net.asker.certificate) as channel:
        frame = make(net)
        try:
            end = len(frame) - len(_frame.split(frame)[2])
        except Refusal:
            end = len(frame)
        assert await net.stream(channel, [frame[:end], frame[end:]]) == (code, signed)
        if name not in ("a bool of 8", "not finite"):
            assert await net.stream(channel, [make(net)[:end]]) == (code, signed)  # judged before a byte of its body
        assert net.handled == []


async def test_replayed(net: Any) -> None:
    async with net.axon() as axon, net.channel(axon, net.asker.certificate) as channel:
        frame = net.frame(X)
        assert await net.send(channel, frame) == (Code.OK, True)
        assert await net.send(channel, frame) == (Code.REPLAYED, True)
        assert await net.stream(channel, [frame[:-32], frame[-32:]]) == (Code.REPLAYED, True)
        async with net.channel(axon, net.other.certificate) as overheard:
            assert await net.send(overheard, frame) == (Code.WRONG_CERTIFICATE, False)
        both = await asyncio.gather(*(net.send(channel, f) for f in [net.frame(X)] * 8))
        assert sorted(both) == [(Code.OK, True)] + [(Code.REPLAYED, True)] * 7
        assert len(net.handled) == 2


async def test_replayed_across_a_restart(net: Any) -> None:
    """Seen nonces are not kept on disk. What an earlier run may have answered is refused nevertheless."""
    skew = wire.Flow().skew
    async with net.axon(clock=lambda: time.time() - 60) as axon, net.channel(axon, net.asker.certificate) as channel:
        early = now() - 60_000_000
        frames = [
            net.frame(X, issued_at=early, expires_at=now() + 60_000_000),
            net.frame(X, issued_at=early + int(skew * 0.9e6), expires_at=now() + 60_000_000),  # ahead, within tolerance
        ]
        for frame in frames:
            assert await net.send(channel, frame) == (Code.OK, True)
    # what an axon has accepted that was up for long, without naming its boot, so that only times can tell
    async with net.axon(port=axon.port) as axon, net.channel(axon, net.asker.certificate) as channel:
        for frame in frames:
            assert await net.send(channel, frame) == (Code.BEFORE_BOOT, True)
        for ahead in (-1.0, 0.0, 0.9 * skew):
            issued = int((axon._booted + ahead) * 1e6)
            frame = net.frame(X, boot=b"", issued_at=issued, expires_at=issued + 30_000_000)
            assert await net.send(channel, frame) == (Code.BEFORE_BOOT, True)
        assert await net.send(channel, net.frame(X)) == (Code.OK, True)


async def test_a_request_that_names_no_boot_passes_once_the_axon_is_up_for_the_tolerance(net: Any) -> None:
    ahead = [0.0]
    async with (
        net.axon(clock=lambda: time.time() + ahead[0]) as axon,
        net.channel(axon, net.asker.certificate) as channel,
    ):
        assert await net.send(channel, net.frame(X, boot=b"")) == (Code.BEFORE_BOOT, True)
        ahead[0] = wire.Flow().skew + 1
        later = {"issued_at": now() + int(ahead[0] * 1e6), "expires_at": now() + int(ahead[0] * 1e6) + 3_000_000}
        assert await net.send(channel, net.frame(X, boot=b"", **later)) == (Code.OK, True)


async def test_streamed_bodies_that_are_not_what_was_signed(net: Any) -> None:
    arrays = {"x": np.arange(1 << 18, dtype=np.float64)}  # 2 MiB
    whole = arrays["x"].tobytes()
    part = 1 << 20
    async with net.axon() as axon, net.channel(axon, net.asker.certificate) as channel:
        for chunks in (
            [whole[:part], bytes(part)],  # altered
            [whole[part:], whole[:part]],  # exchanged
            [whole[:part], b"", whole[part:]],  # with nothing in between
            [whole[:part]],  # cut off
            [whole[:part], whole[part:-8]],
            [whole[:part], whole[part:-8], whole[-8:] + b"x"],  # too long
            [],
        ):
            assert await net.stream(channel, [net.frame(arrays, body=b""), *chunks]) == (Code.ALTERED, True)
        assert net.handled == []
        assert not axon._incoming
        honest = [net.frame(arrays, body=b""), whole[:part], whole[part:]]
        assert await net.stream(channel, honest) == (Code.OK, True)


async def test_oversized(net: Any) -> None:
    async with net.axon(flow=wire.Flow(max_size=3 << 20)) as axon, net.dendrite(retries=0) as dendrite:
        with pytest.raises(Refused, match="oversized") as caught:
            await dendrite.ask(1, "answer", {"x": np.zeros(4 << 20, np.uint8)})
        assert (caught.value.code, caught.value.signed) == (Code.OVERSIZED, True)
        with pytest.raises(Refused) as caught:  # an answer larger than the axon may send
            await dendrite.ask(1, "zeros", payload=4 << 20)
        assert caught.value.code == Code.OVERSIZED
        async with net.channel(axon, net.asker.certificate) as channel:  # gRPC itself takes no such message
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await net.send(channel, bytes(3 << 20))
            assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    async with net.axon(), net.dendrite(max_size=1 << 20) as dendrite:
        with pytest.raises(Exception, match="above 1048576 bytes") as refused:
            await dendrite.ask(1, "zeros", payload=2 << 20)
        assert refused.value.code == Code.OVERSIZED  # type: ignore[attr-defined]


async def test_a_stream_in_which_nothing_comes_does_not_hold_a_place(net: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(_axon, "PATIENCE", 0.2)
    monkeypatch.setattr(_axon, "SLOWEST", 1 << 30)

    async def slowly(*messages: bytes) -> Any:
        for message in messages:
            yield message
        await asyncio.sleep(20)

    arrays = {"x": np.zeros(2 << 20, np.uint8)}
    async with net.axon(flow=wire.Flow(width=1)) as axon, net.channel(axon, net.asker.certificate) as channel:
        method = channel.stream_stream(f"/{_axon.SERVICE}/AskStreamed")
        silent = method(slowly(), timeout=10)
        slow = method(slowly(net.frame(arrays, body=b""), bytes(100)), timeout=10)
        await asyncio.sleep(0.1)
        assert await net.send(channel, net.frame(X)) == (Code.OK, True)  # the only place at work is free
        assert net.read(await silent.read())[0] == Code.DEADLINE
        assert net.read(await slow.read()) == (Code.DEADLINE, True)
        assert not axon._incoming


async def test_the_removed_are_refused_on_connections_they_still_have(net: Any) -> None:
    async with net.axon() as axon, net.channel(axon, net.asker.certificate) as channel:
        assert await net.send(channel, net.frame(X)) == (Code.OK, True)
        net.roll.remove(net.asker.id)
        assert await net.send(channel, net.frame(X)) == (Code.UNKNOWN_SENDER, False)
        moved = net.asker.peer()
        other = wire.Certificate.new("new")
        net.roll.put(wire.Peer(2, moved.key, "", other.fingerprint, other.der))
        assert await net.send(channel, net.frame(X)) == (Code.WRONG_CERTIFICATE, False)


# -- floods


async def test_a_flood_is_told_to_wait_and_others_are_served(net: Any) -> None:
    async with net.axon(flow=wire.Flow(rate=5, burst=20)) as axon:
        async with net.channel(axon, net.asker.certificate) as flooder, net.dendrite(net.other) as honest:
            flood = asyncio.gather(*(net.send(flooder, net.frame(X)) for _ in range(600)), return_exceptions=True)
            answers = [await honest.ask(1, "answer", X) for _ in range(10)]
            outcomes = await flood
        assert len(answers) == 10
        served, busy = outcomes.count((Code.OK, True)), outcomes.count((Code.BUSY, False))
        turned_away = sum(isinstance(o, grpc.aio.AioRpcError) for o in outcomes)  # gRPC takes 128 at once
        assert 20 <= served <= 30
        assert busy > 60
        assert served + busy + turned_away == 600


async def test_junk_counts_as_flood_too(net: Any) -> None:
    flow = wire.Flow(rate=0.1, burst=5)
    async with net.axon(flow=flow) as axon, net.channel(axon, net.asker.certificate) as flooder:
        codes = [(await net.send(flooder, b"junk"))[0] for _ in range(10)]
    assert codes == [Code.MALFORMED] * 5 + [Code.BUSY] * 5


async def test_a_busy_axon_is_asked_again_a_little_later(net: Any) -> None:
    async with net.axon(flow=wire.Flow(rate=20, burst=2)), net.dendrite() as dendrite:
        for _ in range(6):
            await dendrite.ask(1, "answer")
    async with net.axon(flow=wire.Flow(rate=0.01, burst=1)), net.dendrite() as dendrite:
        with pytest.raises(Refused, match="busy"):  # not before its deadline: no use to wait
            for _ in range(3):
                await dendrite.ask(1, "answer", timeout=1)


async def test_one_sender_has_only_its_share_inside(net: Any) -> None:
    async with net.axon(flow=wire.Flow(width=8, share=3)), net.dendrite(retries=0) as dendrite:
        outcomes = await dendrite.ask_many([1] * 10, "sleep", payload=0.5)
        assert sum(isinstance(o, wire.Answer) for o in outcomes) == 3
        assert {o.code for o in outcomes if isinstance(o, Refused)} == {Code.BUSY}


async def test_the_rank_of_the_caller_decides_who_is_served_first(net: Any) -> None:
    ranks = {2: 0.1, 3: 0.9}
    flow = wire.Flow(width=1, queue=4, share=9)
    async with (
        net.axon(flow=flow, priority=lambda peer: ranks[peer.id]) as axon,
        net.dendrite(retries=0) as poor,
        net.dendrite(net.other, retries=0) as rich,
    ):
        await asyncio.gather(poor.ask(1, "answer"), rich.ask(1, "answer"))
        net.handled.clear()
        asking = [asyncio.create_task(poor.ask(1, "sleep", payload=0.3)) for _ in range(5)]
        while axon._gate.load != (1, 4):
            await asyncio.sleep(0.01)
        asking += [asyncio.create_task(rich.ask(1, "sleep", payload=0.01)) for _ in range(2)]
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [r.peer.id for r in net.handled] == [2, 3, 3, 2, 2]  # two of the poor gave way
    assert [type(o) for o in outcomes].count(Refused) == 2
    assert all(isinstance(o, wire.Answer) for o in outcomes[5:])


async def test_bytes_on_their_way_in_are_bounded(net: Any) -> None:
    flow = wire.Flow(max_size=2 << 20, held=4 << 20)
    arrays = {"x": np.zeros(2 << 20, np.uint8)}

    async def header_only() -> Any:
        yield net.frame(arrays, body=b"")
        await asyncio.sleep(20)

    async with net.axon(flow=flow) as axon, net.channel(axon, net.asker.certificate) as channel:
        method = channel.stream_stream(f"/{_axon.SERVICE}/AskStreamed")
        stuck = method(header_only(), timeout=20)
        await asyncio.sleep(0.1)
        assert await net.stream(channel, [net.frame(arrays, body=b"")]) == (Code.BUSY, True)  # its own share is used up
        async with net.dendrite(net.other) as dendrite:
            await dendrite.ask(1, "raw", arrays)
        stuck.cancel()
