"""What is conserved, what is bounded, and that failures travel with their cause."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf import checks
from klopf.errors import ExtensionError
from klopf.twin import SECTORS, Plan, Scenario, Sector, Shock, World
from klopf.twin import _kernels as k
from klopf.twin.sectors.factory import BEST, SHOP, TOOK


@pytest.mark.parametrize("name", list(SECTORS.shipped))
def test_what_klopf_ships_keeps_its_promises(name):
    checks.check_sector(name)


@given(seed=st.integers(0, 2**32 - 1), scenario=st.sampled_from(["", "storm", "cyber", "supply", "heat-wave"]))
@settings(max_examples=15, deadline=None)
def test_energy_is_conserved_and_batteries_stay_within_themselves(seed, scenario):
    world = World(Plan(households=6, minutes=30, start=seed % 365), seed,
                  scenario=Scenario.read(scenario) if scenario else None)  # fmt: skip
    homes, S = world.sectors["households"].homes, world.sectors["households"].state["now"]
    rng = np.random.default_rng(seed)
    for _ in range(150):
        world.advance({"households": rng.uniform(-1, 1, (6, 2))})
        assert (S[k.S_STORED] >= 0).all() and (S[k.S_STORED] <= homes[k.P_CAPACITY]).all()
        assert (np.abs(S[k.S_CHARGE]) <= homes[k.P_BATTERY] + 1e-9).all()
        lit = S[k.S_LACK] <= 1e-9
        balance = S[k.S_GRID] + S[k.S_SUN] - S[k.S_LOAD] - np.abs(S[k.S_WARMING]) - S[k.S_CHARGE]
        served = world._goods["power"].share[world.plan.home_bus] >= 1.0
        assert np.abs(balance[lit & served]).max(initial=0.0) < 1e-9  # an island throws away what it cannot store
        assert (balance[lit & ~served] > -1e-9).all()
        assert np.isfinite(S).all()


def test_a_battery_loses_what_its_efficiency_says():
    """One full charge and one full discharge of 6.4 kWh at 0.9: in by 6.4 / sqrt(0.9), out by 6.4 * sqrt(0.9)."""
    world = World(Plan(households=1, variety=0.0, pv=0.0, heat_pump=0.0))
    base = World(Plan(households=1, variety=0.0, pv=0.0, heat_pump=0.0, battery=0.0))
    for act in (1.0, 1.0, -1.0, -1.0):
        world.advance({"households": np.array([[act, np.nan]])})
        base.advance()
    more = world.sums()["households"]["imported"] - world.sums()["households"]["exported"]
    less = base.sums()["households"]["imported"] - base.sums()["households"]["exported"]
    assert more - less == pytest.approx(6.4 / 0.9**0.5 - 6.4 * 0.9**0.5)
    assert world.sectors["households"].state["now"][k.S_STORED, 0] == pytest.approx(0.0)


def test_a_house_cools_as_its_walls_let_it():
    """Without heating the difference to the outside falls by exp(-t / RC)."""
    plan = Plan(households=1, variety=0.0, heat_pump=0.0)
    world = World(plan)
    inside = 20.0
    for _ in range(24):
        outside = world.now.outside
        inside = outside + (inside - outside) * np.exp(-1.0 / 48.0)
        world.advance()
    assert world.sectors["households"].state["now"][k.S_INSIDE, 0] == pytest.approx(inside)


def test_the_shop_of_1963_is_that_of_1963():
    """Its lower bounds: the longest job, the busiest machine; and no shop is faster than the best."""
    jobs = TOOK.sum(1)
    machines = np.array([TOOK[m == SHOP].sum() for m in range(6)])
    assert jobs.tolist() == [26, 47, 34, 35, 25, 30] and machines.max() == 43
    step, left = np.zeros(6, np.int64), np.zeros(6, np.int64)
    at, broken = np.full(6, -1, np.int64), np.zeros(6, np.int64)
    took = 0
    while took == 0 or step.any() or (at >= 0).any():
        k.shop_units(SHOP, TOOK, step, left, at, broken, 0, took, 1, 0.0, 1)
        took += 1
    assert BEST <= took <= 1.3 * BEST


def test_a_storm_travels_through_three_sectors_and_the_record_says_why():
    world = World(Plan(), 0, scenario=Scenario.read("storm")).run(7 * 24)
    no_work = next(one for one in world.record if "no work" in one.what)
    assert [line.partition("  ")[2] for line in world.chain(no_work)] == [
        "outside: Storm: lines",
        "power: line 1 fell: 8 households behind it",
        "water: the pump stands still",
        "water: the tank is empty",
        "factory: the factory stands still: no water",
        "people: 4 people have no work",
    ]
    assert any(one.what.endswith("households are cold") and one.cause >= 0 for one in world.record)


def test_uncoupled_the_damage_stays_where_it_is():
    coupled, alone = (World(Plan(), 0, scenario=Scenario.read("storm"), coupled=c).run(168) for c in (True, False))
    assert coupled.sums()["power"]["outages"] == alone.sums()["power"]["outages"] > 0
    assert coupled.sums()["factory"]["stood"] > 0 == alone.sums()["factory"]["stood"]
    assert coupled.sums()["people"]["lost"].sum() > alone.sums()["people"]["lost"].sum() > 0


def test_who_is_mended_first_can_be_chosen():
    def dark(urgent: bool) -> float:
        world = World(Plan(), 0, scenario=Scenario.read("storm"))
        first = np.full((world.plan.buses, 1), np.nan)
        first[1] = 1.0
        for _ in range(168):
            world.advance({"power": first} if urgent else None)
        return float(world.sums()["power"]["outages"][0])

    assert dark(True) < dark(False)


def test_batteries_serve_their_own_household_in_an_outage():
    storm = Scenario("cut", "", (Shock(24.0, 6.0, "power", "lines", where=(1, 5, 9, 13)),))
    full, empty = World(Plan(start=150), 1, scenario=storm), World(Plan(start=150), 1, scenario=storm)
    for hour in range(40):
        idle = np.full((20, 2), np.nan)
        idle[:, 0] = 1.0 if hour < 24 else np.nan
        full.advance({"households": idle})
        idle[:, 0] = -1.0 if hour < 24 else np.nan
        empty.advance({"households": idle})
    assert full.sums()["households"]["dark"].sum() < empty.sums()["households"]["dark"].sum()


def test_lines_that_carry_too_much_open():
    world = World(Plan(households=300, line=0.01, battery=0.0), 1).run(72)
    assert world.breaches()["power: line hours above the limit"] > 0
    assert any("too warm" in one.what for one in world.record)


@pytest.mark.parametrize("scenario", ["storm", "heat-wave", "drought", "cyber", "supply"])
def test_each_disaster_that_ships_does_harm(scenario):
    plain, struck = (
        World(Plan(start=190), 1, scenario=Scenario.read(s) if s else None).run(168) for s in ("", scenario)
    )
    harm = [one.sums()["people"]["lost"].sum() + one.sums()["households"]["cost"].sum() for one in (plain, struck)]
    assert harm[1] > 1.01 * harm[0] and any(one.sector in ("outside", "weather") for one in struck.record)


class Forgetful(Sector):
    """Keeps what changes outside its state."""

    def begin(self):
        self.state, self.times = {"sum": np.zeros(1)}, 0

    def ask(self, now, goods, act):
        self.times += 1

    def settle(self, now, goods):
        self.state["sum"] += self.times


class Drawing(Forgetful):
    """Draws from nobody's seed."""

    def settle(self, now, goods):
        self.state["sum"] += np.random.default_rng().random()


@pytest.mark.parametrize(
    ("kind", "says"), [(Forgetful, "keep nothing that changes"), (Drawing, "draw chance from the")]
)
def test_the_check_refuses_what_breaks_a_promise(kind, says, monkeypatch):
    load = type(SECTORS).load
    monkeypatch.setattr(type(SECTORS), "load", lambda self, name: kind if name == "odd" else load(self, name))
    with pytest.raises(AssertionError, match=says):
        checks.check_sector("odd")


def test_a_sector_that_is_not_there_is_named():
    with pytest.raises(ExtensionError, match="no sector is called 'moon'"):
        World(Plan(sectors=("moon",)))
