"""One seed is one world; a world can be saved, broken, put right and gone on with."""

import subprocess
import sys

import numpy as np
import pytest

from klopf.errors import ExtensionError, TwinError
from klopf.twin import Plan, Scenario, World, policy_called
from klopf.twin.sectors.water import Water

STORM = """
from klopf.twin import *
w = World(Plan(households=9, minutes=30), 3, scenario=Scenario.read("storm")).run(200)
print(w.digest())
"""


def test_a_seed_is_the_same_world_in_two_processes_and_another_seed_another():
    said = [
        subprocess.run([sys.executable, "-c", STORM], capture_output=True, text=True, check=True).stdout for _ in "ab"
    ]
    here = World(Plan(households=9, minutes=30), 3, scenario=Scenario.read("storm")).run(200)
    assert said == [here.digest() + "\n"] * 2
    assert World(Plan(households=9, minutes=30), 4, scenario=Scenario.read("storm")).run(200).digest() != here.digest()


@pytest.mark.parametrize("at", [1, 37, 43, 60])
def test_a_saved_world_goes_on_to_the_bit(tmp_path, at):
    whole, part = (World(Plan(households=5), 2, scenario=Scenario.read("storm")) for _ in "ab")
    whole.run(at).run(100 - at)
    part.run(at).save(tmp_path / "w.npz")
    on = World.load(tmp_path / "w.npz").run(100 - at)
    assert on.digest() == whole.digest() and on.lived == [("rules", at), ("rules", 100 - at)]
    fresh = World.load(tmp_path / "w.npz", fresh=True)
    assert fresh.step == 0 and fresh.digest() == World(Plan(households=5), 2, scenario=Scenario.read("storm")).digest()


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_world_is_refused_in_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(TwinError, match=r"w\.npz (cannot be read|is no saved world)") as caught:
        World.load(tmp_path / "w.npz")
    assert "\n" not in str(caught.value)


def test_a_broken_sector_stops_the_world_before_the_step_and_it_goes_on(monkeypatch):
    world, other = World(Plan(households=4), 1).run(30), World(Plan(households=4), 1).run(30)
    before, settle = world.digest(), Water.settle

    def broken(self, now, goods):
        self.state["level"][0] = -1.0
        self.note(now, "half a step")
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr(Water, "settle", broken)
    with pytest.raises(ExtensionError, match=r"^the sector 'water' fails at day 1 06:00 \(step 30\): Zero.*two lines$"):
        world.run(5)
    assert world.digest() == before
    monkeypatch.setattr(Water, "settle", settle)
    world.run(5), other.run(5)
    kept = [list(one.lived) for one in (world, other)]
    assert kept == [[("rules", 30), ("rules", 5)]] * 2 and world.digest() == other.digest()


@pytest.mark.parametrize(
    ("acts", "says"),
    [
        ({"people": np.zeros((4, 2))}, "must be 0 units by 0 acts"),
        ({"moon": np.zeros((4, 2))}, "no sector 'moon'"),
        ({"households": np.zeros((3, 2))}, r"4 units by 2 acts, not \(3, 2\)"),
        ({"households": np.full((4, 2), 1.1)}, r"lies in \[-1, 1\]"),
        ({"water": np.full((1, 1), np.inf)}, r"lies in \[-1, 1\]"),
    ],
)
def test_an_act_that_cannot_be_is_refused(acts, says):
    with pytest.raises(TwinError, match=says):
        World(Plan(households=4)).advance(acts)


@pytest.mark.parametrize(
    "wrong",
    [{"households": 0}, {"households": True}, {"minutes": 7}, {"pv": float("nan")}, {"pv": -1}, {"efficiency": 0.0},
     {"sectors": ()}, {"sectors": ("power", "power")}, {"line": 0.0}, {"start": 1.5}],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(TwinError):
        Plan(**wrong)


def test_a_world_of_a_few_sectors_has_enough_of_what_nobody_gives():
    world = World(Plan(households=4, sectors=("households",))).run(48)
    assert not world.sums()["households"]["dark"].any()


def test_a_world_that_comes_round_to_its_first_hour_again():
    world = World(Plan(households=2, start=364)).run(48)
    assert world.step == 48 and np.isfinite(world.now.outside)


def test_replayed_by_another_policy_the_weather_and_luck_are_the_same():
    worlds = [World(Plan(households=6), 5).run(100, policy_called(name)) for name in ("rules", "nothing")]
    done = [one.sums()["factory"]["done"].sum() for one in worlds]
    assert done[0] == done[1] > 0


def test_memory_is_flat():
    world = World(Plan(households=4), 1)
    world.record.most = 40
    for _ in range(200):
        world.record.add(0, "day 0", "power", "something")
    assert len(world.record) <= 40 and world.record.chain(199)[0].id == 199 and world.record.chain(0) == []
