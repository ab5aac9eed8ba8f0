"""Rounds in which everybody commits to an update before anybody's is sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet._sealed import Keeps, opened, seal
from klopf.fleet.adversaries import Heard, Overhears
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


def played(sealed, stubborn=False, rounds=6):
    """Seven honest ones, the first of whom three others overhear; each one's pay, and the rounds."""
    held, test = devices(7)
    victim = Heard(fleet.Local(held[0]))
    members = [victim, *(fleet.Local(d) for d in held[1:])]
    members += [Overhears(f"e{i}", victim, stubborn) for i in range(3)]
    demand = fleet.Demand(WANTED, rounds=rounds, sealed=sealed)
    made = fleet.Rounds(demand, members, fleet.strategy("robust"), test,
                        validation=fleet.Validation(test.inputs[:200], test.targets[:200]))  # fmt: skip
    outcome = asyncio.run(made.run())
    return np.array([outcome.shares.get(m.name, 0.0) for m in members]), outcome


def test_who_overhears_is_too_late_to_copy():
    plain, _ = played(False)
    assert plain[7:].sum() > 0.5 * plain[0]  # they share with whom they copy
    for stubborn in (False, True):
        pay, outcome = played(True, stubborn)
        assert pay[7:].mean() <= 0.05 * pay[:7].mean() and pay[0] > 0.6 * pay[1:7].mean()
        assert outcome.rounds[-1].score > 0.9
        why = "is not what it had committed to" if stubborn else "repeats what d000 gave in the round before"
        assert all(one.left_out["e1"] == why for one in outcome.rounds[1:])


def test_a_seal_is_of_one_name_one_beginning_and_all_parts():
    held, _ = devices(2)
    now = fleet.Rounds(fleet.Demand(WANTED), [fleet.Local(held[0])], fleet.strategy("average"), devices(2)[1]).begin()
    one, other = (d.fit(now, WANTED) for d in held)
    whole = replace(one, parts={"x": other})
    seals = {seal("a", one), seal("b", one), seal("a", other), seal("a", whole), seal("a", replace(one, base="x"))}
    assert len(seals) == 5 and all(len(s) == 64 for s in seals)
    good, wrong = opened({"a": one, "b": one}, {"a": seal("a", one), "b": seal("a", one)})
    assert list(good) == ["a"] and list(wrong) == ["b"]


def test_sealed_rounds_over_the_wire_give_the_same_numbers():
    _, test = devices(3)
    sparse = replace(WANTED, sparse=True)

    async def over(demand):
        server, posts = fleet.Post("server"), []
        for device in devices(3)[0]:
            post = fleet.Post(device.name)
            post.knows(server.card())
            await post.open(fleet.Local(device))
            posts.append(post)
        try:
            members = server.reach(p.card() for p in posts)
            return await fleet.Rounds(demand, members, fleet.strategy("average"), test).run()
        finally:
            for post in (*posts, server):
                await post.close()

    for wanted in (WANTED, sparse):
        demand = fleet.Demand(wanted, rounds=3)
        plain, sealed = asyncio.run(over(demand)), asyncio.run(over(replace(demand, sealed=True)))
        assert all((a == b).all() for a, b in zip(plain.parameters, sealed.parameters, strict=True))
        assert not any(one.left_out for one in sealed.rounds)
        more = [b.sent - a.sent for a, b in zip(plain.rounds, sealed.rounds, strict=True)]
        assert all(0 < m < 3 * 1500 for m in more)  # parameters are not sent twice


def test_rounds_are_sealed_where_work_is_valued():
    held, test = devices(3)
    valued = {"validation": fleet.Validation(test.inputs[:99], test.targets[:99])}
    for said, more, sealed in ((None, {}, False), (None, valued, True), (False, valued, False), (True, {}, True)):
        members = [fleet.Local(d) for d in held]
        one = fleet.Rounds(fleet.Demand(WANTED, sealed=said), members, fleet.strategy("average"), test, **more)
        assert one.sealed is sealed


def test_a_node_seals_its_devices_too():
    """Over the wire: who overhears another one in his node is too late."""
    held, test = devices(5)

    async def over(sealed, sparse=False, named=True):
        server, leads, posts = fleet.Post("server"), fleet.Post("node"), []
        for device in held[:3]:
            posts.append(fleet.Post(device.name))
            posts[-1].knows(leads.card())
            await posts[-1].open(fleet.Local(fleet.TrainingDevice(device.name, device.inputs, device.targets)))
        victim = Heard(fleet.Local(held[3]))
        inside = [*leads.reach(p.card() for p in posts), victim, Overhears("e", victim)]
        leads.knows(server.card())
        await leads.open(fleet.Leader("node", inside, lambda: fleet.strategy("average")))
        try:
            names = [one.name for one in inside]
            members = server.reach([leads.card(devices=names if named else [])])
            more = {"validation": fleet.Validation(test.inputs[:200], test.targets[:200])}
            demand = fleet.Demand(replace(WANTED, sparse=sparse), rounds=3, sealed=sealed)
            return await fleet.Rounds(demand, members, fleet.strategy("average"), test, **more).run()
        finally:
            for post in (*posts, leads, server):
                await post.close()

    plain, sealed = asyncio.run(over(False)), asyncio.run(over(None))
    assert sealed.shares.get("node/e", 0.0) < 0.1 * sealed.shares["node/d003"] < plain.shares["node/e"]
    one = asyncio.run(over(None, named=False))  # of a node whose card names no devices nobody is shown
    assert all(set(each.values) == {"node"} for each in one.rounds)
    sparse = asyncio.run(over(None, sparse=True))
    for outcome in (sealed, sparse):
        assert all(set(one.values) >= {f"node/d{i:03}" for i in range(4)} for one in outcome.rounds)


def test_nothing_is_given_that_was_not_committed_to():
    held, test = devices(2)
    keeps, now = Keeps(fleet.Local(held[0]), "d0"), fleet.Rounds(
        fleet.Demand(WANTED), [fleet.Local(held[0])], fleet.strategy("average"), test
    ).begin()  # fmt: skip
    sealed = replace(WANTED, sealed=True)
    with pytest.raises(FleetError, match="committed to nothing in round 1"):
        asyncio.run(keeps.fit(now, sealed, 9))
    said = asyncio.run(keeps.commit(now, sealed, 9))
    assert seal("d0", asyncio.run(keeps.fit(now, sealed, 9))) == said
    with pytest.raises(FleetError, match="round 2"):
        asyncio.run(keeps.fit(now, replace(sealed, round=2), 9))
