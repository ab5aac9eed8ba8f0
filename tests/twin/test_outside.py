"""Series and scenarios: what is read is checked."""

import numpy as np
import pytest

from klopf.errors import TwinError
from klopf.twin import SCENARIOS, Plan, Scenario, Series, World
from klopf.twin import _kernels as k


def test_a_made_year_is_its_seeds_alone():
    one, same, other = Series.made(1), Series.of("made:1:8"), Series.made(2)
    assert (one.outside == same.outside).all() and (one.uses == same.uses).all()
    assert (one.outside != other.outside).any()
    assert -25 < one.outside.min() < 0 < 25 < one.outside.max() < 45
    assert 700 < one.sun[:, 0].sum() < 1400  # kWh of a kW in a year, as in a temperate place


def test_real_households_are_used_to_the_digit(citylearn):
    """Without variety each household is its file: use, sun times its kW, and the year's bill without a battery."""
    series = Series.citylearn(citylearn)
    assert series.uses.shape == (8760, 5) and len(series) == 8760
    plan = Plan(households=5, variety=0.0, heat_pump=0.0, battery=0.0, sectors=("households",))
    world = World(plan, 0, series)
    for _ in range(100):
        world.advance()
    S = world.sectors["households"].state["now"]
    assert (S[k.S_LOAD] == series.uses[99]).all()
    net = series.uses[:100] - 4.0 * series.sun[:100]
    assert S[k.S_COST] == pytest.approx((np.maximum(net, 0) * series.price[:100, None]).sum(0))
    assert S[k.S_CARBON] == pytest.approx((np.maximum(net, 0) * series.carbon[:100, None]).sum(0))


def test_a_folder_without_buildings_is_refused(tmp_path):
    with pytest.raises(TwinError, match=r"has no Building_1\.csv"):
        Series.citylearn(tmp_path)
    (tmp_path / "Building_1.csv").write_text("hour\n1\n")
    with pytest.raises(TwinError, match="cannot be read"):
        Series.citylearn(tmp_path)


@pytest.mark.parametrize("source", ["", "made", "made:1", "made:x:1", "made:1:0", "moon:1"])
def test_a_source_that_names_no_series_is_refused(source):
    with pytest.raises(TwinError, match="no series is called"):
        Series.of(source)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_ships_is_read_and_says_what_it_means(name):
    scenario = Scenario.read(name)
    assert scenario.says and scenario.shocks and Scenario.of(scenario.as_dict()) == scenario


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "is no scenario"),
        ("heading = 'x'", "and no heading"),
        ('title = "a\\nb"', "one line"),
        ("shock = 3", "a list"),
        ("[[shock]]\nat = -1", "at = -1 must be"),
        ("[[shock]]\nat = nan\nlasts = 1", "at = nan must be"),
        ("[[shock]]\nat = 1\nlasts = 1\nsector = 'power'", "kind is missing"),
        ("[[shock]]\nat = 1\nlasts = 1\nsector = 'weather'\nkind = 'snow'", "the weather's kinds"),
        ("[[shock]]\nat = 1\nlasts = 1\nsector = 'weather'\nkind = 'sun'\namount = 2", "from 0 to 1"),
        ("[[shock]]\nat = 1\nlasts = 1\nsector = 'power'\nkind = 'lines'\nwhere = [-1]", "whole numbers from 0"),
        ("[[shock]]\nat = 1\nlasts = 1\nsector = 'power'\nkind = 'moon'", "struck by power moon"),
        ("[[shock]]\nat = 1\nwhen = 2", "and nothing else"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_with_what_is_wrong(tmp_path, text, says):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(TwinError, match=says) as caught:
        World(Plan(households=2), scenario=Scenario.read(tmp_path / "s.toml"))
    assert "\n" not in str(caught.value)


def test_an_unknown_scenario_is_answered_with_those_there_are():
    with pytest.raises(TwinError, match="one of cyber, drought, heat-wave, storm, supply"):
        Scenario.read("flood")


def test_two_months_without_control_costs_what_citylearn_says(citylearn):
    """CityLearn 2.1.2 on the same files, 1,440 hours, batteries idle: money and kg CO2 of what is drawn."""
    series = Series.citylearn(citylearn)
    world = World(Plan(households=5, variety=0.0, heat_pump=0.0, battery=0.0, sectors=("households",)), 0, series)
    world.sectors["households"].homes[k.P_PV] = [4.0, 4.0, 4.0, 5.0, 4.0]  # as its schema says
    sums = world.run(1440).sums()["households"]
    assert sums["cost"].sum() == pytest.approx(1668.9357, rel=1e-6)
    assert sums["carbon"].sum() == pytest.approx(947.06289, rel=1e-6)
