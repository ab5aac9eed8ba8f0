"""Who decides: nobody beats what sees everything, and who plans for itself comes near."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from klopf.errors import TwinError
from klopf.twin import POLICIES, Plan, World, gate, outcome, policy_called
from klopf.twin import _kernels as k

PAGE = Path(__file__).parents[2] / "docs" / "twin.md"
QUICK = [name for name in POLICIES if name != "learners"]


def cost(name: str, seed: int, days: int = 10, **plan) -> float:
    return outcome(World(Plan(households=6, start=150, **plan), seed).run(days * 24, policy_called(name))).cost


def test_a_plan_is_the_cheapest_there_is():
    """Against every sequence of five steps of a battery that holds two kWh, loses nothing and moves one at a time."""
    P = np.zeros((k.PARAMETERS, 1))
    P[k.P_CAPACITY], P[k.P_BATTERY], P[k.P_EFFICIENCY] = 2.0, 1.0, 1.0
    rng = np.random.default_rng(0)
    for _ in range(20):
        rest, price = rng.integers(-1, 3, 5).astype(float), rng.choice([0.1, 0.2, 0.5], 5)
        best = {}
        for moves in itertools.product((-1.0, 0.0, 1.0), repeat=5):
            held = 1.0 + np.cumsum(moves)
            if (held < 0).any() or (held > 2).any():
                continue
            spent = (np.maximum(rest + moves, 0.0) * price).sum() - held[-1] * price.min()
            best[moves[0]] = min(best.get(moves[0], np.inf), spent)
        act = np.zeros(1)
        k.planned(P, np.ones(1), np.ascontiguousarray(rest[:, None]), np.full(1, 99.0), price, 0.0, 1.0, 33, act)
        first = max(-1.0, min(1.0, -rest[0])) if np.isnan(act[0]) else act[0]
        assert first in best and best[first] == pytest.approx(min(best.values()))


def test_who_sees_everything_is_cheapest_and_who_knows_only_its_own_comes_near():
    bills = {name: cost(name, 0) for name in QUICK}
    assert bills["foresight"] < min(value for name, value in bills.items() if name != "foresight")
    assert bills["planner"] < bills["rules"] < bills["nothing"]
    assert bills["listening"] < bills["rules"]


@pytest.mark.parametrize("name", ["planner", "listening"])
def test_what_a_household_does_follows_from_what_it_may_see(name):
    """Another use of another household changes nothing of what this one does."""
    plan = Plan(households=4, start=150)
    one, other = World(plan, 1), World(plan, 1)
    other.sectors["households"].homes[k.P_SCALE, 3] *= 3.0
    policies = policy_called(name), policy_called(name)
    for _ in range(120):
        acts = [p.acts(w)["households"] for p, w in zip(policies, (one, other), strict=True)]
        assert np.array_equal(acts[0][:3], acts[1][:3], equal_nan=True)
        one.advance({"households": acts[0]}), other.advance({"households": acts[1]})


@pytest.mark.parametrize("name", QUICK)
def test_the_same_seed_is_the_same_life_under_each(name):
    assert len({World(Plan(households=3), 2).run(60, policy_called(name)).digest() for _ in "ab"}) == 1


def test_households_follow_who_saves_them_most():
    world, listening = World(Plan(households=6, start=150), 0), policy_called("listening")
    world.run(20 * 24, listening)
    with_battery = world.sectors["households"].homes[k.P_CAPACITY] > 0
    followed = {listening.speakers[m].name for m in listening.seat[with_battery]}
    heard = listening._utility[:, with_battery]
    chosen = heard[listening.seat[with_battery], np.arange(with_battery.sum())]
    assert "planner" in followed and (heard.max(0) <= 1.1 * chosen + 1e-9).all()  # the rule's margin protects who sits


@pytest.mark.parametrize("name", ["cheapest", "planner", "listening", "foresight"])
def test_what_ships_passes_the_gate(name):
    verdict = gate(lambda: policy_called(name), seeds=(0,), scenarios=("", "storm"))
    assert verdict.released, verdict.breaches[:3]


@pytest.mark.long
def test_streaming_agents_are_among_those_who_speak():
    world = World(Plan(households=3, start=150), 0)
    learners = policy_called("learners")
    world.run(72, learners)
    again = World(Plan(households=3, start=150), 0).run(72, policy_called("learners"))
    assert world.digest() == again.digest() and learners.speakers[-1].earned.shape == (3,)


def test_a_policy_that_is_not_there_is_named():
    with pytest.raises(TwinError, match=r"'magic': one of rules, nothing, cheapest"):
        policy_called("magic")


def test_the_pages_policy_of_ones_own_decides_and_is_tried(capsys):
    written = PAGE.read_text().split("## A policy of your own")[1]
    names: dict = {"__name__": "page"}
    exec(re.search(r"^```python\n(.*?)^```", written, re.S | re.M)[1], names)
    assert "policy='at-night'" in capsys.readouterr().out and names["verdict"].worlds == 6
    by_rules = World(names["plan"], seed=1).run(24)
    assert outcome(by_rules).cost != outcome(names["world"]).cost


def test_what_the_page_says_that_units_decide_is_what_sectors_take():
    rows = PAGE.read_text().split("## A policy of your own")[1].split("```")[0]
    said = {row.split("|")[1].strip() for row in rows.splitlines() if row.startswith("| ")} - {"sector"}
    world = World(Plan(households=3))
    assert said == {name for name, one in world.sectors.items() if one.units}
