"""Who counts as one in a round, and who is listened to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet._accounts import Accounts
from klopf.fleet._parameters import digest, flat, shapes_of, split
from klopf.fleet._players import Near, stale
from tests.fleet.homes import SETTINGS, devices, digits

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


def law(seed, count=6, features=5):
    """Independent samples of one linear law."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=features)
    x = rng.normal(size=(count * 60 + 200, features)).astype(np.float32)
    y = (x @ truth + 0.3 * rng.normal(size=len(x))).astype(np.float32)
    held = [fleet.TrainingDevice(f"d{i}", x[200 + 60 * i :][:60], y[200 + 60 * i :][:60]) for i in range(count)]
    return held, fleet.Validation(x[:100], y[:100]), fleet.Test(x[100:200], y[100:200])


LINEAR = fleet.Instructions("law", "linear", {"features": 5, "classes": 0, "step_size": 0.002}, seed=1)


@pytest.mark.parametrize("seed", range(3))
def test_independent_samples_of_one_law_are_nobodys_copies_and_all_are_paid(seed):
    held, validation, test = law(seed)
    demand = fleet.Demand(LINEAR, rounds=12)
    orders = (held, held[::-1])
    runs = [fleet.Rounds(demand, [fleet.Local(d) for d in order], fleet.strategy("robust"), test, validation=validation)
            for order in orders]  # fmt: skip
    first, again = (asyncio.run(one.run()) for one in runs)
    assert first.shares == again.shares  # whoever arrives first
    assert min(first.shares.values()) > 0.04 and len(first.shares) == 6
    assert all("copy" not in why for one in first.rounds for why in one.left_out.values())
    assert sum(any(one.values.values()) for one in first.rounds) >= 8  # late rounds are valued, too


def test_a_copy_shares_with_whom_it_copies_whoever_came_first():
    rng = np.random.default_rng(0)
    middle = rng.normal(size=400)
    own = {f"d{i}": (middle + 0.3 * rng.normal(size=400)).astype(np.float32) for i in range(6)}
    noise = rng.normal(size=400)
    copied = own["d2"] + (0.25 * np.linalg.norm(own["d2"]) * noise / np.linalg.norm(noise)).astype(np.float32)
    apart = [[name] for name in sorted(own)]
    assert Near().clusters(own) == apart
    assert Near().clusters(own | {"a": copied}) == [["a", "d2"], *([n] for n in sorted(own) if n != "d2")]
    assert Near().clusters(dict(reversed((own | {"a": copied}).items()))) == Near().clusters(own | {"a": copied})
    assert Near().clusters({"a": own["d0"], "b": own["d0"] * 3}) == [["a", "b"]]


def test_who_has_more_records_is_not_near_others_who_have():
    rng = np.random.default_rng(0)
    middle, further = rng.normal(size=400), rng.normal(size=400)
    big = {f"d{i}": middle + 0.6 * further + 0.3 * rng.normal(size=400) for i in range(5)}
    small = {f"e{i}": middle + 0.6 * rng.normal(size=400) for i in range(9)}
    changes = {name: change.astype(np.float32) for name, change in (big | small).items()}
    weights = dict.fromkeys(big, 60.0) | dict.fromkeys(small, 20.0)
    assert len(Near().clusters(changes, weights)) == 14
    assert ["d0", "x"] in Near().clusters(changes | {"x": changes["d0"] * 2}, weights | {"x": 60.0})


def test_what_the_model_changed_before_is_nobodys_work():
    rng = np.random.default_rng(0)
    middle = rng.normal(size=400)
    own = {f"d{i}": (middle + 0.5 * rng.normal(size=400)).astype(np.float32) for i in range(6)}
    last = (middle + 1.0 * rng.normal(size=400)).astype(np.float32)
    noisy = last + (0.2 * np.linalg.norm(last) / 20 * rng.normal(size=400)).astype(np.float32)
    found = stale(own | {"again": last * 2, "noisy": noisy, "still": np.zeros(400, np.float32)}, [last])
    assert set(found) == {"again", "noisy", "still"}


def test_who_was_worth_nothing_comes_back_and_is_paid_for_what_was_used():
    accounts, weights = Accounts(), dict.fromkeys("abc", 1.0)

    def play(values):
        accounts.note(values, weights)
        accounts.settle({name: value for name, value in values.items() if accounts.trusted(name)})

    play({"a": 1.0, "b": 1.0, "c": 1.0})
    for _ in range(3):
        play({"a": 1.0, "b": 1.0, "c": -1.0})
    assert not accounts.trusted("c") and accounts.pay["c"] == 1  # for the first one; nothing was lost by the others
    for _ in range(9):
        play({"a": 1.0, "b": 1.0, "c": 1.0})
    assert accounts.trusted("c") and 1 < accounts.pay["c"] < accounts.pay["a"]


