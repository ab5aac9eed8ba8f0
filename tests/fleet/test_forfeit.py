"""What was earned by good rounds is set against those in which what looked like work was none."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.fleet._accounts import Accounts
from klopf.fleet._hidden import opposed
from klopf.fleet._parameters import digest, flat, shapes_of, split
from klopf.fleet._players import Player
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


class Odd:
    """A device that gives ``turned`` of what it learned."""

    def __init__(self, device, turned):
        self.name, self._device, self._turned = device.name, device, turned

    def apply(self, wanted):
        return self._device.apply(wanted)

    def fit(self, parameters, wanted):
        update = self._device.fit(parameters, wanted)
        own = flat(update.change)
        drawn = np.random.default_rng([wanted.round, *self.name.encode()]).normal(size=own.size)
        noise = drawn * np.linalg.norm(own) / np.linalg.norm(drawn)
        turned = self._turned(own, noise, wanted.round).astype(np.float32)
        change = split(turned, shapes_of(parameters))
        return replace(update, change=change, digest=digest(change))


@pytest.mark.parametrize(
    "turned",
    [
        pytest.param(lambda own, noise, number: own if number == 1 else noise, id="good once, then noise"),
        pytest.param(lambda own, noise, number: own if number % 3 else noise, id="good in two of three rounds"),
        pytest.param(lambda own, noise, number: own if number < 3 else -own, id="two good rounds, then poison"),
    ],
)
def test_who_works_now_and_then_and_cheats_between_earns_nothing(turned):
    held, test = devices(8)
    members = [fleet.Local(d) for d in (*held[:6], *(Odd(d, turned) for d in held[6:]))]
    validation = fleet.Validation(test.inputs[:200], test.targets[:200])
    demand, lines = fleet.Demand(WANTED, rounds=6), []
    rounds = fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation, told=lines.append)
    shares = asyncio.run(rounds.run()).shares
    honest, odd = ([shares.get(d.name, 0.0) for d in these] for these in (held[:6], held[6:]))
    assert np.mean(odd) <= 0.1 * np.mean(honest) and min(honest) > 0.3 * np.mean(honest)
    assert lines[0].values[held[6].name] > 0  # it was worth something once


def test_a_part_of_all_rounds_forfeits_five_times_as_much():
    accounts = Accounts()
    for number in range(10):
        accounts.settle({"a": 1.0, "b": 1.0, "c": 1.0})
        accounts.given("abc", {"b"} if number == 9 else {"c"} if number in (0, 4, 8) else ())
    assert accounts.due() == pytest.approx({"a": 10.0, "b": 5.0, "c": 0.0})
    again = Accounts()
    again.restore(json.loads(json.dumps(accounts.standing())))
    assert again.due() == accounts.due() and again.standing() == accounts.standing()


def test_only_what_undoes_the_work_of_those_who_are_used_is_opposed():
    rng = np.random.default_rng(0)
    middle = rng.normal(size=300)
    crew = [Player(f"d{i}", np.float32(middle + rng.normal(size=300)), 1.0, {f"d{i}": 1.0}) for i in range(6)]
    other = Player("x", np.float32(rng.normal(size=300)), 1.0, {"x": 1.0})
    back = Player("y", np.float32(-middle + rng.normal(size=300)), 1.0, {"y": 1.0})
    assert opposed([*crew, other, back], crew) == [back] and opposed([*crew[:2], back], crew[:2]) == []
