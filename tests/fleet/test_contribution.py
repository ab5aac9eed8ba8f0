"""What an update was worth: near exact values, nothing for harm, also inside nodes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError
from klopf.fleet import adversaries
from klopf.fleet._parameters import flat
from klopf.fleet.models import made
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


def halves(test):
    return fleet.Validation(test.inputs[:200], test.targets[:200]), fleet.Test(test.inputs[200:], test.targets[200:])


def first_game(count):
    from_devices, test = devices(count)
    model = made("mind", SETTINGS, 3)
    now = model.parameters()
    changes = {d.name: flat(d.fit(now, WANTED).change) for d in from_devices}
    weights = {d.name: float(1 + i % 3) for i, d in enumerate(from_devices)}
    return fleet.Game(model, halves(test)[0], now, changes, weights)


def test_the_estimate_is_near_the_exact_values():
    game = first_game(8)
    truly, estimated = fleet.exact(game), fleet.gtg(game, 0)
    a, b = (np.array(list(values.values())) for values in (truly, estimated))
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= 0.99
    assert sum(truly.values()) == pytest.approx(game.utility(range(8)) - game.utility(()))
    assert fleet.gtg(game, 0) == estimated


def test_nodes_are_valued_first_and_then_their_devices():
    game = first_game(6)
    alone, grouped = fleet.gtg(game, 0), fleet.gtg(game, 0, {f"d{i:03}": f"n{i // 3}" for i in range(6)})
    assert sum(alone.values()) == pytest.approx(sum(grouped.values()), abs=0.01)
    first = sum(grouped[f"d{i:03}"] for i in range(3))
    two = (game.utility(range(3)) - game.utility(()) + game.utility(range(6)) - game.utility((3, 4, 5))) / 2
    assert first == pytest.approx(two, rel=0.02)  # of two nodes, the mean of coming first and coming last


def test_a_round_that_changed_nothing_is_not_valued():
    game = first_game(3)
    still = fleet.Game(made("mind", SETTINGS, 3), game._validation, made("mind", SETTINGS, 3).parameters(),
                       {name: np.zeros_like(game._now) for name in game.names}, game.weights)  # fmt: skip
    assert set(fleet.gtg(still, 0).values()) == {0.0}
    assert fleet.shares(fleet.gtg(still, 0)) == dict.fromkeys(game.names, 0.0)


def test_a_game_of_some_never_counts_less_than_the_model_without_the_round():
    game = first_game(3)
    model, rows = made("mind", SETTINGS, 3), {"a": game.rows[0], "b": -9 * game.rows[1], "c": game.rows[2]}
    spoilt = fleet.Game(model, game._validation, model.parameters(), rows, dict.fromkeys(rows, 1.0))
    paid = spoilt.among(["a", "b"])
    assert paid.names == ["a", "b"] and spoilt.utility((1,)) < spoilt.utility(()) == paid.utility((1,))
    assert paid.utility((0,)) == spoilt.utility((0,))


def test_exact_values_are_for_few():
    with pytest.raises(FleetError, match="at most 12"):
        fleet.exact(first_game(13))


@pytest.mark.parametrize("kind", adversaries.KINDS)
def test_three_of_ten_who_cheat_earn_next_to_nothing(kind):
    honest, test = devices(10)
    validation, own = halves(test)
    members = [fleet.Local(d) for d in honest[:7]]
    members += [fleet.Local(adversaries.Dishonest(d, kind, honest[0].fit)) for d in honest[7:]]
    rounds = fleet.Rounds(fleet.Demand(WANTED, rounds=8), members, fleet.strategy("robust"), own, validation=validation)
    outcome = asyncio.run(rounds.run())
    earned = [outcome.shares.get(d.name, 0) for d in honest]
    if kind == "copied":  # whoever is copied and his copies are paid as one, whoever came first
        assert earned[0] + sum(earned[7:]) <= 1.4 * np.mean(earned[1:7])
        assert "d007" in outcome.rounds[0].near["d000"] and "d000" in outcome.rounds[0].near["d007"]
    else:
        assert np.mean(earned[7:]) <= 0.05 * np.mean(earned[:7])
    if kind == "backdoor":  # which the validation set cannot show, so it is not taken
        assert all("shows nowhere" in one.left_out["d007"] for one in outcome.rounds)
    assert min(earned[:7]) > 0.3 * np.mean(earned[:7]) or kind == "copied"
    assert outcome.rounds[-1].score > 0.92
    assert sum(earned) == pytest.approx(1)


def test_devices_of_nodes_are_valued_one_by_one():
    made_, test = devices(6)
    validation, own = halves(test)
    spoilt = adversaries.Dishonest(made_[5], "label flips", made_[0].fit)
    first = fleet.Leader("n0", [fleet.Local(d) for d in made_[:3]], lambda: fleet.strategy("robust"))
    second = fleet.Leader("n1", [fleet.Local(d) for d in (*made_[3:5], spoilt)], lambda: fleet.strategy("robust"))
    rounds = fleet.Rounds(
        fleet.Demand(WANTED, rounds=3), [first, second], fleet.strategy("average"), own, validation=validation
    )
    outcome = asyncio.run(rounds.run())
    assert set(outcome.shares) == {f"n{i // 3}/d{i:03}" for i in range(6)}
    assert outcome.shares["n1/d005"] < 0.05 < min(outcome.shares[f"n0/d{i:03}"] for i in range(3))


def test_the_validation_set_is_bound_before():
    x, y = np.zeros((3, 2), np.float32), np.zeros(3, np.float32)
    one = fleet.Validation(x, y)
    assert one.commitment() == replace(one).commitment() != fleet.Validation(x, y).commitment()
    assert one.commitment() != fleet.Validation(x, y + 1, one.salt).commitment()


def test_a_commitment_is_the_hash_of_its_parts_each_after_its_length():
    """Written out once more, so that whoever checks one by another programme finds the same."""
    from hashlib import sha256

    x, y, salt = np.array([[1, 2]], np.float32), np.array([3], np.float32), bytes(range(16))
    parts = [salt, b"(1, 2)", x.tobytes(), y.tobytes()]
    said = b"klopf validation set 1" + b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    assert fleet.Validation(x, y, salt).commitment() == sha256(said).hexdigest()
