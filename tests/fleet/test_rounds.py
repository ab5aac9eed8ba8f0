"""Rounds: until the test is met, the same for the same seed, and whatever some devices do."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet import adversaries
from tests.fleet.homes import SETTINGS, devices, homes

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


def run(demand, members, test, strategy="robust"):
    return asyncio.run(fleet.Rounds(demand, members, fleet.strategy(strategy), test).run())


@pytest.mark.parametrize("strategy", list(fleet.STRATEGIES))
def test_rounds_end_when_the_servers_own_test_is_met(strategy):
    made, test = devices(6)
    outcome = run(fleet.Demand(WANTED, rounds=20, goal=0.9), [fleet.Local(d) for d in made], test, strategy)
    assert outcome.met and outcome.rounds[-1].score >= 0.9 and len(outcome.rounds) < 20
    assert all(sum(one.used.values()) == pytest.approx(1) for one in outcome.rounds)


def test_a_linear_model_of_scikit_learns():
    made, test = devices(4)
    wanted = fleet.Instructions("digits", "linear", {"features": 64, "classes": 10, "step_size": 0.02}, epochs=3)
    assert run(fleet.Demand(wanted, rounds=10, goal=0.88), [fleet.Local(d) for d in made], test).met


def test_a_seed_reproduces_to_the_bit():
    made, test = devices(5)
    demand = fleet.Demand(WANTED, rounds=2, share=0.6)
    first, again = (run(demand, [fleet.Local(d) for d in order], test) for order in (made, made[::-1]))
    assert [a.tobytes() for a in first.parameters] == [a.tobytes() for a in again.parameters]
    assert len(first.rounds[0].used | first.rounds[0].left_out) == 3
    other = run(replace(demand, wanted=replace(WANTED, seed=4)), [fleet.Local(d) for d in made], test)
    assert other.parameters[0].tobytes() != first.parameters[0].tobytes()


class Spoilt:
    """A device that gives back something else than it trained."""

    def __init__(self, device, spoil):
        self.name, self._device, self._spoil = device.name, device, spoil

    def apply(self, wanted):
        return self._device.apply(wanted)

    def fit(self, parameters, wanted):
        return self._spoil(self._device.fit(parameters, wanted))


def changed(update, change):
    from klopf.fleet._parameters import digest

    return replace(update, change=change, digest=digest(change))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda u: changed(u, [a * np.nan for a in u.change]), "not finite"),
        (lambda u: changed(u, [a.astype(np.float64) for a in u.change]), "not float32"),
        (lambda u: changed(u, u.change[:1]), "wrong shape"),
        (lambda u: replace(u, change=[a * 2 for a in u.change]), "wrong digest"),
        (lambda u: replace(u, base="00"), "began from other parameters"),
        (lambda u: replace(u, records=0), "impossible figures"),
        (lambda u: replace(u, records=10**400), "impossible figures"),
        (lambda u: replace(u, loss=10**400), "impossible figures"),
        (lambda u: replace(u, loss=float("nan")), "impossible figures"),
        (lambda u: changed(u, [np.float32(-30) * a for a in u.change]), "far from the others"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_named(spoil, why):
    made, test = devices(6)
    members = [fleet.Local(Spoilt(made[0], spoil)), *(fleet.Local(d) for d in made[1:])]
    outcome = run(fleet.Demand(WANTED, rounds=3), members, test)
    assert {one.left_out["d000"] for one in outcome.rounds} == {why}
    assert outcome.rounds[-1].score > 0.8


def test_slow_devices_are_not_waited_for():
    made, test = devices(5)

    def sleep(update):
        time.sleep(0.4)
        return update

    members = [fleet.Local(Spoilt(made[0], sleep)), *(fleet.Local(d) for d in made[1:])]
    outcome = run(fleet.Demand(WANTED, rounds=1, enough=0.8, grace=0.05), members, test)
    assert outcome.rounds[0].left_out["d000"] == "too late"


def test_nobody_left_is_one_line():
    made, test = devices(2)
    members = [fleet.Local(Spoilt(d, lambda u: replace(u, base=""))) for d in made]
    told = []
    rounds = fleet.Rounds(fleet.Demand(WANTED), members, fleet.strategy("robust"), test, told=told.append)
    with pytest.raises(FleetError, match=r"round 1: no update can be used \(d000: began from.*4 tries before"):
        asyncio.run(rounds.run())
    assert [dict(one.used) for one in told] == [{}] * 5
    assert all(one.lost and one.number == 1 for one in told)


def test_a_lost_round_is_tried_again_with_others_once_members_are_there():
    made, test = devices(6)
    gone, waited = ["all"], []

    def away(update):
        if gone:
            raise FleetError("away")
        return update

    async def ready(*, first):
        waited.append(first)
        if len(waited) == 2:
            gone.clear()

    members = [fleet.Local(Spoilt(d, away)) for d in made]
    demand = fleet.Demand(WANTED, rounds=2, share=0.5)
    rounds = fleet.Rounds(demand, members, fleet.strategy("average"), test, ready=ready)
    outcome = asyncio.run(rounds.run())
    assert waited == [True, True]  # until the first round is done, as many as it needs
    assert [(one.number, one.lost) for one in outcome.rounds] == [(1, True), (1, False), (2, False)]
    assert set(outcome.rounds[0].left_out) != set(outcome.rounds[1].used)
    assert outcome.shares == dict.fromkeys((d.name for d in made), 0.0)  # nothing was valued


def test_a_lost_round_is_a_lost_round():
    made, test = devices(2)
    members = [fleet.Local(Spoilt(d, lambda u: u if now[0] != 2 else replace(u, base=""))) for d in made]
    now = [1]
    demand = fleet.Demand(WANTED, rounds=4)
    rounds = fleet.Rounds(demand, members, fleet.strategy("robust"), test, told=lambda one: now.append(now.pop() + 1))
    outcome = asyncio.run(rounds.run())
    assert [bool(one.used) for one in outcome.rounds] == [True, False, True, True, True]
    assert [one.number for one in outcome.rounds] == [1, 2, 2, 3, 4]  # it is none of the four
    assert outcome.rounds[1].score == outcome.rounds[0].score < outcome.rounds[-1].score


def test_a_device_that_breaks_ends_nothing():
    made, test = devices(3)

    def breaks(update):
        raise ValueError("its own fault\nover two lines")

    members = [fleet.Local(Spoilt(made[0], breaks)), *(fleet.Local(d) for d in made[1:])]
    outcome = run(fleet.Demand(WANTED, rounds=2), members, test)
    assert outcome.rounds[0].left_out["d000"] == "failed (ValueError: its own fault over two lines)"


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"share": 0}, {"enough": 1.1}, {"deadline": 601}, {"grace": -1}])
def test_impossible_demands(wrong):
    with pytest.raises(FleetError):
        fleet.Demand(WANTED, **wrong)


def test_unknown_models_strategies_and_settings_are_one_line():
    for wanted in (replace(WANTED, model="os"), replace(WANTED, settings={"path": "/"})):
        with pytest.raises(Exception, match=r"os|path") as caught:
            devices(2)[0][0].apply(wanted)
        assert "\n" not in str(caught.value)
    with pytest.raises(FleetError, match="no strategy"):
        fleet.strategy("best")


@pytest.mark.long
def test_devices_in_processes_of_their_own_give_what_they_give_here():
    """Over mutual TLS, one of them killed between rounds."""
    made, test = devices(6)
    here = run(fleet.Demand(WANTED, rounds=2), [fleet.Local(d) for d in made], test)
    server = fleet.Post("server")

    async def there(cards, processes):
        rounds = fleet.Rounds(fleet.Demand(WANTED, deadline=20), server.reach(cards), fleet.strategy("robust"), test)
        applied = [await member.apply(WANTED, 10) for member in rounds.members.values()]
        now, one = await rounds.once(rounds._model.parameters(), 1)
        now, two = await rounds.once(now, 2)
        processes[0].kill()
        processes[0].join()
        _, three = await rounds.once(now, 3)
        await server.close()
        return applied, now, (one, two, three)

    with homes(6, 3, server.card()) as (cards, processes):
        applied, now, rounds = asyncio.run(there(cards, processes))
    assert [a.tobytes() for a in now] == [a.tobytes() for a in here.parameters]
    assert all(len(one.inputs) == 4 and one.records > 200 and one.seconds > 0 for one in applied)
    assert rounds[0].received > 6 * 4 * sum(a.size for a in now)
    assert len(rounds[2].used) == 4 and set(rounds[2].left_out) >= {"d000", "d001"}


def test_a_leader_alone_talks_to_the_server():
    """Two nodes of three devices: over TLS, on two levels; devices do not know the server."""
    made, test = devices(6)
    server, stranger = fleet.Post("server"), fleet.Post("stranger")

    async def play():
        posts, leaders = [], []
        for node in range(2):
            leader = fleet.Post(f"node{node}")
            leader.knows(server.card())
            own = []
            for device in made[3 * node : 3 * node + 3]:
                post = fleet.Post(device.name)
                post.knows(leader.card())
                await post.open(fleet.Local(device))
                own.append(post)
            at_work = fleet.Leader(leader.name, leader.reach(p.card() for p in own), lambda: fleet.strategy("robust"))
            await leader.open(at_work)
            posts += [leader, *own]
            leaders.append(leader)
        demand = fleet.Demand(WANTED, rounds=20, goal=0.88, deadline=20)
        rounds = fleet.Rounds(demand, server.reach(p.card() for p in leaders), fleet.strategy("robust"), test)
        said = await rounds.members["node0"].apply(WANTED, 10)
        outcome = await rounds.run()
        (device,) = server.reach([posts[1].card()])
        with pytest.raises(Exception, match="certificate"):
            await device.fit(outcome.parameters, WANTED, 3)
        for post in (*posts, server, stranger):
            await post.close()
        return said, outcome

    said, outcome = asyncio.run(play())
    assert said.records == sum(len(d.inputs) for d in made[:3])
    assert outcome.met and set(outcome.rounds[0].used) == {"node0", "node1"}


@pytest.mark.long
def test_nodes_of_thirty_and_of_three_hundred_devices_are_two_members():
    """Over TLS between leaders and server; each device has four records."""
    made, test = devices(330)
    server = fleet.Post("server")

    async def play():
        leaders = [fleet.Post(name) for name in ("small", "large")]
        for post, own in zip(leaders, (made[:30], made[30:]), strict=True):
            post.knows(server.card())
            await post.open(fleet.Leader(post.name, [fleet.Local(d) for d in own], lambda: fleet.strategy("robust")))
        demand = fleet.Demand(replace(WANTED, epochs=4), rounds=3, deadline=300)
        rounds = fleet.Rounds(demand, server.reach(p.card() for p in leaders), fleet.strategy("average"), test)
        try:
            said = [(await rounds.members[name].apply(WANTED, 300)).records for name in ("small", "large")]
            return said, await rounds.run()
        finally:
            for post in (*leaders, server):
                await post.close()

    said, outcome = asyncio.run(play())
    assert said == [sum(len(d.inputs) for d in own) for own in (made[:30], made[30:])]
    used = [one.used for one in outcome.rounds]
    assert all(set(one) == {"small", "large"} for one in used) and used[0]["large"] > 2 * used[0]["small"]
    assert outcome.rounds[-1].score > 1.5 * outcome.rounds[0].score
    plain = 2 * 4 * sum(a.size for a in outcome.parameters)
    assert outcome.rounds[-1].received < 1.5 * plain, "two updates travel, not 330"


@pytest.mark.long
def test_devices_of_nodes_of_thirty_are_valued_one_by_one():
    """Two of sixty send noise: they are worth nothing, and nearly all others something."""
    made, test = devices(60)
    bad = {d.name for d in (made[3], made[40])}
    own = [adversaries.Dishonest(d, "random", d.fit) if d.name in bad else d for d in made]
    leaders = [
        fleet.Leader(name, [fleet.Local(d) for d in part], lambda: fleet.strategy("robust"))
        for name, part in (("n0", own[:30]), ("n1", own[30:]))
    ]
    validation = fleet.Validation(test.inputs[:100], test.targets[:100])
    demand = fleet.Demand(replace(WANTED, epochs=4), rounds=2, deadline=300)
    rounds = fleet.Rounds(demand, leaders, fleet.strategy("robust"), test, validation=validation)
    outcome = asyncio.run(rounds.run())
    earned = {name.split("/")[1]: share for name, share in outcome.shares.items()}
    assert sum(earned.values()) == pytest.approx(1)
    assert all(earned.get(name, 0.0) < 0.05 / 60 for name in bad)
    assert sum(share > 0 for share in earned.values()) > 45