def test_three_names_of_one_data_set_earn_as_one():
    made, test = devices(7)
    one = made[6]
    named = [fleet.TrainingDevice(f"e{i}", one.inputs, one.targets) for i in range(3)]
    rounds = fleet.Rounds(
        fleet.Demand(WANTED, rounds=5), [fleet.Local(d) for d in (*made[:6], *named)], fleet.strategy("robust"),
        fleet.Test(test.inputs[200:], test.targets[200:]),
        validation=fleet.Validation(test.inputs[:200], test.targets[:200]),
    )  # fmt: skip
    outcome = asyncio.run(rounds.run())
    assert outcome.rounds[-1].near["e0"] == ["e1", "e2"]
    assert not any(name.startswith("d") for one in outcome.rounds for name in one.near)
    honest = np.mean([outcome.shares[d.name] for d in made[:6]])
    assert sum(outcome.shares[f"e{i}"] for i in range(3)) <= 1.6 * honest


@pytest.mark.parametrize("seed", range(2))
def test_who_alone_has_rare_data_is_used_and_the_others_too(seed):
    x, y = digits(seed)
    mine = np.arange(400, len(x))
    rare, common = mine[y[mine] >= 8][:100], np.array_split(mine[y[mine] < 8], 7)
    held = [fleet.TrainingDevice("d0", x[rare], y[rare])]
    held += [fleet.TrainingDevice(f"d{i}", x[part[:100]], y[part[:100]]) for i, part in enumerate(common, 1)]
    validation, test = fleet.Validation(x[:200], y[:200]), fleet.Test(x[200:400], y[200:400])
    rounds = fleet.Rounds(fleet.Demand(WANTED, rounds=8), [fleet.Local(d) for d in held], fleet.strategy("robust"),
                          test, validation=validation)  # fmt: skip
    outcome = asyncio.run(rounds.run())
    assert outcome.rounds[-1].score > 0.75  # without the rare digits 0.8 is the most there is
    assert sum("d0" in one.used for one in outcome.rounds) >= 6
    others = [outcome.shares[d.name] for d in held[1:]]
    assert outcome.shares["d0"] > 2 * max(others) and min(others) > 0.01  # and all who have common data earn
    assert not any("nowhere" in why for one in outcome.rounds for why in one.left_out.values())


class Shows:
    """Shows a good update of one device beside a change that is none, as if it led a node."""

    def __init__(self, device, spoil, names=()):
        self.name, self._device, self._spoil, self.devices = device.name, fleet.Local(device), spoil, names

    async def apply(self, wanted, timeout):
        return await self._device.apply(wanted, timeout)

    async def fit(self, parameters, wanted, timeout, step=None):
        update = await self._device.fit(parameters, wanted, timeout)
        change = split(flat(update.change) * np.float32(self._spoil), shapes_of(parameters))
        return replace(update, change=change, digest=digest(change), parts={"x": update, "y": update})


def test_what_is_valued_is_what_is_used():
    made, test = devices(8)
    validation = fleet.Validation(test.inputs[:200], test.targets[:200])

    def play(names):
        members = [*(fleet.Local(d) for d in made[:6]), *(Shows(d, -1, names) for d in made[6:])]
        rounds = fleet.Rounds(fleet.Demand(WANTED, rounds=4), members, fleet.strategy("robust"), test,
                              validation=validation)  # fmt: skip
        return asyncio.run(rounds.run())

    stranger, node = play(()), play(("x",))
    assert stranger.shares["d006"] < 0.01 and stranger.rounds[-1].score > 0.85
    assert "d006/x" in node.rounds[0].used and "d006" not in node.rounds[0].used  # its own change is nowhere
    assert not any(name.endswith("/y") for one in node.rounds for name in (*one.used, *one.values))
    assert node.shares["d006/x"] > 0.05 and node.rounds[-1].score > 0.85


def test_a_salt_has_sixteen_bytes_and_the_commitment_binds_where_it_ends():
    x, y = np.zeros((3, 2), np.float32), np.zeros(3, np.float32)
    with pytest.raises(FleetError, match="16 bytes"):
        fleet.Validation(x, y, bytes(17))
    one = fleet.Validation(x, y, bytes(16))
    assert one.commitment() != fleet.Validation(x[:2], y[:2], bytes(16)).commitment()


def test_valuing_costs_no_more_than_its_budget():
    from klopf.fleet import _contribution as contribution
    from klopf.fleet.models import made

    class Counts:
        calls = 0

        def load(self, parameters):
            pass

        def loss(self, inputs, targets):
            self.calls += 1
            return float(np.random.default_rng(self.calls).random())

    model = made("mind", SETTINGS, 3)
    now = model.parameters()
    rng = np.random.default_rng(0)
    changes = {f"p{i:03}": rng.normal(size=flat(now).size).astype(np.float32) for i in range(150)}
    validation = fleet.Validation(np.zeros((1, 64), np.float32), np.zeros(1, np.float32))
    counting = Counts()
    game = fleet.Game(counting, validation, now, changes, dict.fromkeys(changes, 1.0))
    fleet.gtg(game, 0)
    assert counting.calls <= contribution.BUDGET + 150
