"""Changes in few bytes: what arrives is what was sent, what was left out is not lost, and damage is refused."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet._parameters import flat
from klopf.fleet._sparse import pack, part_of, unpack
from klopf.fleet.models import made
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=5, seed=3, sparse=True)


@given(st.integers(1, 3000), st.floats(0.001, 1), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_places_and_signs_arrive(size, part, seed):
    values = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    values[: size // 2] *= 1e-6  # so that some distances are long
    got = unpack(pack(values, part), size)
    kept = got != 0
    assert kept.sum() == max(1, round(part * size))
    assert (np.sign(got[kept]) == np.sign(values[kept])).all()
    assert np.abs(values[kept]).min() >= np.abs(values[~kept]).max(initial=0)
    assert len(np.unique(np.abs(got[kept]))) <= 2


def test_what_is_damaged_is_refused():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    data = pack(values, 0.03)
    bomb = data[:16] + data[16 : 16 + 8] + zlib.compress(bytes(1 << 20))
    for wrong in (b"", data[:10], data[:-3], data + b"x", bomb, data.replace(data[:4], b"\xff\xff\xff\xff", 1)):
        with pytest.raises(FleetError, match="packed change"):
            unpack(wrong, 1000)
    with pytest.raises(FleetError):
        unpack(data, 999)
    for at in range(len(data)):  # whatever a stranger sends, it is a change of this size or refused
        try:
            assert unpack(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :], 1000).shape == (1000,)
        except FleetError as error:
            assert "\n" not in str(error)


def test_few_bytes_for_little_less():
    own, test = devices(5)
    members = [fleet.Local(d) for d in own]
    outcome = asyncio.run(
        fleet.Rounds(fleet.Demand(WANTED, rounds=20, goal=0.93), members, fleet.strategy("robust"), test).run()
    )
    assert outcome.met
    update = own[0].fit(outcome.parameters, replace(WANTED, round=99))
    numbers = sum(a.size for a in outcome.parameters)
    assert len(update.packed) < 4 * numbers / 30 and len(pack(flat(update.change), 0.03)) < 4 * numbers / 75
    assert sum((a != 0).sum() for a in update.change) == round(part_of(numbers) * numbers)


async def over_the_wire(own, test, rounds):
    server, posts = fleet.Post("server"), []
    for device in own:
        post = fleet.Post(device.name)
        post.knows(server.card())
        await post.open(fleet.Local(device))
        posts.append(post)
    members = server.reach(p.card() for p in posts)
    outcome = await fleet.Rounds(fleet.Demand(WANTED, rounds=rounds), members, fleet.strategy("robust"), test).run()
    for post in (*posts, server):
        await post.close()
    return outcome


def test_the_same_over_the_wire_and_both_ways_are_small():
    own, test = devices(3)
    there = asyncio.run(over_the_wire(own, test, 4))
    own, _ = devices(3)
    members = [fleet.Local(d) for d in own]
    here = asyncio.run(fleet.Rounds(fleet.Demand(WANTED, rounds=4), members, fleet.strategy("robust"), test).run())
    assert [a.tobytes() for a in here.parameters] == [a.tobytes() for a in there.parameters]
    first, last = there.rounds[0], there.rounds[-1]
    assert first.sent > 3 * 9640 > 5 * last.sent  # only the first round sends the parameters whole
    assert last.received < 3 * 700


def test_asked_twice_a_device_gives_the_same():
    (device,), _ = devices(1)
    now = made("mind", SETTINGS, 3).parameters()
    first, again = device.fit(now, WANTED), device.fit(now, WANTED)
    assert first.digest == again.digest
    assert device.fit(now, replace(WANTED, round=2)).digest != first.digest


def test_a_device_that_was_restarted_is_sent_the_parameters_whole():
    (device,), test = devices(1)

    async def play():
        server, post = fleet.Post("server"), fleet.Post("d")
        post.knows(server.card())
        await post.open(fleet.Local(device))
        rounds = fleet.Rounds(fleet.Demand(WANTED), server.reach([post.card()]), fleet.strategy("robust"), test)
        now, first = await rounds.once(rounds._model.parameters(), 1)
        port = int(post.peer.endpoint.rpartition(":")[2])
        await post.close()
        await post.open(fleet.Local(device), port=port)
        now, second = await rounds.once(now, 2)
        _, third = await rounds.once(now, 3)
        await post.close()
        await server.close()
        return first, second, third

    first, second, third = asyncio.run(play())
    assert not second.left_out and second.sent > first.sent > 5 * third.sent
