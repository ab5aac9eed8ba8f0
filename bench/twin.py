"""A world to fail in: how fast it is, whether a seed is one world, what coupling adds to a storm, whom the gate
refuses, who decides best, and what CityLearn says of the same series.

    python bench/twin.py [--quick] [--json] [--only PART] [--citylearn PYTHON]

Policies and CityLearn's figures are of the series in ``../shared/data``, where that is; without it, of a made year.
``--citylearn`` names a Python that has CityLearn (2.1.2) installed: its speed is then measured in the same run, its net
load compared. CityLearn's battery has another curve of efficiency than ours: what is compared is the year without one.

Speed is that of 1,000 households, without agents, in steps of a quarter of an hour; processor seconds of one core, of a
year where ``--quick`` does not take a twentieth of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from figures import Report, arguments

from klopf.twin import (
    Plan,
    Response,
    Scenario,
    Series,
    World,
    calibrate,
    drill,
    gate,
    meters_of,
    outcome,
    policy_called,
)

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.twin.violators import violators

DATA = Path(__file__).parents[2] / "shared/data/citylearn-2022-phase-1"
YEAR = 35_040
LARGE = Plan(households=1000, minutes=15, feeders=20, depth=5)


def speed(report: Report, quick: bool) -> None:
    steps = YEAR // 20 if quick else YEAR
    world = World(LARGE, 0).run(10)  # what is compiled once is not counted
    before = time.process_time()
    world.run(steps)
    took = time.process_time() - before
    report.figure("1,000 households, a year at quarter hours", took * YEAR / steps, "s of one core", at_most=60)
    report.figure("the same, steps a second", steps / took, "1/s")
    tracemalloc.start()
    world.run(200)
    early = tracemalloc.get_traced_memory()[0]
    world.run(200 if quick else 2000)
    grown = (tracemalloc.get_traced_memory()[0] - early) / 1e6
    tracemalloc.stop()
    report.figure("memory that the next steps add", grown, "MB", at_most=1)


def one_seed(report: Report) -> None:
    code = (
        "from klopf.twin import *; w = World(Plan(households=50, minutes=30), 7, scenario=Scenario.read('storm')); "
        "print(w.run(672).digest())"
    )
    said = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    report.figure("worlds that a seed makes in two processes", len(said), "", at_most=1)


def storm(report: Report, quick: bool) -> None:
    """A storm rehearsed: what training is worth in worlds that it has not seen, and what coupling adds."""
    seeds = range(5 if quick else 20)
    told = drill(Scenario.read("storm"), seeds=seeds, rounds=3 if quick else 6, many=12 if quick else 16)
    report.say(f"trained in {told.worlds} worlds: {'; '.join(Response(told.response).says())}")
    means: dict[tuple[str, str], float] = {}
    for name, came in told.came.items():
        for what, unit in (("hours", "customer hours lost"), ("grid", "customer hours without grid"),
                           ("money", "money lost and paid")):  # fmt: skip
            values = came[what]
            means[name, what] = float(np.mean(values))
            report.say(
                f"storm, {name:<30} {np.mean(values):8,.0f} [{min(values):,.0f}, {max(values):,.0f}] {unit}, "
                f"{len(seeds)} seeds"
            )
            report.figure(f"storm, {name}: mean of {len(seeds)} seeds", means[name, what], unit)
    for what in ("hours", "money"):
        for like in ("", ", others like it"):
            share = means["trained" + like, what] / means["today's rules" + like, what]
            report.figure(f"storm{like}: {what} lost by the trained response, of today's", share, "", at_most=1)
    added = means["today's rules", "hours"] / means["today's rules, uncoupled", "hours"]
    report.figure("storm: hours lost where sectors are coupled, of that where they are not", added, "", at_least=1)


def policies(report: Report, quick: bool) -> None:
    """A month in late spring, 20 households, each policy in the same worlds."""
    series = Series.citylearn(DATA) if DATA.is_dir() else Series.made()
    seeds, days = (2, 30) if quick else (20, 30)
    names = ("nothing", "rules", "cheapest", "planner", "listening", "foresight")
    came = {
        name: [
            outcome(World(Plan(start=240), seed, series).run(days * 24, policy_called(name)), name)
            for seed in range(seeds)
        ]
        for name in names
    }
    best = np.array([one.cost for one in came["foresight"]])
    for name, some in came.items():
        for what, unit in (("cost", "money"), ("carbon", "kg"), ("comfort", ""), ("outages", "customer hours"),
                           ("welfare", "money"), ("least", "money")):  # fmt: skip
            values = [getattr(one, what) for one in some]
            report.say(f"{name:<10} {what:<8} {np.mean(values):10.2f} [{min(values):.2f}, {max(values):.2f}] {unit}")
            report.figure(f"{name}: {what}, mean of {seeds} seeds", float(np.mean(values)), unit)
        above = float(np.mean(np.array([one.cost for one in some]) / best - 1.0))
        asked = {"at_most": 0.05} if name in ("planner", "listening") else {}
        report.figure(f"{name}: cost above who sees everything", above, "", **asked)


def the_gate(report: Report, quick: bool) -> None:
    planted = violators()
    refused = sum(not gate(make, seeds=range(4 if quick else 10), stop=True).released for make in planted.values())
    report.figure(f"planted violators refused, of {len(planted)}", refused, "", at_least=len(planted))
    good = ("rules", "nothing", "cheapest", "planner", "listening", "foresight")
    seeds = range(2 if quick else 10)
    before = time.process_time()
    verdicts = [gate(lambda name=name: policy_called(name), seeds=seeds) for name in good]
    took = (time.process_time() - before) / len(good)
    for name, one in zip(good, verdicts, strict=True):
        for breach in one.breaches[:3]:
            report.say(f"gate, {name}: {breach}")
    report.figure(f"shipped policies refused, of {len(good)}", sum(not one.released for one in verdicts), "")
    report.figure(f"a verdict over {verdicts[0].worlds} worlds", took, "s of one core", at_most=120)
    report.figure("share of seeds that may break something all the same, 95 %", verdicts[0].missed, "")


def calibration(report: Report) -> None:
    """Five real households of a data set, less four kW of panels each: how far off their twins are."""
    if not DATA.is_dir():
        report.say("no ../shared/data: no twin is fitted")
        return
    meters, outside, names = meters_of(DATA)
    for days in (60, 120, 250):
        told = calibrate(meters, outside, days, names=names)
        for i, name in enumerate(names):
            report.say(
                f"fitted to {days} days, {name}: off {told.spread[i]:.0%} an hour (rival {told.rival[i]:.0%}), "
                f"{told.daily[i]:.0%} a day, bias {told.bias[i]:+.0%}; alarm on day {told.drifts[i]}"
            )
        share = float(np.mean(np.array(told.spread) / np.array(told.rival)))
        report.figure(f"fitted to {days} days: off on 30 not seen, of the week before's", share, "", at_most=1)


ASK = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
from citylearn.citylearn import CityLearnEnv
env = CityLearnEnv("citylearn_challenge_2022_phase_1", central_agent=True, simulation_start_time_step=0,
                   simulation_end_time_step=int(sys.argv[1]) - 1)
env.reset()
before, done, steps = time.process_time(), False, 0
while not done:
    done, steps = env.step([[0.0] * 5])[2], steps + 1
took = time.process_time() - before
net = [list(map(float, b.net_electricity_consumption)) for b in env.buildings]
print(json.dumps({"steps": steps / took, "net": net}))
"""


