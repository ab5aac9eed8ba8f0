"""Rounds that wait for nobody, and whom to ask."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


class Slow:
    """A device that takes its time, or fails."""

    def __init__(self, device, seconds, fails=False):
        self.name, self._device, self._seconds, self._fails = device.name, device, seconds, fails

    async def apply(self, wanted, timeout):
        return self._device.apply(wanted)

    async def fit(self, parameters, wanted, timeout, step=None):
        await asyncio.sleep(self._seconds)
        if self._fails:
            raise FleetError("no more power")
        return self._device.fit(parameters, wanted)


def run(members, test, buffer, rounds=30, goal=0.92, **more):
    demand = fleet.Demand(WANTED, rounds=rounds, goal=goal, deadline=5)
    made = fleet.Rounds(demand, members, fleet.strategy("average"), test, **more)
    return asyncio.run(fleet.run_buffered(made, buffer))


def test_stragglers_hold_nobody_up_and_still_count():
    """Two of six answer only when ten rounds are over, whatever the clock says."""
    own, test = devices(6)

    async def play():
        over = asyncio.Event()

        class Waits(Slow):
            async def fit(self, parameters, wanted, timeout, step=None):
                await over.wait()
                return await super().fit(parameters, wanted, timeout, step)

        members = [*(Slow(d, 0.001) for d in own[:4]), *(Waits(d, 0.001) for d in own[4:])]
        demand = fleet.Demand(WANTED, rounds=30, deadline=20)

        def told(one):
            if one.number == 10:
                over.set()

        rounds = fleet.Rounds(demand, members, fleet.strategy("average"), test, told=told)
        return await fleet.run_buffered(rounds, 3, oldest=30)

    outcome = asyncio.run(play())
    slow = [bool({"d004", "d005"} & set(one.used)) for one in outcome.rounds]
    assert not any(slow[:10]) and any(slow[10:])
    assert max(one.score for one in outcome.rounds) > 0.9


def test_what_is_too_old_is_dropped_and_what_is_old_weighs_less():
    own, test = devices(4)
    members = [Slow(d, 0.002 if i < 3 else 0.5) for i, d in enumerate(own)]
    made = fleet.Rounds(fleet.Demand(WANTED, rounds=200, deadline=5), members, fleet.strategy("average"), test)
    outcome = asyncio.run(fleet.run_buffered(made, 2, oldest=3))
    old = [one.left_out["d003"] for one in outcome.rounds if "d003" in one.left_out]
    assert old and set(old) == {"began from parameters that are too old"}


def test_contributions_are_valued_and_failures_named():
    own, test = devices(5)
    members = [*(Slow(d, 0.002) for d in own[:4]), Slow(own[4], 0.002, fails=True)]
    more = {"validation": fleet.Validation(test.inputs[:200], test.targets[:200])}
    outcome = run(members, test, 3, rounds=10, goal=1.0, **more)
    assert sum(outcome.shares.values()) == pytest.approx(1)
    assert "no more power" in {why for one in outcome.rounds for why in one.left_out.values()}


def test_who_begins_from_what_nobody_knows_is_silent_and_a_deadline_ends_a_round():
    own, test = devices(4)

    class Unknown(Slow):
        async def fit(self, parameters, wanted, timeout, step=None):
            return replace(await super().fit(parameters, wanted, timeout, step), base="0" * 64)

    class Never(Slow):
        async def fit(self, parameters, wanted, timeout, step=None):
            await asyncio.Event().wait()

    outcome = run([*(Slow(d, 0.001) for d in own[:3]), Unknown(own[3], 0.001)], test, 4, rounds=3, goal=1)
    assert [len(one.used) for one in outcome.rounds] == [3, 3, 3]
    demand = fleet.Demand(WANTED, rounds=1, deadline=0.2)
    members = [*(Slow(d, 0.001) for d in own[:3]), Never(own[3], 0.001)]
    late = fleet.Rounds(demand, members, fleet.strategy("average"), test)
    assert len(asyncio.run(fleet.run_buffered(late, 4)).rounds[0].used) == 3


def test_a_fleet_of_nobody_is_one_line():
    own, test = devices(2)
    with pytest.raises(FleetError, match="no more power"):
        run([Slow(d, 0.001, fails=True) for d in own], test, 2)
    with pytest.raises(FleetError, match="buffer of 3"):
        run([fleet.Local(d) for d in own], test, 3)


def test_who_has_much_to_learn_from_and_is_fast_is_asked_and_some_are_tried():
    choice, names = fleet.Oort(explore=0.25), [f"d{i:02}" for i in range(12)]
    rng = np.random.default_rng(0)
    assert len(choice.choose(names, 4, 1, rng)) == 4
    for i, name in enumerate(names):
        choice.note(name, 100, 0.1 * (i + 1), 1.0 if name != "d11" else 9.0)
    asked = [choice.choose(names, 4, number, rng) for number in range(2, 80)]
    often = [sum(name in round_ for round_ in asked) for name in names]
    assert min(often[8:11]) > 1.5 * np.mean(often[:3])  # much to learn from
    assert often[11] < min(often[8:11])  # most of all, but slow
    assert sum(often[:8]) >= 40  # and some to try
    choice.missed("d10", 5.0)
    utility = choice._utilities(names)
    assert utility["d10"] < utility["d09"]


def test_of_who_was_never_asked_the_application_tells_whom_to_try():
    """Twelve with other losses, one of them slow; a third is asked in the first round, in many demands."""
    names, got = [f"d{i:02}" for i in range(12)], dict.fromkeys([f"d{i:02}" for i in range(12)], 0)
    for seed in range(200):
        choice = fleet.Oort()
        for i, name in enumerate(names):
            choice.applied(name, 100, 0.1 * (i + 1), 1.0 if name != "d11" else 9.0)
        for name in choice.choose(names, 4, 1, np.random.default_rng(seed)):
            got[name] += 1
    often = list(got.values())
    assert min(often[8:11]) > 1.5 * np.mean(often[:3]) and often[11] < min(often[6:11])
    assert min(often) > 20, "some are tried whatever they say"
    choice = fleet.Oort()
    for i, name in enumerate(names):
        choice.applied(name, 1 << 70 if i < 2 else 100, 1e300 if i < 2 else 1.0, -5.0)
    many = [choice.choose(names, 4, 1, np.random.default_rng(seed)) for seed in range(200)]
    assert sum(name in one for one in many for name in names[:2]) < 1.5 * 2 / 12 * 800, "nor who exaggerates"


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize(("loss", "records"), [(50.0, 50), (1e300, 1 << 70), (2.0, 1 << 39)])
def test_who_exaggerates_does_not_get_the_seats(loss, records, measured):
    """Three liars of thirty, three seats, forty rounds: four each would be just."""
    liars, honest = [], []
    for seed in range(3):
        choice, rng = fleet.Oort(), np.random.default_rng(seed)
        names = [f"d{i:02}" for i in range(30)]
        got = dict.fromkeys(names, 0)
        for number in range(1, 41):
            for name in choice.choose(names, 3, number, rng):
                lies = name in names[:3]
                got[name] += 1
                told = (records, loss) if lies else (50, float(rng.uniform(0.5, 1)))
                choice.note(name, *told, float(rng.uniform(0.5, 1)), 0.1 if measured else None)
        liars += [got[name] for name in names[:3]]
        honest += [got[name] for name in names[3:]]
    assert np.mean(liars) <= (1.5 if measured else 3) * np.mean(honest)


def test_who_is_refused_was_missed():
    own, test = devices(4)

    class Boasts(Slow):
        async def fit(self, parameters, wanted, timeout, step=None):
            return replace(await super().fit(parameters, wanted, timeout, step), loss=float("inf"))

    choice = fleet.Oort()
    members = [*(Slow(d, 0.001) for d in own[:3]), Boasts(own[3], 0.001)]
    rounds = fleet.Rounds(fleet.Demand(WANTED, rounds=2), members, fleet.strategy("average"), test, choice=choice)
    asyncio.run(rounds.run())
    assert choice._utilities([d.name for d in own])["d003"] == 0


def test_rounds_ask_whom_the_choice_says():
    own, test = devices(8)
    demand = fleet.Demand(WANTED, rounds=6, share=0.5)
    made = fleet.Rounds(demand, [fleet.Local(d) for d in own], fleet.strategy("average"), test, choice=fleet.Oort())
    outcome = asyncio.run(made.run())
    assert all(len(one.used) == 4 for one in outcome.rounds)
    assert len({name for one in outcome.rounds for name in one.used}) >= 7


class Offers(fleet.Local):
    """Applies with what the test says."""

    async def apply(self, wanted, timeout):
        said = await super().apply(wanted, timeout)
        return replace(said, **self.offer(said))


@pytest.mark.parametrize(
    "offer",
    [
        lambda said: {"inputs": np.zeros((2, 5), np.float32), "targets": np.zeros(2, np.float32)},
        lambda said: {"inputs": said.inputs * np.nan},
        lambda said: {"targets": said.targets + 1000},
        lambda said: {"records": 0},
        lambda said: {"loss": float("nan")},
        lambda said: {"seconds": -1.0},
    ],
)
def test_who_applies_with_what_the_model_cannot_learn_is_rather_not_asked(offer):
    own, test = devices(8)
    members = [Offers(fleet.TrainingDevice(d.name, d.inputs, d.targets, sample=4)) for d in own]
    for i, member in enumerate(members):
        member.offer = offer if i == 3 else lambda said: {}
    choice = fleet.Oort(explore=0.0)
    rounds = fleet.Rounds(
        fleet.Demand(WANTED, rounds=1, share=0.25), members, fleet.strategy("average"), test, choice=choice
    )
    asyncio.run(rounds.run())
    assert choice._utilities(["d003"])["d003"] == 0 and len(choice._applied) == 7