def citylearn(report: Report, python: str, quick: bool) -> None:
    if not python or not DATA.is_dir():
        report.say("no --citylearn, or no ../shared/data: CityLearn is not asked")
        return
    hours = 400 if quick else 1440
    done = subprocess.run([python, "-c", ASK, str(hours)], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    series = Series.citylearn(DATA)
    plan = Plan(households=5, variety=0.0, heat_pump=0.0, battery=0.0, sectors=("households",))
    world = World(plan, 0, series)
    world.sectors["households"].homes[3] = [4.0, 4.0, 4.0, 5.0, 4.0]  # kW of photovoltaics, by its schema
    world.advance()
    before = time.process_time()
    world.run(hours - 1)
    ours = (hours - 1) / (time.process_time() - before)
    net = np.maximum(np.array(theirs["net"])[:, :hours], 0.0)
    sums = world.sums()["households"]
    for what, by in (("cost", series.price), ("carbon", series.carbon)):
        off = abs(float(sums[what].sum() / (net * by[:hours]).sum()) - 1.0)
        report.figure(f"no control, {what}: off CityLearn's over {hours} hours", off, "", at_most=0.01)
    report.figure("five households, steps a second, of CityLearn's", ours / theirs["steps"], "times")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--citylearn", default="", help="a Python that has CityLearn")
    parser.add_argument(
        "--only", default="", help="one part: seed, storm, gate, calibration, policies, citylearn or speed"
    )
    asked = parser.parse_args()
    parts = {
        "seed": lambda: one_seed(report),
        "storm": lambda: storm(report, asked.quick),
        "gate": lambda: the_gate(report, asked.quick),
        "calibration": lambda: calibration(report),
        "policies": lambda: policies(report, asked.quick),
        "citylearn": lambda: citylearn(report, asked.citylearn, asked.quick),
        "speed": lambda: speed(report, asked.quick),
    }
    if asked.only and asked.only not in parts:
        parser.error(f"--only {asked.only}: one of {', '.join(parts)}")
    with Report(asked.json) as report:
        for name, part in parts.items():
            if asked.only in ("", name):
                part()


if __name__ == "__main__":
    main()
